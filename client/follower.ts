import { SyncError } from "../lib/errors.ts";
import { topicsToText } from "../lib/messages.ts";
import type { ObjectId, SyncObject } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import { PROTOCOL } from "../lib/protocol.ts";
import type { ConflictDesk } from "./conflict-desk.ts";
import { statusOf, type Status } from "./connection.ts";
import { Connector } from "./connector.ts";
import type { Fetch } from "./fetches.ts";
import { FollowerState, type FollowerOptions } from "./follower-state.ts";
import type { FollowerListener } from "./news.ts";
import type { Write } from "./outbox.ts";
import type { Keeper } from "./persistence.ts";
import type { Mode } from "./progress.ts";
import { Reception } from "./reception.ts";
import { Sender } from "./sender.ts";
import { Settling } from "./settling.ts";
import { storageError } from "./storage-error.ts";
import { Writing } from "./writing.ts";

/**
 * Keeps a copy of a world that follows its server, and takes the application's writes there, on
 * whatever connection and in whatever time.
 *
 * ```
 * write:   outbox <- write;  replica shows it;  events;  soon: server <- what is unsent     (Writing, Sender)
 * welcome: outbox goes on with the server's numbers;  soon: server <- all that is undecided (Reception)
 * step:    outbox -> what is decided;  replica <- step;  events;  the decided writes settle (Reception, Settling)
 * ```
 *
 * Here is how it begins and ends: connected or not, resumed from what was kept, and forgotten.
 */
export class Follower {
  readonly #state: FollowerState;
  readonly #sender: Sender;
  readonly #desk: ConflictDesk | undefined;
  readonly #writing: Writing;
  readonly #settling: Settling;
  #isConnectWanted = false;
  /** Whether what an earlier client has left, and is still to come, is to be given up with the rest. */
  #isDiscardDue = false;

  constructor(options: FollowerOptions, listener: FollowerListener) {
    const { world, schema } = options;
    const connector: Connector = new Connector(
      {
        ...options,
        hello: () => ({
          version: PROTOCOL.version,
          world,
          clientId: state.clientId,
          cursor: state.replica.cursor,
          topics: this.topics,
          schema,
          isStrict: state.mode === "push",
        }),
      },
      {
        moved: (from, to, reason) => reception.moved(from, to, reason),
        failed: (error) => state.news.tell(() => listener.happened("error", error)),
        refused: (error) => reception.refused(error),
        welcome: (welcome) => reception.welcome(welcome),
        part: (changes) => reception.part(changes),
        step: (step, welcome) => reception.step(step, welcome),
        fetched: (fetched) => reception.fetched(fetched),
      },
    );
    const state: FollowerState = new FollowerState(options, connector, listener);
    const sender = new Sender(state);
    const desk = options.onConflict?.open(state, () => sender.soon());
    const writing = new Writing(state, desk, sender);
    const settling = new Settling(state, desk, writing);
    const reception = new Reception(state, desk, settling, sender);
    this.#state = state;
    this.#sender = sender;
    this.#desk = desk;
    this.#writing = writing;
    this.#settling = settling;
  }

  get status(): Status {
    return statusOf(this.#state.connector.state);
  }

  get isConnected(): boolean {
    return this.#state.isConnected;
  }

  /** How many writes are not decided yet. */
  get pending(): number {
    return this.#state.outbox.size;
  }

  get pendingOperations(): readonly Operation[] {
    const { held, numbered } = this.#state.outbox;
    return [...held, ...numbered].flatMap((write) => write.operations);
  }

  get view(): ReadonlyMap<string, SyncObject> {
    return this.#state.replica.view;
  }

  /** What the next connection is to show, as text; undefined for everything. */
  get topics(): string | undefined {
    const { subscriptions } = this.#state.options;
    return subscriptions && topicsToText(subscriptions.topics);
  }

  /** The public name of the present connection. */
  get sessionId(): string | undefined {
    return this.#state.connector.link?.welcome?.sessionId;
  }

  /** Whether it has objects that stay here. */
  get hasLocal(): boolean {
    return this.#state.outbox.hasLocal;
  }

  /** Whether there is something to be answered that was asked for. */
  get isAsking(): boolean {
    return this.#state.fetches.size > 0;
  }

  /** Whether writes are on their way, or wait for the application to decide about them. */
  get isBusy(): boolean {
    return this.#state.outbox.numbered.length > 0 || this.#desk?.isAsking === true;
  }

  /** What the present connection, or the next one, is for. */
  set mode(mode: Mode) {
    this.#state.mode = mode;
    if (mode === "pull") return;
    this.#state.options.explicit?.squash(this.#state);
    this.#sender.soon();
  }

  connect(): void {
    this.#isConnectWanted = true;
    if (!this.#state.kept.isAwaited) this.#state.connector.input("connect");
  }

  disconnect(): void {
    this.#isConnectWanted = false;
    this.#isDiscardDue = false;
    this.#state.connector.input("disconnect");
  }

  /** Goes on with other credentials. */
  renew(): void {
    const { kept, connector } = this.#state;
    if (!this.#isConnectWanted || kept.isAwaited) return;
    connector.input("renew");
    connector.input("connect");
  }

  /** Goes on from what an earlier client has kept, if there is anything that keeps. */
  resume(keeper: Keeper | undefined): void {
    const { kept, outbox, local, connector, news } = this.#state;
    if (this.status === "closed") {
      void keeper?.close(false);
      return;
    }
    kept.begin(keeper);
    if (keeper !== undefined) this.#restore(keeper);
    else {
      for (const write of outbox) write.isKept = true;
      local.kept(outbox.localVersion, false);
    }
    if (this.#isDiscardDue) this.discard();
    if (this.#state.mode === "push") this.#state.options.explicit?.squash(this.#state);
    if (this.#isConnectWanted) connector.input("connect");
    news.tell();
  }

  /**
   * Settles all that is open with `closed`. What stays in view is what the server has confirmed.
   * Resolves when all that is to be kept is; nothing is, of who has finished for good.
   */
  close(isFinished = false): Promise<void> {
    this.#state.connector.input("close");
    const closing = this.#state.kept.close(isFinished);
    this.#closeAll();
    return Promise.resolve(closing);
  }

  /** Gives up all that is undecided, and has the next connection tell everything anew. */
  discard(): void {
    const { options, kept } = this.#state;
    this.#isDiscardDue = kept.isAwaited;
    if (kept.isAwaited) return;
    this.#desk?.forget();
    options.explicit?.discard(this.#state);
  }

  /**
   * Drops all that it has, here and where it was kept, and is the client of nobody: offline, until
   * `resume`. Resolves when what was kept is removed, or cannot be; nobody is told before that a write
   * came to nothing, which the next client might still find.
   */
  async forget(error = new SyncError("signed_out", "the user has signed out")): Promise<void> {
    const { options, connector, kept, outbox, local, replica, fetches, news } = this.#state;
    const removed = kept.forget(); // first: who hears that it is offline may want it to connect
    connector.input("disconnect");
    const undecided = outbox.takeAll();
    const here = outbox.takeLocal();
    this.#desk?.forget();
    outbox.startAnew();
    this.#state.clientId = options.environment.random.id();
    this.#state.user = undefined;
    news.changed(replica.integrate({ ...NOTHING, decided: [...undecided, ...here] }));
    const waiting = local.takeWaiting();
    for (const { settle } of fetches.takeAll()) news.add(() => settle(error));
    news.tell();
    await removed;
    for (const { settle } of waiting) settle(error);
    for (const write of undecided) this.#state.fail(write, error);
    news.tell();
  }

  /**
   * Writes as one step. Throws `closed`, `too_large`, `limit_exceeded`, or what the ways of namespaces
   * do not allow, and then did nothing.
   */
  write(operations: readonly Operation[], settle: Write["settle"], reach: Write["reach"]): void {
    this.#checkOpen();
    this.#writing.write(operations, settle, reach);
  }

  /** Asks the server for objects, or for what is subscribed to now. Throws `closed`, `limit_exceeded`. */
  fetch(ids: readonly ObjectId[] | undefined, settle: Fetch["settle"]): void {
    this.#checkOpen();
    this.#state.fetches.add(ids, settle);
    this.#sender.soon();
  }

  /** Tells the application something after all that it is being told. */
  tell(news: () => void): void {
    this.#state.news.tell(news);
  }

  /** The same, when the call that is under way has returned. */
  tellSoon(news: () => void): void {
    this.#state.options.environment.scheduler.soon(() => this.tell(news));
  }

  #checkOpen(): void {
    if (this.status === "closed") throw closedError();
  }

  #closeAll(): void {
    const { outbox, local, replica, kept, fetches, news } = this.#state;
    const undecided = outbox.takeAll();
    news.changed(replica.drop(undecided));
    for (const write of undecided) {
      const fate = kept.has(write)
        ? "is kept for the next client"
        : write.wasSent
          ? "may have been accepted"
          : "was not sent";
      this.#state.fail(write, closedError(`; the write ${fate}`));
    }
    for (const { settle } of fetches.takeAll()) news.add(() => settle(closedError()));
    for (const { settle } of local.takeWaiting()) settle(closedError());
    news.tell();
  }

  #restore({ kept }: Keeper): void {
    const { outbox, local, replica, news, options } = this.#state;
    const writes =
      kept?.writes.map((write): Write => ({ ...write, ...UNHEARD, isKept: false })) ?? [];
    if (kept !== undefined) {
      // A name that has nothing left to be finished is not used again.
      if (writes.length > 0) {
        this.#state.clientId = kept.clientId;
        outbox.restore(kept.epoch, kept.nextNumber, writes);
      }
      this.#state.user = kept.user;
      news.changed(replica.restore(kept.cursor, kept.objects, writes));
    }
    const source = {
      clientId: () => this.#state.clientId,
      schema: options.schema,
      outbox,
      user: () => this.#state.user,
      replica,
      isConnected: () => this.isConnected,
    };
    this.#state.kept.start(source, {
      kept: (those, isStored, localVersion) => {
        for (const write of those) {
          write.isKept = true;
          if (isStored && !write.wasSent) write.reach("stored");
        }
        local.kept(localVersion, isStored);
        this.#sender.soon();
        news.tell();
      },
      failed: (error) => news.tell(() => news.listener.happened("error", storageError(error))),
    });
    if (!this.#isDiscardDue) this.#askAgain(writes);
    news.happened("restored");
  }

  /** The application is asked again. Where nobody decides any more, it is the server that refuses it again. */
  #askAgain(writes: readonly Write[]): void {
    for (const write of writes) if (write.isUncertain) this.#settling.askAbout(write);
    if (this.#desk !== undefined) this.#desk.ask();
    else for (const write of writes) if (write.collisions) this.#settling.writeAgain(write);
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
  moved: [],
  left: [],
};

/** Who wrote what was kept is gone. */
const UNHEARD = { settle: (): void => undefined, reach: (): void => undefined };

export function closedError(besides = ""): SyncError {
  return new SyncError("closed", `the client was closed${besides}`);
}
