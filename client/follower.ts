import type { Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ClientLimits } from "../lib/limits.ts";
import type { Connect } from "../lib/link.ts";
import type { Fetched, Welcome } from "../lib/messages.ts";
import { encodeMutation } from "../lib/mutation-codec.ts";
import type { ObjectId, SyncObject } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import { PROTOCOL } from "../lib/protocol.ts";
import { Replica, type ReplicaEvent } from "../lib/replica.ts";
import { makePropertySet, ShapeTable } from "../lib/shape.ts";
import { isConnected, statusOf, type State, type Status } from "./connection.ts";
import { Connector } from "./connector.ts";
import type { ClientEventName, ClientEvents } from "./events.ts";
import { Fetches, type Fetch } from "./fetches.ts";
import { News } from "./news.ts";
import { Outbox, type Decided, type Write } from "./outbox.ts";
import { sizeProblem, type ServerLink, type ServerStep } from "./server-link.ts";

export interface FollowerOptions {
  readonly environment: Environment;
  readonly connect: Connect;
  readonly world: string;
  /** Names this client to the server. Whoever knows it can write in its name. */
  readonly clientId: string;
  /** The credentials, or a function that gives them or a promise of them, for each attempt. */
  readonly auth: unknown;
  readonly limits: ClientLimits;
  readonly optimistic: boolean;
}

/** Who hears of what happens, when all state is consistent: it may call the follower. Never throws. */
export interface FollowerListener {
  changed(events: readonly ReplicaEvent[]): void;
  /** All but what happens to objects. */
  happened<Name extends ClientEventName>(name: Name, ...args: ClientEvents[Name]): void;
  /** The server will not have this client back. */
  refused(error: SyncError): void;
}

/**
 * Keeps a copy of a world that follows its server, and takes the application's writes there, on
 * whatever connection and in whatever time.
 *
 * ```
 * write:   outbox <- write;  replica shows it;  events;  soon: server <- what is unsent
 * welcome: outbox goes on with the server's numbers;  soon: server <- all that is undecided
 * step:    outbox -> what is decided;  replica <- step;  events;  the decided writes settle
 * ```
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #listener: FollowerListener;
  readonly #outbox: Outbox;
  readonly #fetches: Fetches;
  readonly #replica: Replica;
  readonly #connector: Connector;
  readonly #news = new News();
  #isSendDue = false;

  constructor(options: FollowerOptions, listener: FollowerListener) {
    const { limits, world, clientId } = options;
    this.#options = options;
    this.#listener = listener;
    this.#outbox = new Outbox(limits);
    this.#fetches = new Fetches(limits);
    this.#replica = new Replica(() => this.#outbox);
    this.#connector = new Connector(
      {
        ...options,
        hello: () => ({ version: PROTOCOL.version, world, clientId, cursor: this.#replica.cursor }),
      },
      {
        moved: (from, to, reason) => this.#moved(from, to, reason),
        failed: (error) => this.tell(() => listener.happened("error", error)),
        refused: (error) => this.tell(() => listener.refused(error)),
        welcome: (welcome) => this.#welcome(welcome),
        step: (step, welcome) => this.#step(step, welcome),
        fetched: (fetched) => this.#fetched(fetched),
      },
    );
  }

  get status(): Status {
    return statusOf(this.#connector.state);
  }

  get isConnected(): boolean {
    return isConnected(this.#connector.state);
  }

  /** How many writes are not decided yet. */
  get pending(): number {
    return this.#outbox.size;
  }

  get view(): ReadonlyMap<string, SyncObject> {
    return this.#replica.view;
  }

  /** The public name of the present connection. */
  get sessionId(): string | undefined {
    return this.#connector.link?.welcome?.sessionId;
  }

  connect(): void {
    this.#connector.input("connect");
  }

  disconnect(): void {
    this.#connector.input("disconnect");
  }

  /** Settles all that is open with `closed`. What stays in view is what the server has confirmed. */
  close(): void {
    this.#connector.input("close");
    const undecided = this.#outbox.takeAll();
    this.#addChanges(this.#replica.drop(undecided));
    for (const write of undecided) {
      const fate = write.wasSent ? "may have been accepted" : "was not sent";
      this.#fail(write, closedError(`; the write ${fate}`));
    }
    for (const { settle } of this.#fetches.takeAll()) this.#news.add(() => settle(closedError()));
    this.#news.tell();
  }

  /** Writes as one step. Throws `closed`, `too_large` or `limit_exceeded`, and then did nothing. */
  write(operations: readonly Operation[], settle: Write["settle"]): void {
    this.#checkOpen();
    const { limits, optimistic } = this.#options;
    checkSize(operations, (this.#connector.link?.welcome ?? limits).mutationBytesMax);
    const { epoch, seq } = this.#replica.cursor;
    const seen = epoch === this.#outbox.epoch ? seq : 0;
    const write = this.#outbox.add({ operations, seen, optimistic, settle });
    this.#addChanges(this.#replica.write(write));
    this.#sendSoon();
    this.#news.tell();
  }

  /** Asks the server for objects. Throws `closed` or `limit_exceeded`. */
  fetch(ids: readonly ObjectId[], settle: Fetch["settle"]): void {
    this.#checkOpen();
    this.#fetches.add(ids, settle);
    this.#sendSoon();
  }

  /** Tells the application something after all that it is being told. */
  tell(news: () => void): void {
    this.#news.add(news);
    this.#news.tell();
  }

  /** The same, when the call that is under way has returned. */
  tellSoon(news: () => void): void {
    this.#options.environment.scheduler.soon(() => this.tell(news));
  }

  #checkOpen(): void {
    if (this.status === "closed") throw closedError();
  }

  #moved(from: State, to: State, reason: SyncError | undefined): void {
    const status = statusOf(to);
    if (status !== statusOf(from) || reason !== undefined) this.#happened("status", status, reason);
    if (!isConnected(from) && isConnected(to)) this.#happened("connect");
    if (isConnected(from) && !isConnected(to)) this.#happened("disconnect", reason);
    if (to === "synced") this.#happened("synced");
    this.#news.tell();
  }

  #happened<Name extends ClientEventName>(name: Name, ...args: ClientEvents[Name]): void {
    this.#news.add(() => this.#listener.happened(name, ...args));
  }

  #welcome({ epoch, decided }: Welcome): void {
    this.#outbox.restart(epoch, decided);
    this.#fetches.restart();
    this.#connector.input("welcome");
    this.#sendSoon();
  }

  #step({ to, changes, outcomes, isReplacing }: ServerStep, welcome: Welcome): void {
    const decided = this.#outbox.takeDecided(outcomes);
    const renamed = renamesOf(decided);
    this.#outbox.rename(renamed);
    const events = this.#replica.integrate({
      epoch: welcome.epoch,
      to,
      isReplacing,
      changes,
      firstNewHandle: welcome.nextHandle,
      decided: decided.map(({ write }) => write),
      renamed,
    });
    this.#addChanges(events);
    for (const one of decided) this.#settle(one, renamed);
    this.#connector.input("whole");
    this.#settleFetches();
    this.#sendSoon(); // there may be room for more on the way
    this.#news.tell();
  }

  #addChanges(events: readonly ReplicaEvent[]): void {
    if (events.length > 0) this.#news.add(() => this.#listener.changed(events));
  }

  #settle({ write, outcome }: Decided, renamed: ReadonlyMap<ObjectId, ObjectId>): void {
    if (outcome.kind === "rejected") this.#fail(write, SyncError.from(outcome.error));
    else if (write.problem !== undefined) this.#fail(write, write.problem);
    else {
      const ids = write.operations.map(({ id }) => renamed.get(id) ?? id);
      this.#news.add(() => write.settle(undefined, ids));
    }
  }

  #fail(write: Write, error: SyncError): void {
    this.#news.add(() => {
      this.#listener.happened("reject", error, { operations: write.operations });
      write.settle(error, []);
    });
  }

  #fetched(fetched: Fetched): void {
    this.#fetches.answer(fetched);
    this.#settleFetches();
    this.#sendSoon();
    this.#news.tell();
  }

  /** An answer holds when the replica is as far as the server was when it gave it. */
  #settleFetches(): void {
    const seq = this.status === "synced" ? this.#replica.cursor.seq : -1;
    for (const { settle, answer } of this.#fetches.takeAnswered(seq)) {
      const error = answer?.error;
      this.#news.add(() => settle(error && SyncError.from(error)));
    }
  }

  #sendSoon(): void {
    if (this.#isSendDue || !this.isConnected) return;
    this.#isSendDue = true;
    this.#options.environment.scheduler.soon(() => this.#send());
  }

  #send(): void {
    this.#isSendDue = false;
    const { link } = this.#connector;
    if (link?.welcome === undefined) return;
    while (link.waitMs === 0) {
      if (!this.#sendWrites(link, link.welcome) && !this.#sendFetch(link)) return;
    }
    this.#isSendDue = true;
    this.#options.environment.scheduler.after(link.waitMs, () => this.#send());
  }

  /** Whether there was anything to send. */
  #sendWrites(link: ServerLink, { epoch, mutationsInFlightMax }: Welcome): boolean {
    const writes = this.#outbox.unsent(mutationsInFlightMax);
    if (writes.length === 0) return false;
    // Until the replica is of this epoch, its handles mean nothing to the server.
    const isSameEpoch = this.#replica.cursor.epoch === epoch;
    const handleOf = (id: ObjectId): number | undefined =>
      isSameEpoch ? this.#replica.handleOf(id) : undefined;
    this.#outbox.markSent(link.sendWrites(writes, this.#outbox.settled, handleOf));
    return true;
  }

  #sendFetch(link: ServerLink): boolean {
    const fetch = this.#fetches.takeUnsent();
    if (fetch === undefined) return false;
    link.sendFetch(fetch);
    return true;
  }
}

/** Tells early what would be too large; what is missed here is found when it is sent. */
function checkSize(operations: readonly Operation[], bytesMax: number): void {
  if (operations.every(isMove)) return;
  const mutation = { seen: 0, operations };
  const encoded = encodeMutation(mutation, new ShapeTable(0, makePropertySet), () => undefined);
  const problem = sizeProblem(mutation, encoded, bytesMax);
  if (problem !== undefined) throw problem;
}

/** What games write all the time, and what to encode twice would cost as much as all else. */
function isMove(operation: Operation): boolean {
  if (operation.kind !== "update") return false;
  return Object.values(operation.changes).every((value) => typeof value === "number");
}

/** Ids that the server gave in place of provisional ones. */
function renamesOf(decided: readonly Decided[]): ReadonlyMap<ObjectId, ObjectId> {
  const renamed = new Map<ObjectId, ObjectId>();
  for (const { outcome } of decided) {
    if (outcome.kind !== "accepted") continue;
    for (const [provisional, id] of outcome.renamed ?? []) renamed.set(provisional, id);
  }
  return renamed;
}

export function closedError(besides = ""): SyncError {
  return new SyncError("closed", `the client was closed${besides}`);
}
