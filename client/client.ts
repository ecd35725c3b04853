import type { Callback } from "../lib/callback.ts";
import { SyncError } from "../lib/errors.ts";
import { FIRST_VERSION } from "../lib/migrations.ts";
import type { Operation } from "../lib/operation.ts";
import type { Topic } from "../lib/topics.ts";
import type { Writable } from "../lib/transaction.ts";
import { Calls, type Settle } from "./calls.ts";
import type { Status } from "./connection.ts";
import { EventHub, type ObjectEventSource, type Undo } from "./event-hub.ts";
import type { ClientEventName, ClientEvents, EventName, SyncListener } from "./events.ts";
import type { VisitKind, Visits } from "./explicit.ts";
import type { Surroundings } from "./follower-state.ts";
import { closedError, Follower } from "./follower.ts";
import type {
  AnyModels,
  ChangesOf,
  IdIn,
  ModelName,
  ModelTransaction,
  NewObject,
  ObjectOf,
  SavedObject,
} from "./models.ts";
import type { FollowerListener } from "./news.ts";
import type { ResolvedOptions } from "./options.ts";
import type { SyncProgress, SyncResult } from "./progress.ts";
import { ReadCalls, type Unsubscribe } from "./read-calls.ts";
import { storageError } from "./storage-error.ts";
import { Subscriptions } from "./subscriptions.ts";
import { Succession } from "./succession.ts";
import { WriteCalls } from "./write-calls.ts";
import type { WriteHandle } from "./write-handle.ts";

/**
 * All that an application does with a world. It checks what the application passes, and turns what
 * the follower tells into events, callbacks and promises.
 *
 * No method throws for a wrong argument of a write or fetch: the promise rejects, and the callback
 * is called with the same error. A promise that nobody looks at does no harm.
 */
export class Client<Models extends object = AnyModels> {
  readonly #follower: Follower;
  readonly #hub = new EventHub();
  readonly #whenSynced: Settle<void>[] = [];
  readonly #calls: Calls;
  readonly #reads: ReadCalls;
  readonly #writes: WriteCalls;
  readonly #succession: Succession;
  /** Undefined of a client that is live. */
  readonly #visits: Visits | undefined;
  #auth: unknown;
  #isConnectWanted = false;
  /** Why it will never be synced, unless it is told to connect again. */
  #refusal: SyncError | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedOptions, surroundings: Surroundings) {
    const { environment } = surroundings;
    const { storage, world, migrations, live, subscribe, limits, check } = options;
    const explicit = live === true ? undefined : live;
    const subscriptions = subscribe && new Subscriptions(subscribe, limits);
    this.#auth = options.auth;
    const auth = (): unknown => this.#auth;
    const newFollower = (
      isResuming: boolean,
      listener: FollowerListener,
      schema = migrations?.version ?? FIRST_VERSION,
    ): Follower =>
      new Follower(
        // Where a spread comes first, the engine takes each client's for an object of another make.
        { isResuming, subscriptions, ...options, ...surroundings, auth, schema, explicit },
        listener,
      );
    const follower = newFollower(storage !== undefined, this.#listener(explicit === undefined));
    this.#follower = follower;
    const calls = new Calls(this.#hub, (news) => follower.tellSoon(news));
    this.#calls = calls;
    this.#reads = new ReadCalls(follower, calls, limits, subscriptions);
    this.#writes = new WriteCalls({
      follower,
      calls,
      limits,
      check,
      newId: () => environment.random.id(),
      rejected: (error, operations) => this.#hub.emit("reject", error, { operations }),
    });
    this.#succession = new Succession(storage?.open(world, environment, migrations), {
      own: follower,
      isKeeping: storage !== undefined,
      newFollower,
      isConnectWanted: () => this.#isConnectWanted,
      emit: (name, ...args) => this.#emit(name, ...args),
      progressed: () => this.#visits?.look(),
    });
    const { heirs } = this.#succession;
    const progressed = (progress: SyncProgress): void => this.#emit("progress", progress);
    this.#visits = explicit?.open({ follower, heirs, progressed }, environment);
    if (options.autoConnect && this.isLive) this.connect();
  }

  get status(): Status {
    return this.#follower.status;
  }

  /** How many writes the server has not decided yet. */
  get pending(): number {
    return this.#follower.pending;
  }

  /** What these writes do, oldest first: an object that any of it names is not as the server has it. */
  pendingOperations(): readonly Operation[] {
    return this.#follower.pendingOperations;
  }

  /** The public name of the present connection; undefined when there is none. */
  get sessionId(): string | undefined {
    return this.#follower.sessionId;
  }

  /** Whether it stays connected by itself: the option `live`. If not, it goes to the server by `sync()`. */
  get isLive(): boolean {
    return this.#visits === undefined;
  }

  isConnected(): boolean {
    return this.#follower.isConnected;
  }

  /**
   * Connects, and from then on comes back whenever the connection is lost. Throws `unsupported` if the
   * client is not live.
   */
  connect(): void {
    if (!this.isLive) {
      throw new SyncError("unsupported", "this client is not live: use sync()");
    }
    if (this.status !== "closed") this.#refusal = undefined;
    this.#isConnectWanted = true;
    for (const follower of this.#succession.followers) follower.connect();
  }

  /**
   * Goes on with other credentials of the same user, in the place of the option `auth`: at once, if
   * the client is to be connected. Undecided writes wait meanwhile.
   */
  setAuth(auth: unknown): void {
    this.#auth = auth;
    if (this.status !== "closed") this.#refusal = undefined;
    for (const follower of this.#succession.followers) follower.renew();
  }

  /**
   * Forgets the user: goes offline, ends `autoSync`, and drops the credentials, the view, and what a `storage` has kept
   * for clients that are not open elsewhere. Undecided writes fail with `signed_out`. Then the next
   * user may come, by `setAuth(...)` and `connect()`. Rejects with `storage_failed` when what is kept
   * cannot be removed.
   */
  signOut(): Promise<void> {
    this.#visits?.stop();
    this.disconnect();
    this.#auth = undefined;
    return this.#succession.forget(true);
  }

  /** Goes offline. Writes go on, and wait for `connect()`. */
  disconnect(): void {
    this.#isConnectWanted = false;
    const error = new SyncError("unavailable", "the client went offline");
    if (this.#visits !== undefined) this.#visits.cancel(error);
    else for (const follower of this.#succession.followers) follower.disconnect();
  }

  /** Fetches all that is new, as one step; pushes nothing. Only of a client that is not live, as what follows. */
  pull(callback?: Callback<SyncResult>): Promise<SyncResult> {
    return this.#go("pull", callback);
  }

  /** Has all writes decided. Rejects with `out_of_date`, and has sent nothing, if there is anything to pull. */
  push(callback?: Callback<SyncResult>): Promise<SyncResult> {
    return this.#go("push", callback);
  }

  /** Pulls, and then has all writes decided, whatever others write meanwhile. */
  sync(callback?: Callback<SyncResult>): Promise<SyncResult> {
    return this.#go("sync", callback);
  }

  /** Makes itself known to the server, and resolves if that lets it in. */
  register(callback?: Callback<SyncResult>): Promise<SyncResult> {
    return this.#go("register", callback);
  }

  /**
   * Gives up all that was not pushed, as `discarded`, and takes a fresh copy of what the server has.
   */
  repair(callback?: Callback<SyncResult>): Promise<SyncResult> {
    return this.#go("repair", callback);
  }

  /** Syncs every so often, in milliseconds, from now on; 0 ends that. What fails is told as an `error`. */
  autoSync(everyMs: number): void {
    this.#explicitly().auto(everyMs, (error) => this.#emit("error", error));
  }

  /** Drops all that it has, also what a storage has kept: it is empty, and can be used. */
  async reset(): Promise<void> {
    const visits = this.#explicitly();
    const error = new SyncError("discarded", "this client was reset");
    visits.cancel(error);
    await this.#succession.forget(true, error);
  }

  /** Resolves when the view is whole. Rejects when the server refuses, and with `closed`. */
  whenSynced(): Promise<void> {
    return this.#calls.call(Promise<void>, undefined, (settle) => {
      if (this.#refusal !== undefined) throw this.#refusal;
      if (this.status === "synced") settle(undefined);
      else this.#whenSynced.push(settle);
    });
  }

  /**
   * Ends the client. What is not decided or answered by now fails with `closed`; with a `storage` the
   * next client sends it. Rejects with `storage_failed` when that cannot be closed.
   */
  close(): Promise<void> {
    if (this.#closing === undefined) this.#visits?.cancel(closedError());
    this.#closing ??= Promise.all([
      this.#succession.close(),
      new Promise<void>((resolve) => {
        this.#follower.tell(() => {
          this.#refusal = closedError();
          this.#settleWhenSynced(this.#refusal);
          this.#hub.removeAll();
          resolve();
        });
      }),
    ]).then(() => this.#succession.release());
    this.#visits?.cancel(closedError()); // what was asked for by who heard of the end of others
    this.#closing.catch(() => undefined); // a storage's last failure, for whoever waits for it
    return this.#closing;
  }

  /** The object as this client sees it. The same reference for as long as the object lives. */
  get<Id extends string>(id: IdIn<Models, Id>): ObjectOf<Models, Id> | undefined {
    return this.#follower.view.get(id) as ObjectOf<Models, Id> | undefined;
  }

  /** All objects that this client sees, by id. Always current. */
  allObjects(): ReadonlyMap<string, ObjectOf<Models>> {
    return this.#follower.view as unknown as ReadonlyMap<string, ObjectOf<Models>>;
  }

  /** Creates an object if none has an id yet, otherwise updates it: only what is given changes. */
  save<Id extends string>(
    object: SavedObject<Models, Id>,
    callback?: Callback<ObjectOf<Models, Id>>,
  ): WriteHandle<ObjectOf<Models, Id>> {
    return this.#writes.writeObject((tx) => tx.save(object as Writable), callback);
  }

  /** Creates an object, under a chosen id if it has one: refused with `exists` when that is taken. */
  create<Id extends string>(
    object: NewObject<Models, Id>,
    callback?: Callback<ObjectOf<Models, Id>>,
  ): WriteHandle<ObjectOf<Models, Id>> {
    return this.#writes.writeObject((tx) => tx.create(object as Writable), callback);
  }

  /** Changes what is given; undefined removes a property. */
  update<Id extends string>(
    object: ChangesOf<Models, Id>,
    callback?: Callback<ObjectOf<Models, Id>>,
  ): WriteHandle<ObjectOf<Models, Id>> {
    return this.#writes.writeObject((tx) => tx.update(object as Writable), callback);
  }

  destroy<Id extends string>(
    id: IdIn<Models, Id>,
    callback?: Callback<undefined>,
  ): WriteHandle<undefined> {
    return this.#writes.write((tx) => tx.destroy(id), callback);
  }

  /** Writes all that `fill` asks for as one, or nothing if it throws. It must not be async. */
  transaction(
    fill: (transaction: ModelTransaction<Models>) => void,
    callback?: Callback<undefined>,
  ): WriteHandle<undefined> {
    return this.#writes.write(fill, callback);
  }

  /** Asks the server for an object, or several. Null where there is none. */
  fetch<Id extends string>(
    id: IdIn<Models, Id>,
    callback?: Callback<ObjectOf<Models, Id> | null>,
  ): Promise<ObjectOf<Models, Id> | null>;
  fetch<Id extends string>(
    ids: readonly IdIn<Models, Id>[],
    callback?: Callback<(ObjectOf<Models, Id> | null)[]>,
  ): Promise<(ObjectOf<Models, Id> | null)[]>;
  fetch(ids: unknown, callback?: Callback<never>): Promise<unknown> {
    return this.#reads.fetch(ids, callback as Callback<unknown> | undefined);
  }

  /**
   * Has this client shown more: only with the option `subscribe`, for without it a client is shown
   * everything anyway. What comes into view is `add`ed and what leaves is `remove`d, all in one step.
   *
   * ```ts
   * const sync = new ObjectSync(url, { subscribe: [] });
   * const unsubscribe = sync.subscribe({ query: { type: "player", level: { $gte: 5 } } });
   * await unsubscribe.ready;
   * ```
   */
  subscribe(topic: Topic): Unsubscribe {
    return this.#reads.subscribe(topic);
  }

  /** Returns what takes the listener away again. */
  on<Name extends EventName>(name: Name, listener: SyncListener<ObjectOf<Models>, Name>): Undo {
    return this.#hub.on(name, listener);
  }

  once<Name extends EventName>(name: Name, listener: SyncListener<ObjectOf<Models>, Name>): Undo {
    return this.#hub.on(name, listener, true);
  }

  off<Name extends EventName>(name: Name, listener: SyncListener<ObjectOf<Models>, Name>): void {
    this.#hub.off(name, listener);
  }

  /** The events of one object, which need not exist yet. */
  object<Id extends string>(id: IdIn<Models, Id>): ObjectEventSource<ObjectOf<Models, Id>> {
    return this.#hub.of("object", id);
  }

  /** The events of the objects whose ids start with the name and a colon. */
  namespace<Name extends ModelName<Models>>(
    name: Name,
  ): ObjectEventSource<ObjectOf<Models, `${Name}:${string}`>> {
    return this.#hub.of("namespace", name);
  }

  #go(kind: VisitKind, callback: Callback<SyncResult> | undefined): Promise<SyncResult> {
    return this.#calls.call(Promise<SyncResult>, callback, (settle) => {
      this.#explicitly().go(kind, settle);
    });
  }

  #explicitly(): Visits {
    if (this.status === "closed") throw closedError();
    if (this.#visits !== undefined) return this.#visits;
    throw new SyncError("unsupported", "this client is live: see the option `live`");
  }

  #listener(isLive: boolean): FollowerListener {
    return {
      changed: (events) => {
        for (const event of events) this.#hub.emitChange(event);
      },
      happened: (name, ...args) => {
        this.#emit(name, ...args);
        if (name === "synced") this.#settleWhenSynced();
      },
      refused: (error) => {
        if (!isLive) return; // whoever has asked for the visit hears
        this.#refusal = error;
        this.#hub.emit("error", error);
        this.#settleWhenSynced(error);
      },
      strange: () => {
        const failed = (error: unknown): void => this.#emit("error", storageError(error));
        this.#succession.forget(false).catch(failed);
      },
      drained: () => undefined,
      progressed: (progress) => this.#visits?.progressed(progress),
    };
  }

  #emit<Name extends ClientEventName>(name: Name, ...args: ClientEvents[Name]): void {
    if (this.#hub.emit(name, ...args) || name !== "uncertain") return;
    const message = "a write waits: listen to `uncertain`";
    this.#hub.emit("error", new SyncError("uncertain", message));
  }

  #settleWhenSynced(error?: SyncError): void {
    for (const settle of this.#whenSynced.splice(0)) settle(error);
  }
}
