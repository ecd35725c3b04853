import { Client } from "../../../client/client.ts";
import { resolveOptions, type ObjectSyncOptions } from "../../../client/options.ts";
import { encodeDelta } from "../../../lib/delta-codec.ts";
import type { Environment } from "../../../lib/environment.ts";
import { SyncError, type ErrorData } from "../../../lib/errors.ts";
import { DEFAULT_LIMITS } from "../../../lib/limits.ts";
import type { Connect, LinkEvents } from "../../../lib/link.ts";
import {
  decodeClientMessage,
  encodeDeltaHeader,
  encodeFetched,
  encodeGoodbye,
  encodeWelcome,
  type ClientMessage,
  type Hello,
  type Welcome,
} from "../../../lib/messages.ts";
import { decodeMutation } from "../../../lib/mutation-codec.ts";
import type { ObjectId, Properties } from "../../../lib/object.ts";
import type { Mutation, Operation } from "../../../lib/operation.ts";
import { ACCEPTED, type NumberedOutcome, type Outcome } from "../../../lib/outcome.ts";
import { ShapeDictionary } from "../../../lib/shape-codec.ts";
import { KnownShapes } from "../../../lib/shape.ts";
import { World } from "../../../lib/world.ts";

/** Time that passes when the test says so, and chance without chance. */
export class FakeEnvironment implements Environment {
  #now = 0;
  #ids = 0;
  #timers: { readonly at: number; readonly task: () => void }[] = [];

  readonly clock = { now: (): number => this.#now };
  readonly random = {
    fraction: (): number => 0.5,
    id: (): string => `drawn-${String(++this.#ids)}`,
  };
  readonly scheduler = {
    after: (delayMs: number, task: () => void) => {
      const timer = { at: this.#now + delayMs, task };
      this.#timers.push(timer);
      return () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      };
    },
    soon: (task: () => void) => {
      queueMicrotask(task);
    },
  };

  /** How long until the next timer. */
  get nextMs(): number | undefined {
    const times = this.#timers.map(({ at }) => at - this.#now);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { task } of due) task();
  }
}

interface Ledger {
  decided: number;
  readonly outcomes: Map<number, Outcome>;
}

/** The least server that the client's side of the protocol can be tried on: one world, no handlers. */
export class FakeServer {
  world: World;
  readonly links: FakeLink[] = [];
  readonly welcome: Partial<Welcome> = {};
  /** Whether it accepts connections, and answers messages, by itself. */
  isAutomatic = true;
  /** What is refused, and ids given in place of drawn ones. */
  judge: (operation: Operation) => Outcome | undefined = () => undefined;
  #ledgers = new Map<string, Ledger>();

  constructor(epoch = "epoch-1") {
    this.world = newWorld(epoch);
  }

  readonly connect: Connect = (hello, events) => {
    const link = new FakeLink(this, hello, events);
    this.links.push(link);
    if (this.isAutomatic) queueMicrotask(() => link.accept());
    return { send: (message) => link.receive(message), close: () => link.close() };
  };

  get link(): FakeLink {
    const link = this.links.at(-1);
    if (link === undefined) throw new Error("nobody has connected");
    return link;
  }

  ledger(clientId: string): Ledger {
    const ledger = this.#ledgers.get(clientId) ?? { decided: 0, outcomes: new Map() };
    this.#ledgers.set(clientId, ledger);
    return ledger;
  }

  /** Without its state, as a server with a memory store comes back. */
  restart(epoch: string): void {
    this.world = newWorld(epoch);
    this.#ledgers = new Map();
    for (const link of this.links) link.drop();
  }

  /** A write of somebody else. */
  commit(...operations: Operation[]): void {
    this.world.commit(operations, 0);
    if (this.isAutomatic) this.links.at(-1)?.flush();
  }
}

/** The server's end of one connection. */
export class FakeLink {
  readonly hello: Hello;
  readonly messages: ClientMessage[] = [];
  readonly mutations: Mutation[] = [];
  isClosed = false;
  #isGreeted = false;
  readonly #server: FakeServer;
  readonly #events: LinkEvents & { opened(): void };
  readonly #dictionary = new ShapeDictionary(DEFAULT_LIMITS);
  readonly #known = new KnownShapes();
  #undecided: Mutation[] = [];
  #settled = 0;
  /** Undefined until the client was told all that was decided before. */
  #outcomes: NumberedOutcome[] | undefined;
  #seq = 0;

  constructor(server: FakeServer, hello: Hello, events: LinkEvents & { opened(): void }) {
    this.#server = server;
    this.hello = hello;
    this.#events = events;
  }

  /** Welcomes the client, and tells it all; in one step, unless told how many bytes a page has. */
  accept(pageBytes = Infinity): void {
    this.greet();
    this.flush(pageBytes);
  }

  greet(): void {
    if (this.isClosed) return;
    this.#isGreeted = true;
    const { world } = this.#server;
    const isResumed = world.canResume(this.hello.cursor);
    this.#seq = isResumed ? this.hello.cursor.seq : 0;
    this.#events.opened();
    this.send(
      encodeWelcome({
        epoch: world.epoch,
        seq: world.seq,
        nextHandle: world.nextHandle,
        isResumed,
        decided: this.#server.ledger(this.hello.clientId).decided,
        isForgotten: false,
        isDurable: false,
        sessionId: `session-${String(this.#server.links.length)}`,
        mutationsInFlightMax: 1_000,
        mutationBytesMax: DEFAULT_LIMITS.mutationBytesMax,
        ...this.#server.welcome,
      }),
    );
  }

  receive(bytes: Uint8Array): void {
    if (this.isClosed) throw new Error("the client sent something on a link that is over");
    const message = decodeClientMessage(bytes, this.#dictionary, DEFAULT_LIMITS);
    this.messages.push(message);
    if (message.kind === "mutations") {
      this.#settled = message.settled;
      for (const [i, encoded] of message.mutations.entries()) {
        const mutation = decodeMutation(
          message.first + i,
          encoded,
          this.#dictionary,
          DEFAULT_LIMITS,
          (handle) => this.#server.world.idOf(handle),
        );
        if ("problem" in mutation) throw mutation.problem;
        this.mutations.push(mutation);
        this.#undecided.push(mutation);
      }
    }
    if (!this.#server.isAutomatic) return;
    queueMicrotask(() => {
      this.decide();
      this.flush();
      if (message.kind === "fetch") this.answer(message.request);
    });
  }

  /** Decides what came in, and keeps the outcomes for the next flush. */
  decide(): void {
    const ledger = this.#server.ledger(this.hello.clientId);
    for (const mutation of this.#undecided) {
      const { n } = mutation;
      let outcome = ledger.outcomes.get(n);
      if (outcome === undefined) {
        // Who is not known goes on after what they know.
        if (n !== (ledger.decided || this.#settled) + 1)
          throw new Error(`${String(n)} is out of order`);
        outcome = this.#decideOne(mutation);
        ledger.outcomes.set(n, outcome);
        ledger.decided = n;
      }
      this.#outcomes?.push({ n, outcome });
    }
    this.#undecided = [];
  }

  #recorded(): NumberedOutcome[] {
    const { outcomes } = this.#server.ledger(this.hello.clientId);
    return [...outcomes].map(([n, outcome]) => ({ n, outcome }));
  }

  /** Tells an outcome that the client may not be waiting for. */
  tell(n: number, outcome: Outcome): void {
    this.#outcomes?.push({ n, outcome });
    this.flush();
  }

  #decideOne({ operations }: Mutation): Outcome {
    const judged = operations.map((operation) => this.#server.judge(operation)).find(Boolean);
    if (judged?.kind === "rejected") return judged;
    const renamed = judged?.renamed ?? new Map<ObjectId, ObjectId>();
    try {
      const written = operations.map((operation) => ({
        ...operation,
        id: renamed.get(operation.id) ?? operation.id,
      }));
      this.#server.world.commit(written, 0);
    } catch (error) {
      if (error instanceof SyncError) return { kind: "rejected", error: error.toData() };
      throw error;
    }
    return judged ?? ACCEPTED;
  }

  /** Sends what is new, in pages of so many bytes, and with the last the outcomes. */
  flush(pageBytes = Infinity): void {
    if (!this.#isGreeted) return;
    const { world } = this.#server;
    const base = this.#seq;
    let page = world.since(base, { bytesMax: pageBytes });
    while (page.to < world.seq) {
      this.#sendDelta(page, false, []);
      page = world.since(base, { from: page.to, bytesMax: pageBytes });
    }
    this.#sendDelta(page, true, this.#outcomes ?? this.#recorded());
    this.#outcomes = [];
    this.#seq = world.seq;
  }

  /** Sends only a part of what is new, the first page of so many bytes. */
  flushPart(pageBytes: number): void {
    this.#sendDelta(this.#server.world.since(this.#seq, { bytesMax: pageBytes }), false, []);
  }

  sendGap(): void {
    const { seq } = this.#server.world;
    this.#sendDelta({ from: seq + 5, to: seq + 6, changes: [] }, true, []);
  }

  #sendDelta(
    delta: Parameters<typeof encodeDelta>[0],
    isWhole: boolean,
    outcomes: readonly NumberedOutcome[],
  ): void {
    const encoded = encodeDelta(delta);
    const header = encodeDeltaHeader(isWhole, outcomes, encoded, this.#known);
    this.send(Uint8Array.from([...header, ...encoded.bytes]));
  }

  answer(request: number, error?: ErrorData): void {
    const ids = this.messages.flatMap((message) =>
      message.kind === "fetch" && message.request === request ? message.ids : [],
    );
    const { world } = this.#server;
    const missing = ids.filter((id) => world.get(id) === undefined);
    this.send(encodeFetched({ request, seq: world.seq, missing, error }));
  }

  send(bytes: Uint8Array): void {
    if (!this.isClosed) this.#events.message(bytes);
  }

  goodbye(error: ErrorData, reconnect: boolean): void {
    this.send(encodeGoodbye({ error, reconnect }));
  }

  /** As after a lost connection, or a refused one. */
  drop(error?: SyncError, reconnect?: boolean): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#events.closed(error, reconnect);
  }

  /** What a link that is over may still do, when it is a bad one. */
  haunt(): void {
    this.#events.message(
      encodeGoodbye({ error: { code: "closed", message: "" }, reconnect: false }),
    );
    this.#events.closed(new SyncError("unauthenticated", "late"));
  }

  close(): void {
    this.isClosed = true;
  }
}

function newWorld(epoch: string): World {
  const record = { epoch, seq: 0, horizon: 0, nextHandle: 1, objects: [] };
  return new World(record, DEFAULT_LIMITS, 0);
}

export interface Setup {
  readonly server: FakeServer;
  readonly environment: FakeEnvironment;
  readonly sync: Client;
}

export function setup(options: ObjectSyncOptions = {}, server = new FakeServer()): Setup {
  const environment = new FakeEnvironment();
  const sync = new Client(resolveOptions(options), { environment, connect: server.connect });
  return { server, environment, sync };
}

/** A client that is synced with a server which has these objects. */
export async function setupSynced(
  objects: readonly Properties[] = [],
  epoch?: string,
): Promise<Setup> {
  const server = new FakeServer(epoch);
  for (const object of objects) server.commit(create(object));
  const made = setup({}, server);
  await made.sync.whenSynced();
  return made;
}

export function create({ id, ...properties }: Properties): Operation {
  return { kind: "create", id: id as ObjectId, properties, chosen: true };
}

export function update({ id, ...changes }: Properties): Operation {
  return { kind: "update", id: id as ObjectId, changes };
}

export function destroy(id: string): Operation {
  return { kind: "destroy", id: id as ObjectId };
}

/** Lets everything that is to happen soon happen. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
