import type { ClientLink, Connect } from "../../lib/link.ts";
import {
  decodeServerMessage,
  encodeFetch,
  encodeMutations,
  encodeSubscribe,
  type ServerMessage,
} from "../../lib/messages.ts";
import { encodeMutation } from "../../lib/mutation-codec.ts";
import type { ObjectId } from "../../lib/object.ts";
import type { Operation } from "../../lib/operation.ts";
import { PROTOCOL } from "../../lib/protocol.ts";
import { ShapeDictionary } from "../../lib/shape-codec.ts";
import { KnownShapes, makePropertySet, ShapeTable } from "../../lib/shape.ts";
import type { Topic } from "../../lib/topics.ts";
import { newProcess, type Context } from "./context.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import type { Holder } from "./sights.ts";

const HIDDEN_TOPICS: readonly Topic[] = [
  { query: { s: { $startsWith: "~" } } },
  { query: { b: { $exists: true } } },
  { query: { c: { $gte: 1 } } },
  { channel: "d:1" },
  { namespace: "shared" },
];

/**
 * Somebody with a raw connection who asks for what it may not have: by guessed handles, by the ids of
 * hidden objects, by queries for hidden properties. Whatever it is told must be told to it.
 */
export class Prober {
  /** What it says that it is, and the server believes. */
  readonly user: string;
  readonly process: SimProcess;
  readonly #context: Context;
  readonly #random: SeededRandom;
  readonly #connect: Connect;
  readonly #server: () => Holder;
  readonly #table = new ShapeTable(0, makePropertySet);
  #link: ClientLink | undefined;
  #dictionary: ShapeDictionary;
  /** Whether it has been shown all that it may see. */
  #isSynced = false;
  #written = 0;
  #decided = 0;
  #requests = 0;

  constructor(context: Context, user: string, server: () => Holder) {
    this.user = user;
    this.#context = context;
    this.#server = server;
    this.process = newProcess(context, user);
    this.#random = context.random.fork(`${user} prober`);
    this.#connect = context.network.connectFrom(this.process, user);
    this.#dictionary = new ShapeDictionary(context.limits);
    this.#open();
  }

  probe(): void {
    if (!this.#isSynced) return;
    this.process.run(() => {
      const random = this.#random;
      const action = random.below(10);
      if (action < 3) this.#write({ kind: "update", id: this.#handle(), changes: { e: 1 } });
      else if (action < 5) this.#write({ kind: "update", id: this.#id(), changes: { e: 2 } });
      else if (action < 6) this.#write({ kind: "destroy", id: this.#id() });
      else if (action < 7) this.#ask((request) => encodeFetch({ request, ids: [this.#id()] }));
      else if (action < 8) {
        this.#ask((request) => encodeSubscribe(request, [random.pick(HIDDEN_TOPICS)]));
      }
    });
  }

  #open(): void {
    const hello = {
      version: PROTOCOL.version,
      world: "default",
      clientId: `${this.user}-prober-${this.#requests}`,
      cursor: { epoch: "", seq: 0 },
      auth: this.user,
    };
    this.#isSynced = false;
    this.#dictionary = new ShapeDictionary(this.#context.limits);
    this.#written = 0;
    this.#decided = 0;
    this.#link = this.#connect(hello, {
      opened: () => undefined,
      message: (bytes) => this.#hear(bytes),
      drained: () => undefined,
      closed: () => {
        this.#requests += 1;
        this.process.environment.scheduler.after(1_000, () => this.#open());
      },
    });
  }

  #hear(bytes: Uint8Array): void {
    let message: ServerMessage;
    try {
      message = decodeServerMessage(bytes, this.#dictionary, this.#context.limits);
    } catch {
      this.#link?.close(); // it came in disorder
      return;
    }
    if (message.kind !== "delta") return;
    this.#isSynced ||= message.isWhole;
    for (const { n } of message.outcomes) this.#decided = Math.max(this.#decided, n);
  }

  /** A number that may be the handle of anything. */
  #handle(): ObjectId {
    return `#${1 + this.#random.below(200)}` as ObjectId;
  }

  /** Of an object that is there, be it to be seen or not; none of those on which others rely. */
  #id(): ObjectId {
    const ids = [...this.#server().objects.keys()].filter(
      (id) => !/^(bank|final|guarded|going|coming):/.test(id),
    );
    return (ids.length === 0 ? "shared:1" : this.#random.pick(ids)) as ObjectId;
  }

  #write(operation: Operation): void {
    if (this.#written > this.#decided) return;
    const handleOf = (id: ObjectId): number | undefined =>
      id.startsWith("#") ? Number(id.slice(1)) : undefined;
    const mutation = encodeMutation({ seen: 0, operations: [operation] }, this.#table, handleOf);
    this.#written += 1;
    const message = { settled: this.#decided, first: this.#written, mutations: [mutation.bytes] };
    this.#link?.send(encodeMutations(message, [], new KnownShapes()));
  }

  #ask(encode: (request: number) => Uint8Array): void {
    this.#requests += 1;
    this.#link?.send(encode(this.#requests));
  }
}
