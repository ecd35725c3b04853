import type { Change } from "../lib/delta.ts";
import type { Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ClientLimits } from "../lib/limits.ts";
import type { Connect } from "../lib/link.ts";
import { topicsToText, type Fetched, type Welcome } from "../lib/messages.ts";
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
import { Outbox, type Decided, type Renames, type Write } from "./outbox.ts";
import type { Keeper } from "./persistence.ts";
import { storageError } from "./storage-error.ts";
import { sizeProblem, type ServerLink, type ServerStep } from "./server-link.ts";
import type { Subscriptions } from "./subscriptions.ts";

export interface FollowerOptions {
  readonly environment: Environment;
  readonly connect: Connect;
  readonly world: string;
  /** Whether `resume` is still to come: until then nothing is sent. */
  readonly isResuming: boolean;
  /** Gives the present credentials, or a function that gives them or a promise, for each attempt. */
  readonly auth: () => unknown;
  readonly limits: ClientLimits;
  readonly optimistic: boolean;
  /** Of which version of the application's schema its writes and its view are. */
  readonly schema: number;
  /** What the application asks to be shown, if not everything. */
  readonly subscriptions: Subscriptions | undefined;
}

/** Who hears of what happens, when all state is consistent: it may call the follower. Never throws. */
export interface FollowerListener {
  changed(events: readonly ReplicaEvent[]): void;
  /** All but what happens to objects. */
  happened<Name extends ClientEventName>(name: Name, ...args: ClientEvents[Name]): void;
  /** The server will not have this client back. */
  refused(error: SyncError): void;
  /** What this client has belongs to another user than the one who has connected. */
  strange(): unknown;
  /** Nothing is undecided any more. */
  drained(): void;
}

/** A write as the application asks for it. */
type Asked = Pick<Write, "operations" | "optimistic" | "settle" | "reach">;

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
  #outbox: Outbox;
  readonly #fetches: Fetches;
  readonly #replica: Replica;
  readonly #connector: Connector;
  readonly #news = new News();
  /** Names this client to the server. Whoever knows it can write in its name. */
  #clientId: string;
  /** Who it belongs to, as the server has told. */
  #user: string | undefined;
  #keeper: Keeper | undefined;
  /** Whether what it is given survives: a storage may fail. */
  #isKeeping = false;
  #isResuming: boolean;
  #isConnectWanted = false;
  #isSendDue = false;
  #isSubscribeDue = false;

  constructor(options: FollowerOptions, listener: FollowerListener) {
    const { limits, world, schema } = options;
    this.#options = options;
    this.#clientId = options.environment.random.id();
    this.#isResuming = options.isResuming;
    this.#listener = listener;
    this.#outbox = new Outbox(limits);
    this.#fetches = new Fetches(limits);
    this.#replica = new Replica(() => this.#outbox);
    this.#connector = new Connector(
      {
        ...options,
        hello: () => ({
          version: PROTOCOL.version,
          world,
          clientId: this.#clientId,
          cursor: this.#replica.cursor,
          topics: options.subscriptions && topicsToText(options.subscriptions.topics),
          schema,
        }),
      },
      {
        moved: (from, to, reason) => this.#moved(from, to, reason),
        failed: (error) => this.tell(() => listener.happened("error", error)),
        refused: (error) => {
          const isStrange = error.code === "forbidden" && error.property === "clientId";
          this.tell(() => (isStrange ? listener.strange() : listener.refused(error)));
        },
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
    this.#isConnectWanted = true;
    if (!this.#isResuming) this.#connector.input("connect");
  }

  disconnect(): void {
    this.#isConnectWanted = false;
    this.#connector.input("disconnect");
  }

  /** Goes on with other credentials. */
  renew(): void {
    if (!this.#isConnectWanted || this.#isResuming) return;
    this.#connector.input("renew");
    this.#connector.input("connect");
  }

  /** Goes on from what an earlier client has kept, if there is anything that keeps. */
  resume(keeper: Keeper | undefined): void {
    if (this.status === "closed") {
      void keeper?.close(false);
      return;
    }
    this.#isResuming = false;
    this.#keeper = keeper;
    if (keeper === undefined) for (const write of this.#outbox) write.isKept = true;
    else this.#restore(keeper);
    if (this.#isConnectWanted) this.#connector.input("connect");
    this.#news.tell();
  }

  /**
   * Settles all that is open with `closed`. What stays in view is what the server has confirmed.
   * Resolves when all that is to be kept is; nothing is, of who has finished for good.
   */
  close(isFinished = false): Promise<void> {
    this.#connector.input("close");
    const kept = this.#keeper?.close(isFinished);
    this.#closeAll();
    return Promise.resolve(kept);
  }

  /**
   * Drops all that it has, here and where it was kept, and is the client of nobody: offline, until
   * `resume`. Resolves when what was kept is removed, or cannot be.
   */
  forget(): Promise<void> {
    this.#connector.input("disconnect");
    const removed = this.#keeper?.close(true);
    this.#keeper = undefined;
    this.#isKeeping = false;
    this.#isResuming = true;
    const undecided = this.#outbox.takeAll();
    this.#outbox = new Outbox(this.#options.limits);
    this.#clientId = this.#options.environment.random.id();
    this.#user = undefined;
    this.#addChanges(this.#replica.integrate({ ...NOTHING, decided: undecided }));
    const error = new SyncError("signed_out", "the user has signed out");
    for (const write of undecided) this.#fail(write, error);
    for (const { settle } of this.#fetches.takeAll()) this.#news.add(() => settle(error));
    this.#news.tell();
    return Promise.resolve(removed);
  }

  #closeAll(): void {
    const undecided = this.#outbox.takeAll();
    this.#addChanges(this.#replica.drop(undecided));
    for (const write of undecided) {
      const { isKept, wasSent } = write;
      const fate =
        this.#isKeeping && isKept
          ? "is kept for the next client"
          : wasSent
            ? "may have been accepted"
            : "was not sent";
      this.#fail(write, closedError(`; the write ${fate}`));
    }
    for (const { settle } of this.#fetches.takeAll()) this.#news.add(() => settle(closedError()));
    this.#news.tell();
  }

  /** Writes as one step. Throws `closed`, `too_large` or `limit_exceeded`, and then did nothing. */
  write(operations: readonly Operation[], settle: Write["settle"], reach: Write["reach"]): void {
    this.#checkOpen();
    const { limits, optimistic } = this.#options;
    checkSize(operations, (this.#connector.link?.welcome ?? limits).mutationBytesMax);
    this.#enqueue({ operations, optimistic, settle, reach });
    this.#news.tell();
  }

  #enqueue({ operations, optimistic, settle, reach }: Asked): void {
    const { epoch, seq } = this.#replica.cursor;
    const seen = epoch === this.#outbox.epoch ? seq : 0;
    const isKept = this.#keeper === undefined && !this.#isResuming;
    const write = this.#outbox.add({ operations, optimistic, seen, isKept, settle, reach });
    this.#addChanges(this.#replica.write(write));
    this.#keeper?.noteWrites();
    this.#sendSoon();
  }

  #restore(keeper: Keeper): void {
    const { kept } = keeper;
    const writes =
      kept?.writes.map((write): Write => ({ ...write, ...UNHEARD, isKept: false })) ?? [];
    if (kept !== undefined) {
      // A name that has nothing left to be finished is not used again.
      if (writes.length > 0) {
        this.#clientId = kept.clientId;
        this.#outbox.restore(kept.epoch, kept.nextNumber, writes);
      }
      this.#user = kept.user;
      this.#addChanges(this.#replica.restore(kept.cursor, kept.objects, writes));
    }
    const source = {
      clientId: this.#clientId,
      schema: this.#options.schema,
      outbox: this.#outbox,
      user: () => this.#user,
      replica: this.#replica,
      isConnected: () => this.isConnected,
    };
    keeper.start(source, {
      kept: (those, isStored) => {
        this.#isKeeping = isStored;
        for (const write of those) {
          write.isKept = true;
          if (isStored && !write.wasSent) write.reach("stored");
        }
        this.#sendSoon();
      },
      failed: (error) => this.tell(() => this.#listener.happened("error", storageError(error))),
    });
    for (const write of writes) if (write.isUncertain) this.#askAbout(write);
    this.#happened("restored");
  }

  /** Asks the server for objects, or for what is subscribed to now. Throws `closed`, `limit_exceeded`. */
  fetch(ids: readonly ObjectId[] | undefined, settle: Fetch["settle"]): void {
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

  #welcome(welcome: Welcome): void {
    if (this.#user !== undefined && this.#user !== welcome.user) {
      this.#connector.input("disconnect");
      this.tell(() => this.#listener.strange());
      return;
    }
    this.#user = welcome.user;
    for (const write of this.#outbox.restart(welcome)) this.#askAbout(write);
    if (this.#keeper !== undefined) {
      for (const write of this.#outbox) write.isKept = false;
      this.#keeper.noteRestart();
    }
    this.#fetches.restart();
    this.#connector.input("welcome");
    this.#sendSoon();
  }

  /** The server has forgotten whether it took this write: only the application can tell what to do. */
  #askAbout(write: Write): void {
    const choose = (act: () => void) => (): void => {
      if (!this.#outbox.takeUncertain(write)) return; // chosen already, or closed
      this.#addChanges(this.#replica.drop([write]));
      act();
      this.#keeper?.noteWrites();
      this.#tellIfDrained();
      this.#news.tell();
    };
    write.reach("uncertain");
    this.#happened("uncertain", {
      operations: write.operations,
      retry: choose(() => this.#enqueue(write)),
      discard: choose(() => this.#fail(write, uncertainError())),
    });
  }

  #step({ to, changes, outcomes, isReplacing }: ServerStep, welcome: Welcome): void {
    this.#noteObjects(changes, isReplacing);
    const decided = this.#outbox.takeDecided(outcomes);
    const renamed = renamesOf(decided);
    this.#outbox.rename(renamed);
    const events = this.#replica.integrate({
      epoch: welcome.epoch,
      to,
      isReplacing,
      isPart: welcome.isPart,
      changes,
      firstNewHandle: welcome.nextHandle,
      decided: decided.map(({ write }) => write),
      renamed,
    });
    this.#addChanges(events);
    for (const one of decided) this.#settle(one, renamed, welcome);
    if (decided.length > 0) this.#tellIfDrained();
    this.#connector.input("whole");
    this.#settleFetches();
    this.#sendSoon(); // there may be room for more on the way
    this.#news.tell();
  }

  #tellIfDrained(): void {
    if (this.pending === 0) this.#news.add(() => this.#listener.drained());
  }

  #addChanges(events: readonly ReplicaEvent[]): void {
    if (events.length > 0) this.#news.add(() => this.#listener.changed(events));
  }

  #noteObjects(changes: readonly Change[], isReplacing: boolean): void {
    if (this.#keeper === undefined) return;
    const ids = changes.map((change) =>
      change.kind === "create" ? change.id : this.#replica.idOf(change.handle),
    );
    this.#keeper.noteObjects(isReplacing ? "all" : ids.filter((id) => id !== undefined));
  }

  #settle({ write, outcome }: Decided, renamed: Renames, welcome: Welcome): void {
    if (outcome.kind === "rejected") this.#fail(write, SyncError.from(outcome.error));
    else if (write.problem !== undefined) this.#fail(write, write.problem);
    else {
      const ids = write.operations.map(({ id }) => renamed.get(id) ?? id);
      this.#news.add(() => {
        write.reach(isDurable(ids, welcome) ? "durable" : "accepted");
        write.settle(undefined, ids);
      });
    }
  }

  #fail(write: Write, error: SyncError): void {
    this.#news.add(() => {
      this.#listener.happened("reject", error, { operations: write.operations });
      write.reach("rejected");
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
    const settled = Math.min(this.#outbox.settled, this.#keeper?.settled ?? Infinity);
    // Before the server has to remember too much for this client, and it must wait.
    if (this.#outbox.settled - settled > mutationsInFlightMax / 2) this.#keeper?.noteWrites();
    const writes = this.#outbox.unsent(mutationsInFlightMax, settled);
    if (writes.length === 0) return false;
    // Until the replica is of this epoch, its handles mean nothing to the server.
    const isSameEpoch = this.#replica.cursor.epoch === epoch;
    const handleOf = (id: ObjectId): number | undefined =>
      isSameEpoch ? this.#replica.handleOf(id) : undefined;
    this.#outbox.markSent(link.sendWrites(writes, settled, handleOf));
    return true;
  }

  #sendFetch(link: ServerLink): boolean {
    const { subscribeWaitMs } = link;
    if (subscribeWaitMs > 0 && this.#fetches.isSubscriptionDue) this.#subscribeIn(subscribeWaitMs);
    const fetch = this.#fetches.takeUnsent(subscribeWaitMs === 0);
    if (fetch === undefined) return false;
    link.sendFetch(fetch, this.#options.subscriptions?.topics ?? []);
    return true;
  }

  #subscribeIn(waitMs: number): void {
    if (this.#isSubscribeDue) return;
    this.#isSubscribeDue = true;
    this.#options.environment.scheduler.after(waitMs, () => {
      this.#isSubscribeDue = false;
      this.#sendSoon();
    });
  }
}

/** What a replica has that has nothing. */
const NOTHING = {
  epoch: "",
  to: 0,
  isReplacing: true,
  changes: [],
  firstNewHandle: 0,
  renamed: new Map<ObjectId, ObjectId>(),
};

/** Who wrote what was kept is gone. */
const UNHEARD = { settle: (): void => undefined, reach: (): void => undefined };

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

/** Whether any of these outlasts the server's process. */
function isDurable(ids: readonly ObjectId[], { isDurable, ephemeral = [] }: Welcome): boolean {
  return isDurable && !ids.every((id) => ephemeral.some((name) => id.startsWith(`${name}:`)));
}

/** Ids that the server gave in place of provisional ones. */
function renamesOf(decided: readonly Decided[]): Renames {
  const renamed = new Map<ObjectId, ObjectId>();
  for (const { outcome } of decided) {
    if (outcome.kind !== "accepted") continue;
    for (const [provisional, id] of outcome.renamed ?? []) renamed.set(provisional, id);
  }
  return renamed;
}

function uncertainError(): SyncError {
  return new SyncError("uncertain", "the server may have accepted the write, and it was discarded");
}

export function closedError(besides = ""): SyncError {
  return new SyncError("closed", `the client was closed${besides}`);
}
