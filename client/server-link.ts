import { joinParts, type Change, type Delta } from "../lib/delta.ts";
import type { Clock } from "../lib/environment.ts";
import { atMost, SyncError } from "../lib/errors.ts";
import type { ClientLimits } from "../lib/limits.ts";
import type { ClientLink, Connect } from "../lib/link.ts";
import {
  decodeServerMessage,
  encodeFetch,
  encodeMutations,
  encodeSubscribe,
  type Fetched,
  type Hello,
  type ServerMessage,
  type Welcome,
} from "../lib/messages.ts";
import { encodeMutation, type EncodedMutation } from "../lib/mutation-codec.ts";
import type { ObjectId } from "../lib/object.ts";
import type { NumberedOutcome } from "../lib/outcome.ts";
import { ShapeDictionary } from "../lib/shape-codec.ts";
import { KnownShapes, makePropertySet, ShapeTable, type PropertySet } from "../lib/shape.ts";
import type { Topic } from "../lib/topics.ts";
import type { Fetch } from "./fetches.ts";
import type { Write } from "./outbox.ts";
import { Pace } from "./pace.ts";

/** What the server brings until the replica is whole again. */
export interface ServerStep {
  readonly to: number;
  readonly changes: readonly Change[];
  readonly outcomes: readonly NumberedOutcome[];
  /** Whether it replaces all that the replica has. */
  readonly isReplacing: boolean;
}

/** Who hears of a connection. Nothing comes after `ended`, nor after `ServerLink.close`. */
export interface ServerLinkListener {
  welcome(welcome: Welcome): void;
  /** A part of a step has come, with so many changes. */
  part(changes: number): void;
  step(step: ServerStep, welcome: Welcome): void;
  fetched(fetched: Fetched): void;
  ended(ending: Ending): void;
}

export interface Ending {
  /** What the server gave as its reason, or what was wrong with what it sent. */
  readonly error?: SyncError | undefined;
  /** False when the server will not have this client back. */
  readonly reconnect: boolean;
  /** Whether it should not have happened: the application is told, although it can go on. */
  readonly isFault?: boolean;
}

/**
 * One connection, from the attempt to its end: what the two sides have told each other on it, and
 * the order in which a server may speak.
 *
 * ```
 * welcome, delta*, delta (whole), then deltas that are each whole
 * ```
 */
export class ServerLink {
  /** When the attempt began, in milliseconds of the clock. */
  readonly openedAt: number;
  readonly #limits: ClientLimits;
  readonly #listener: ServerLinkListener;
  readonly #link: ClientLink;
  readonly #dictionary: ShapeDictionary;
  readonly #table: ShapeTable;
  readonly #known = new KnownShapes();
  readonly #clock: Clock;
  readonly #messages: Pace;
  readonly #mutations: Pace;
  readonly #subscriptions: Pace;
  #welcome: Welcome | undefined;
  /** What waits for the whole of which it is a part. */
  readonly #parts: Delta[] = [];
  /** All before this was received. */
  #position: number;
  #isReplacing = false;
  #isEnded = false;

  constructor(
    connect: Connect,
    hello: Hello,
    limits: ClientLimits,
    clock: Clock,
    listener: ServerLinkListener,
  ) {
    this.#limits = limits;
    this.#clock = clock;
    this.openedAt = clock.now();
    this.#messages = new Pace(limits.messagesPerSecondMax, this.openedAt);
    this.#mutations = new Pace(limits.mutationsPerSecondMax, clock.now());
    this.#subscriptions = new Pace(limits.subscriptionsPerSecondMax, clock.now());
    this.#listener = listener;
    this.#dictionary = new ShapeDictionary(limits);
    this.#table = new ShapeTable(limits.shapesMax, makePropertySet);
    this.#position = hello.cursor.seq;
    this.#link = connect(hello, {
      opened: () => undefined,
      message: (bytes) => {
        if (!this.#isEnded) this.#receive(bytes);
      },
      drained: () => undefined,
      closed: (error, reconnect) => {
        this.#end({ error, reconnect: reconnect ?? error?.retryable ?? true });
      },
    });
  }

  get welcome(): Welcome | undefined {
    return this.#welcome;
  }

  /** Ends the connection; the listener hears nothing more of it. */
  close(): void {
    this.#isEnded = true;
    this.#link.close();
  }

  /** How long to wait before anything more is sent: no server takes any number of messages. */
  get waitMs(): number {
    const now = this.#clock.now();
    return Math.max(this.#messages.waitMsAt(now), this.#mutations.waitMsAt(now));
  }

  /** The same for what is subscribed to. */
  get subscribeWaitMs(): number {
    return this.#subscriptions.waitMsAt(this.#clock.now());
  }

  sendFetch({ request, ids }: Fetch, topics: readonly Topic[]): void {
    const isFetch = ids !== undefined;
    this.#send(isFetch ? encodeFetch({ request, ids }) : encodeSubscribe(request, topics));
    if (!isFetch) this.#subscriptions.spend(1);
  }

  /** Sends as many of the writes as go in one message, and tells how many. */
  sendWrites(
    writes: readonly Write[],
    settled: number,
    handleOf: (id: ObjectId) => number | undefined,
  ): number {
    const mutations: Uint8Array[] = [];
    const shapes = new Set<PropertySet>();
    const { outgoingBytes } = this.#limits;
    const { mutationBytesMax } = this.#welcome ?? this.#limits;
    const countMax = Math.max(1, Math.floor(this.#mutations.roomAt(this.#clock.now())));
    const first = writes[0]?.n ?? 0;
    let bytes = 0;
    for (const write of writes.slice(0, countMax)) {
      const encoded = this.#encode(write, handleOf);
      bytes += encoded.bytes.length;
      if (mutations.length > 0 && bytes > Math.min(outgoingBytes, mutationBytesMax)) break;
      mutations.push(encoded.bytes);
      for (const shape of encoded.shapes) shapes.add(shape);
    }
    const missing = this.#known.missing(shapes);
    this.#send(encodeMutations({ settled, first, mutations }, missing, this.#known));
    this.#mutations.spend(mutations.length);
    return mutations.length;
  }

  #send(message: Uint8Array): void {
    this.#link.send(message);
    this.#messages.spend(1);
  }

  #encode(write: Write, handleOf: (id: ObjectId) => number | undefined): EncodedMutation {
    const encoded = encodeMutation(write, this.#table, handleOf);
    // What was written before this server told its limit would end the connection, again and again.
    // The next server may have a higher one.
    write.problem = sizeProblem(write, encoded, (this.#welcome ?? this.#limits).mutationBytesMax);
    if (write.problem === undefined) return encoded;
    return encodeMutation({ seen: write.seen, operations: [] }, this.#table, handleOf);
  }

  #receive(bytes: Uint8Array): void {
    try {
      this.#accept(decodeServerMessage(bytes, this.#dictionary, this.#limits));
    } catch (error) {
      const problem = new SyncError("invalid_payload", `the server's message: ${String(error)}`, {
        cause: error,
      });
      this.#end({ error: problem, reconnect: true, isFault: true });
    }
  }

  #accept(message: ServerMessage): void {
    switch (message.kind) {
      case "goodbye":
        this.#end({ error: SyncError.from(message.error), reconnect: message.reconnect });
        return;
      case "welcome":
        if (this.#welcome !== undefined) throw new Error("not its turn");
        this.#welcome = message;
        this.#isReplacing = !message.isResumed;
        if (this.#isReplacing) this.#position = 0;
        this.#listener.welcome(message);
        return;
      case "fetched":
        this.#listener.fetched(message);
        return;
      case "delta":
        if (this.#welcome === undefined) throw new Error("not its turn");
        this.#stage(message.delta);
        if (message.isWhole) this.#finishStep(message.outcomes, this.#welcome);
        else this.#listener.part(message.delta.changes.length);
    }
  }

  #stage(part: Delta): void {
    const { from, to } = part;
    if (from > this.#position || to < this.#position) {
      throw new Error(`${from} to ${to}, at ${this.#position}`);
    }
    this.#position = to;
    this.#parts.push(part);
  }

  #finishStep(outcomes: readonly NumberedOutcome[], welcome: Welcome): void {
    const step: ServerStep = {
      to: this.#position,
      changes: joinParts(this.#parts),
      outcomes,
      isReplacing: this.#isReplacing,
    };
    this.#parts.length = 0;
    this.#isReplacing = false;
    this.#listener.step(step, welcome);
  }

  #end(ending: Ending): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#listener.ended(ending);
  }
}

/** Why a write of so many bytes cannot be taken, if it is so. */
export function sizeProblem(
  { operations }: Pick<Write, "operations">,
  { bytes }: EncodedMutation,
  bytesMax: number,
): SyncError | undefined {
  if (bytes.length <= bytesMax) return undefined;
  return atMost("a write", bytesMax, "bytes", { id: operations[0]?.id }, "too_large");
}
