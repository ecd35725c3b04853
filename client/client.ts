import type { Callback } from "../lib/callback.ts";
import type { WriteCheck } from "../lib/change-check.ts";
import type { Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ClientLimits } from "../lib/limits.ts";
import type { Connect } from "../lib/link.ts";
import { FIRST_VERSION } from "../lib/migrations.ts";
import { checkId, type ObjectId, type SyncObject } from "../lib/object.ts";
import {
  toProperties,
  type CreateOperation,
  type Operation,
  type UpdateOperation,
} from "../lib/operation.ts";
import type { Topic } from "../lib/topics.ts";
import { collect, type Transaction, type Writable } from "../lib/transaction.ts";
import type { Status } from "./connection.ts";
import { checkFunction, EventHub, type Scope, type Undo } from "./event-hub.ts";
import type {
  ClientEventName,
  ClientEvents,
  EventName,
  ObjectEventName,
  SyncListener,
} from "./events.ts";
import { closedError, Follower, type FollowerListener } from "./follower.ts";
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
import type { ResolvedOptions } from "./options.ts";
import type { Keeper, Opened } from "./persistence.ts";
import { storageError } from "./storage-error.ts";
import { Subscriptions } from "./subscriptions.ts";
import { WriteHandle, type WriteStage } from "./write-handle.ts";

/** The events of one object, or of one namespace. */
export interface ObjectEventSource<Held> {
  /** Returns what takes the listener away again. */
  on<Name extends ObjectEventName>(name: Name, listener: SyncListener<Held, Name>): Undo;
  once<Name extends ObjectEventName>(name: Name, listener: SyncListener<Held, Name>): Undo;
}

/** Where a client lives: real, or simulated in the tests. */
export interface Surroundings {
  readonly environment: Environment;
  readonly connect: Connect;
}

/** Takes a subscription back. */
export type Unsubscribe = (() => void) & {
  /** Resolves when all of it is in view; rejects when the server refuses it. */
  readonly ready: Promise<void>;
};

type WrittenObject = CreateOperation | UpdateOperation;
type Settle<Result> = (error: SyncError | undefined, result?: Result) => void;

/**
 * All that an application does with a world. It checks what the application passes, and turns what
 * the follower tells into events, callbacks and promises.
 *
 * No method throws for a wrong argument of a write or fetch: the promise rejects, and the callback
 * is called with the same error. A promise that nobody looks at does no harm.
 */
export class Client<Models extends object = AnyModels> {
  readonly #follower: Follower;
  readonly #subscriptions: Subscriptions | undefined;
  readonly #hub = new EventHub();
  readonly #limits: ClientLimits;
  readonly #newId: () => string;
  readonly #check: WriteCheck | undefined;
  readonly #whenSynced: Settle<void>[] = [];
  readonly #newFollower: (
    isResuming: boolean,
    listener: FollowerListener,
    schema?: number,
  ) => Follower;
  /** They finish what other clients have left, each under its own name. */
  readonly #heirs = new Set<Follower>();
  #opened: Promise<Opened | undefined>;
  readonly #isKeeping: boolean;
  #auth: unknown;
  #isConnectWanted = false;
  /** Why it will never be synced, unless it is told to connect again. */
  #refusal: SyncError | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedOptions, surroundings: Surroundings) {
    const { random } = surroundings.environment;
    this.#limits = options.limits;
    this.#check = options.check;
    this.#newId = () => random.id();
    const { subscribe } = options;
    const subscriptions = subscribe && new Subscriptions(subscribe, options.limits);
    this.#subscriptions = subscriptions;
    this.#auth = options.auth;
    const auth = (): unknown => this.#auth;
    // Where a spread comes first, the engine takes each client's for an object of another make.
    const { storage, world, migrations } = options;
    this.#newFollower = (isResuming, listener, schema = migrations?.version ?? FIRST_VERSION) =>
      new Follower(
        { isResuming, subscriptions, ...options, ...surroundings, auth, schema },
        listener,
      );
    this.#follower = this.#newFollower(storage !== undefined, {
      changed: (events) => {
        for (const event of events) this.#hub.emitChange(event);
      },
      happened: (name, ...args) => {
        this.#emit(name, ...args);
        if (name === "synced") this.#settleWhenSynced();
      },
      refused: (error) => {
        this.#refusal = error;
        this.#hub.emit("error", error);
        this.#settleWhenSynced(error);
      },
      strange: () =>
        this.#forget(false).catch((error: unknown) => this.#emit("error", storageError(error))),
      drained: () => undefined,
    });
    this.#isKeeping = storage !== undefined;
    this.#opened = Promise.resolve(storage?.open(world, surroundings.environment, migrations)).then(
      (opened) => {
        if (storage !== undefined) this.#follower.resume(opened?.own);
        for (const keeper of opened?.orphans ?? []) this.#finish(keeper);
        for (const problem of opened?.problems ?? []) {
          this.#hub.emit("error", storageError(problem));
        }
        return opened;
      },
      (error: unknown) => {
        this.#hub.emit("error", storageError(error));
        this.#follower.resume(undefined);
        return undefined;
      },
    );
    if (options.autoConnect) this.connect();
  }

  get status(): Status {
    return this.#follower.status;
  }

  /** How many writes the server has not decided yet. */
  get pending(): number {
    return this.#follower.pending;
  }

  /** The public name of the present connection; undefined when there is none. */
  get sessionId(): string | undefined {
    return this.#follower.sessionId;
  }

  isConnected(): boolean {
    return this.#follower.isConnected;
  }

  /** Connects, and from then on comes back whenever the connection is lost. */
  connect(): void {
    if (this.status !== "closed") this.#refusal = undefined;
    this.#isConnectWanted = true;
    for (const follower of [this.#follower, ...this.#heirs]) follower.connect();
  }

  /**
   * Goes on with other credentials of the same user, in the place of the option `auth`: at once, if
   * the client is to be connected. Undecided writes wait meanwhile.
   */
  setAuth(auth: unknown): void {
    this.#auth = auth;
    if (this.status !== "closed") this.#refusal = undefined;
    for (const follower of [this.#follower, ...this.#heirs]) follower.renew();
  }

  /**
   * Forgets the user: goes offline, and drops the credentials, the view, and what a `storage` has kept
   * for clients that are not open elsewhere. Undecided writes fail with `signed_out`. Then the next
   * user may come, by `setAuth(...)` and `connect()`. Rejects with `storage_failed` when what is kept
   * cannot be removed.
   */
  signOut(): Promise<void> {
    this.disconnect();
    this.#auth = undefined;
    return this.#forget(true);
  }

  /** Goes offline. Writes go on, and wait for `connect()`. */
  disconnect(): void {
    this.#isConnectWanted = false;
    for (const follower of [this.#follower, ...this.#heirs]) follower.disconnect();
  }

  /** Resolves when the view is whole. Rejects when the server refuses, and with `closed`. */
  whenSynced(): Promise<void> {
    return this.#call(Promise<void>, undefined, (settle) => {
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
    this.#closing ??= Promise.all([
      ...Array.from(this.#heirs, (follower) => follower.close()),
      this.#follower.close(),
      new Promise<void>((resolve) => {
        this.#follower.tell(() => {
          this.#refusal = closedError();
          this.#settleWhenSynced(this.#refusal);
          this.#hub.removeAll();
          resolve();
        });
      }),
    ])
      .then(() => this.#opened)
      .then((opened) => opened?.close());
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
    return this.#writeObject((tx) => tx.save(object as Writable), callback);
  }

  /** Creates an object, under a chosen id if it has one: refused with `exists` when that is taken. */
  create<Id extends string>(
    object: NewObject<Models, Id>,
    callback?: Callback<ObjectOf<Models, Id>>,
  ): WriteHandle<ObjectOf<Models, Id>> {
    return this.#writeObject((tx) => tx.create(object as Writable), callback);
  }

  /** Changes what is given; undefined removes a property. */
  update<Id extends string>(
    object: ChangesOf<Models, Id>,
    callback?: Callback<ObjectOf<Models, Id>>,
  ): WriteHandle<ObjectOf<Models, Id>> {
    return this.#writeObject((tx) => tx.update(object as Writable), callback);
  }

  destroy<Id extends string>(
    id: IdIn<Models, Id>,
    callback?: Callback<undefined>,
  ): WriteHandle<undefined> {
    return this.#write((tx) => tx.destroy(id), callback);
  }

  /** Writes all that `fill` asks for as one, or nothing if it throws. It must not be async. */
  transaction(
    fill: (transaction: ModelTransaction<Models>) => void,
    callback?: Callback<undefined>,
  ): WriteHandle<undefined> {
    return this.#write(fill, callback);
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
    const { view } = this.#follower;
    return this.#call(Promise<unknown>, callback as Callback<unknown> | undefined, (settle) => {
      const list: readonly unknown[] = Array.isArray(ids) ? ids : [ids];
      const checked = list.map((id) => checkId(id, this.#limits));
      const removals: (() => void)[] = [];
      const settled = (error?: SyncError): void => {
        if (error !== undefined) for (const remove of removals) remove();
        const found = checked.map((id) => view.get(id) ?? null);
        settle(error, Array.isArray(ids) ? found : found[0]);
      };
      if (checked.length > 0) this.#follower.fetch(checked, settled);
      else this.#follower.tellSoon(settled);
      if (this.#subscriptions === undefined) return;
      for (const id of checked) removals.push(this.#subscriptions.add({ id }));
    });
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
    let remove: () => void = () => undefined;
    const ready = this.#call(Promise<void>, undefined, (settle) => {
      if (this.#subscriptions === undefined) {
        const message = "without the option subscribe this client is shown everything already";
        throw new SyncError("bad_option", message, { property: "subscribe" });
      }
      remove = this.#subscriptions.add(topic);
      try {
        this.#follower.fetch(undefined, (error) => {
          if (error !== undefined) remove(); // or no server would let this client in again
          settle(error);
        });
      } catch (error) {
        remove();
        throw error;
      }
    });
    const unsubscribe = (): void => {
      remove();
      void this.#call(Promise<void>, undefined, (settle) =>
        this.#follower.fetch(undefined, settle),
      );
    };
    return Object.assign(unsubscribe, { ready });
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
    return this.#eventsOf("object", id);
  }

  /** The events of the objects whose ids start with the name and a colon. */
  namespace<Name extends ModelName<Models>>(
    name: Name,
  ): ObjectEventSource<ObjectOf<Models, `${Name}:${string}`>> {
    return this.#eventsOf("namespace", name);
  }

  #emit<Name extends ClientEventName>(name: Name, ...args: ClientEvents[Name]): void {
    if (this.#hub.emit(name, ...args) || name !== "uncertain") return;
    const message = "nobody listens to `uncertain`, and a write waits to be retried or discarded";
    this.#hub.emit("error", new SyncError("uncertain", message));
  }

  /** Drops what belongs to another user than the next; if `isAll`, also what ended clients have left. */
  #forget(isAll: boolean): Promise<void> {
    const opening = this.#opened;
    const forgetting = opening.then(async (opened) => {
      if (this.#closing !== undefined) return;
      const removed = [this.#follower.forget()];
      if (isAll) removed.push(...Array.from(this.#heirs, (heir) => this.#dismiss(heir)));
      await Promise.all(removed);
      let keeper: Keeper | undefined;
      try {
        keeper = await opened?.renew(isAll);
      } catch (error) {
        throw storageError(error);
      } finally {
        this.#follower.resume(keeper);
      }
      const isUnknown = this.#isKeeping && opened === undefined;
      if (isUnknown) throw storageError("what the storage has could not be removed");
    });
    this.#opened = forgetting.then(
      () => opening,
      () => opening,
    );
    return forgetting;
  }

  async #dismiss(heir: Follower): Promise<void> {
    this.#heirs.delete(heir);
    await heir.forget();
    await heir.close(true);
  }

  /** Has what a client that has ended did not finish decided, and tells only what fails. */
  #finish(keeper: Keeper): void {
    if (this.#closing !== undefined) {
      void keeper.close(false);
      return;
    }
    const listener: FollowerListener = {
      changed: () => undefined,
      happened: (name, ...args) => {
        if (name === "reject" || name === "uncertain" || name === "error")
          this.#emit(name, ...args);
      },
      refused: (error) => this.#hub.emit("error", error),
      strange: () => void this.#dismiss(heir),
      drained: () => {
        this.#heirs.delete(heir);
        void heir.close(true);
      },
    };
    const heir = this.#newFollower(true, listener, keeper.kept?.schema);
    this.#heirs.add(heir);
    heir.resume(keeper);
    if (this.#isConnectWanted) heir.connect();
  }

  #eventsOf<Held>(scope: Scope, of: string): ObjectEventSource<Held> {
    return {
      on: (name, listener) => this.#hub.on(name, listener, false, scope, of),
      once: (name, listener) => this.#hub.on(name, listener, true, scope, of),
    };
  }

  #writeObject<Held>(
    fill: (transaction: Transaction) => unknown,
    callback: Callback<Held> | undefined,
  ): WriteHandle<Held> {
    return this.#write(
      fill,
      callback,
      ([operation], [id]) =>
        this.#writtenObject(operation as WrittenObject, id as ObjectId) as Held,
    );
  }

  /** The object, or if it is gone by now what was written. */
  #writtenObject(operation: WrittenObject, id: ObjectId): SyncObject {
    const written = operation.kind === "create" ? operation.properties : operation.changes;
    return this.#follower.view.get(id) ?? { id, ...toProperties(written) };
  }

  #write<Result>(
    fill: (transaction: Transaction) => unknown,
    callback: Callback<Result> | undefined,
    resultOf?: (operations: readonly Operation[], ids: readonly ObjectId[]) => Result,
  ): WriteHandle<Result> {
    let operations: readonly Operation[] = [];
    const handle: WriteHandle<Result> = this.#call(
      WriteHandle<Result>,
      callback,
      (settle) => {
        const get = (id: string): SyncObject | undefined => this.#follower.view.get(id);
        operations = collect(fill, this.#limits, this.#newId, get);
        this.#check?.(operations, get);
        const settled = (error: SyncError | undefined, ids: readonly ObjectId[]): void => {
          settle(error, error === undefined ? resultOf?.(operations, ids) : undefined);
        };
        const reach = (stage: WriteStage): void => WriteHandle.reach(handle, stage);
        if (operations.length > 0) this.#follower.write(operations, settled, reach);
        else this.#follower.tellSoon(() => settled(undefined, []));
      },
      (error) => {
        this.#hub.emit("reject", error, { operations });
        WriteHandle.reach(handle, "rejected");
      },
    );
    return handle;
  }

  /** Begins something that settles later. What it throws is how it settles; `onThrow` hears first. */
  #call<Result, Made extends Promise<Result>>(
    Made: new (
      executor: (resolve: (result: Result) => void, reject: (error: SyncError) => void) => void,
    ) => Made,
    callback: Callback<Result> | undefined,
    begin: (settle: Settle<Result>) => void,
    onThrow?: (error: SyncError) => void,
  ): Made {
    const promise = new Made((resolve, reject) => {
      const settle: Settle<Result> = (error, result) => {
        if (typeof callback === "function") {
          this.#hub.call(callback, error === undefined ? [null, result] : [error]);
        }
        if (error === undefined) resolve(result as Result);
        else reject(error);
      };
      try {
        if (callback !== undefined) checkFunction(callback, "callback");
        begin(settle);
      } catch (cause) {
        const error = toSyncError(cause);
        this.#follower.tellSoon(() => {
          onThrow?.(error);
          settle(error);
        });
      }
    });
    promise.catch(() => undefined); // whoever is interested catches it as well
    return promise;
  }

  #settleWhenSynced(error?: SyncError): void {
    for (const settle of this.#whenSynced.splice(0)) settle(error);
  }
}

/** What the application's own code threw within a call: a getter, or a transaction's function. */
function toSyncError(cause: unknown): SyncError {
  if (cause instanceof SyncError) return cause;
  return new SyncError("invalid_payload", `the call failed: ${String(cause)}`, { cause });
}
