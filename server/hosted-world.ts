import { EventEmitter } from "eventemitter3";
import { withCallback, type Callback } from "../lib/callback.ts";
import type { Cursor } from "../lib/delta.ts";
import type { Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { Link, LinkEvents } from "../lib/link.ts";
import { topicsFromText, type Hello } from "../lib/messages.ts";
import type { Migrations } from "../lib/migrations.ts";
import { checkId, type Changes, type ObjectId, type SyncObject } from "../lib/object.ts";
import { EVERYTHING, parseTopics, type Topic } from "../lib/topics.ts";
import { collect, type Transaction, type Writable } from "../lib/transaction.ts";
import type { Applied } from "../lib/world.ts";
import { identityKey, type IdentityKey } from "./identity.ts";
import type { Visitor } from "./authenticated.ts";
import type { ChangesSince } from "./changes-reading.ts";
import type { Decision, Writer } from "./job.ts";
import { ObjectsView } from "./objects-view.ts";
import { Reception } from "./reception.ts";
import { raiseWorld } from "./raised-world.ts";
import type { Rules } from "./rules.ts";
import { SchemaVersions } from "./schema-versions.ts";
import type { SessionInfo } from "./session.ts";
import { checkLoaded } from "./stores/contract.ts";
import type { StoredWorld } from "./stores/store.ts";
import { isThenable } from "./thenable.ts";
import { closing, turnAway } from "./turn-away.ts";
import type { ChannelsOf } from "./views/channels.ts";
import {
  WorldAccess,
  type ChangesOptions,
  type CommitOptions,
  type Written,
} from "./world-access.ts";
import { WorldHost, type HostOptions } from "./world-host.ts";

/** Who made a change: a client's connection, or the server's own code (null). */
export interface ChangeContext {
  readonly sessionId: string | null;
  readonly identity: unknown;
}

/** What a world tells the application that runs it. */
export interface WorldEvents {
  connect: (session: SessionInfo) => void;
  disconnect: (session: SessionInfo) => void;
  create: (object: SyncObject, context: ChangeContext) => void;
  update: (object: SyncObject, changed: Changes, previous: Changes, context: ChangeContext) => void;
  destroy: (id: string, object: SyncObject, context: ChangeContext) => void;
  /**
   * These objects were created, changed or destroyed, silently or not: once for all that came into force
   * together, after its other events and before any client is shown it. `get` has them as they are. Also
   * told of what the store has refused, which is as it was before.
   */
  change: (ids: ReadonlySet<string>) => void;
  /** A handler, a listener or the store failed; without a listener it is printed. */
  error: (error: SyncError) => void;
}

export type HostedWorldOptions = Omit<
  HostOptions,
  "versions" | "onApplied" | "onChanged" | "onError"
> & {
  readonly migrations?: Migrations | undefined;
};

type WriteSteps = Pick<Transaction, "save" | "create" | "update" | "destroy">;

/** One world as the application sees it on the server: its objects, writes and events. */
export class HostedWorld {
  readonly name: string;
  readonly #limits: ServerLimits;
  readonly #environment: Environment;
  readonly #events = new EventEmitter<WorldEvents>();
  readonly #versions: SchemaVersions;
  readonly #opening: Promise<WorldHost>;
  #isFailureTold = false;
  #host: WorldHost | undefined;
  #reception: Reception | undefined;

  /** Opens the world in its store: at once, if the store can. Throws `store_contract`, then. */
  constructor(options: HostedWorldOptions) {
    this.name = options.name;
    this.#limits = options.limits;
    this.#environment = options.environment;
    const { migrations, limits } = options;
    this.#versions = new SchemaVersions(migrations, limits, (error) => this.report(error));
    const loading = options.store.load(options.name, options.environment.random.id());
    const raise = (loaded: unknown): StoredWorld | Promise<StoredWorld> =>
      raiseWorld(checkLoaded(this.name, loaded), this.name, options.store, this.#versions);
    const raising = isThenable(loading) ? Promise.resolve(loading).then(raise) : raise(loading);
    this.#opening = isThenable(raising)
      ? Promise.resolve(raising).then((stored) => this.#open(stored, options))
      : Promise.resolve(this.#open(raising, options));
    this.#opening.catch(() => undefined); // whoever waits for it hears
  }

  #open(stored: StoredWorld, options: HostedWorldOptions): WorldHost {
    this.#host = new WorldHost(stored, {
      ...options,
      versions: this.#versions,
      onApplied: (applied, writer) => this.#emitApplied(applied, writer),
      onChanged: (decisions) => this.#emitChanged(decisions),
      onError: (error) => this.report(error),
    });
    const { limits, environment } = options;
    this.#reception = new Reception(this.#host, this.name, limits, environment, {
      connected: (session) => void this.#events.emit("connect", session),
      disconnected: (session) => void this.#events.emit("disconnect", session),
    });
    return this.#host;
  }

  /** Resolves when the store has loaded the world; rejects when it cannot. */
  async opened(): Promise<void> {
    await this.#opening;
  }

  /** Creates an object, under a new id if it has none. Rejects with `exists` when the id is taken. */
  create(object: Writable, callback?: Callback<SyncObject>): Promise<SyncObject> {
    return this.#writeOne((steps) => steps.create(object), callback);
  }

  /** Changes the given properties of an object; undefined removes one. */
  update(object: Writable, callback?: Callback<SyncObject>): Promise<SyncObject> {
    return this.#writeOne((steps) => steps.update(object), callback);
  }

  /** Updates the object of this id, or creates one when there is no id. */
  save(object: Writable, callback?: Callback<SyncObject>): Promise<SyncObject> {
    return this.#writeOne((steps) => steps.save(object), callback);
  }

  destroy(id: string, callback?: Callback<undefined>): Promise<undefined> {
    const written = this.#write((steps) => steps.destroy(id)).then(() => undefined);
    return withCallback(written, callback, this.#guard);
  }

  /** Everything that `fill` writes takes effect in one step, or nothing does. */
  transaction(
    fill: (steps: WriteSteps) => void,
    callback?: Callback<undefined>,
  ): Promise<undefined> {
    return withCallback(
      this.#write(fill).then(() => undefined),
      callback,
      this.#guard,
    );
  }

  fetch(id: string, callback?: Callback<SyncObject | null>): Promise<SyncObject | null>;
  fetch(
    ids: readonly string[],
    callback?: Callback<(SyncObject | null)[]>,
  ): Promise<(SyncObject | null)[]>;
  /** The objects of these ids, by way of the fetch handler if there is one; null for a missing one. */
  fetch(
    ids: string | readonly string[],
    callback?: Callback<never>,
  ): Promise<SyncObject | null | (SyncObject | null)[]> {
    const found = this.#fetch(typeof ids === "string" ? [ids] : ids, false);
    type Found = SyncObject | null | (SyncObject | null)[];
    const result = found.then((all): Found => (typeof ids === "string" ? (all[0] ?? null) : all));
    return withCallback(result, callback as Callback<Found> | undefined, this.#guard);
  }

  /**
   * Asks the fetch handler about these objects although the world may hold them, because they may
   * have changed behind its back: each is created, changed or destroyed here, as it is there, with
   * its event. Resolves with the objects; null for a missing one.
   */
  refresh(
    ids: readonly string[],
    callback?: Callback<(SyncObject | null)[]>,
  ): Promise<(SyncObject | null)[]> {
    return withCallback(this.#fetch(ids, true), callback, this.#guard);
  }

  /** The object as it is now. It is the same reference for the object's whole life: do not change it. */
  get(id: string): SyncObject | undefined {
    return this.#opened().world.get(id);
  }

  /** Whether there was an object of this id and it was destroyed, as far as the world remembers. */
  isGone(id: string): boolean {
    return this.#opened().world.isGone(id);
  }

  /** All objects by id: a live view, not a copy. */
  allObjects(): ReadonlyMap<string, SyncObject> {
    return new ObjectsView(this.#opened().world);
  }

  /**
   * What has changed since a cursor that an earlier answer gave, what was destroyed among it; without a
   * cursor, all objects. For whoever follows a world by asking, over HTTP or in another database.
   */
  changesSince(cursor?: Cursor, options: ChangesOptions = {}): Promise<ChangesSince> {
    return this.#own.changesSince(cursor, options);
  }

  /**
   * A transaction that tells which commit it was, by which its changes are known in `changesSince`; if
   * asked to, one that is made only if nothing has changed since a cursor.
   */
  commit(fill: (steps: WriteSteps) => void, options: CommitOptions = {}): Promise<Written> {
    return this.#own.commit(fill, options);
  }

  /**
   * The world as somebody may see and change it who has no connection: `rules` and `authorize` are asked
   * as about a client of this identity.
   */
  as(identity: unknown): WorldAccess {
    return this.#access({ of: identity });
  }

  /**
   * Looks again at who may see what, of these objects or of all: to be called when the rules would now
   * answer otherwise for a reason outside of the objects. What somebody may not see any more leaves
   * their view; who is away loses it when they come back.
   */
  async revoke(ids?: readonly string[]): Promise<void> {
    const checked = ids?.map((id) => checkId(id, this.#limits));
    const host = this.#host ?? (await this.#opening);
    await host.revoke(checked);
  }

  /** See `ObjectSyncServer.setRules`. The rules were checked. */
  changeRules(rules: Rules | undefined): void {
    if (this.#host !== undefined) this.#host.changeRules(rules);
    else
      void this.#opening.then(
        (host) => host.changeRules(rules),
        () => undefined,
      );
  }

  /** Names channels of objects besides the server's option `channels`. */
  async nameChannels(channelsOf: ChannelsOf): Promise<void> {
    const host = this.#host ?? (await this.#opening);
    await host.nameChannels(channelsOf);
  }

  /**
   * Decides what clients are shown that connect from now on, whatever they ask for; undefined leaves it
   * to them. They cannot subscribe then, and fetch only what they are shown. Returns its undo.
   */
  direct(choose: (session: SessionInfo) => readonly Topic[] | undefined): () => void {
    const host = this.#opened();
    return host.directors.add((session) => {
      const topics = choose(session);
      return topics && parseTopics(topics, this.#limits);
    });
  }

  /**
   * Has a connected client shown this from now on. Throws `unsupported` when `direct` left it to the
   * client what it is shown.
   */
  show(sessionId: string, topics: readonly Topic[]): void {
    this.#opened().directors.show(sessionId, parseTopics(topics, this.#limits));
  }

  /** Calls `listener` from now on; returns its undo. What it throws is an `error` event, and hides nothing from others. */
  on<Name extends keyof WorldEvents>(event: Name, listener: WorldEvents[Name]): () => void {
    if (typeof (listener as unknown) !== "function") {
      throw new SyncError("invalid_payload", "a listener must be a function");
    }
    // The emitter's types cannot follow a name that is still open.
    const anyListener = listener as (...args: unknown[]) => void;
    const events: EventEmitter = this.#events as never;
    const guard = event === "error" ? printed : this.#guard;
    const guarded = (...args: unknown[]): void => guard(() => anyListener(...args));
    events.on(event, guarded);
    return () => void events.off(event, guarded);
  }

  /** How to begin the session of a client that was let in. Throws why it cannot be let in here. */
  async reception(hello: Hello, visitor: Visitor): Promise<(link: Link) => LinkEvents> {
    const host = await this.#opening.catch((error: unknown) => this.#refuseAll(error));
    const reception = this.#reception as Reception;
    const problem = (): SyncError | undefined =>
      this.#lackOfRoom(host, hello.clientId, visitor.identity) ??
      reception.ownerProblem(hello.clientId, visitor.identity);
    const early = host.isClosing ? closing() : problem();
    if (early !== undefined) throw early;
    reception.checkVersion(hello.schema);
    const topics =
      hello.topics === undefined
        ? EVERYTHING
        : reception.topicsOf(topicsFromText(hello.topics, this.#limits));
    return (link) => {
      // Others may have come since: of the same identity, or under the same clientId.
      const late = problem();
      return late === undefined
        ? reception.accept(link, hello, topics, visitor)
        : turnAway(link, late);
    };
  }

  #lackOfRoom(host: WorldHost, clientId: string, identity: unknown): SyncError | undefined {
    const retry = { retryAfterMs: 5_000 };
    if (host.sessions.size >= this.#limits.sessionsMax) {
      return new SyncError("unavailable", "too many clients are connected", retry);
    }
    if (!this.#hasTooMany(host, clientId, identity)) return undefined;
    return new SyncError("unavailable", "too many clients of this identity are connected", retry);
  }

  /** A client that comes back takes the place of its older connection. */
  #hasTooMany({ sessions }: WorldHost, clientId: string, identity: unknown): boolean {
    const key = identityKey(identity);
    if (key === undefined) return false;
    const own = sessions.ofIdentity(key);
    const older = sessions.of(clientId);
    const isReplacing = older !== undefined && own.has(older);
    return own.size - (isReplacing ? 1 : 0) >= this.#limits.sessionsPerIdentityMax;
  }

  /** Ends the sessions of an identity for good, and tells how many there were. */
  endSessions(key: IdentityKey): number {
    return this.#host?.sessions.endIdentity(key) ?? 0;
  }

  /**
   * The store did not give the world, of which an application that has only attached hears here first.
   * What is wrong inside is not for clients, and they shall be back once it is mended.
   */
  #refuseAll(cause: unknown): never {
    if (!this.#isFailureTold) {
      this.#isFailureTold = true;
      const failed = new SyncError("unavailable", `the world ${this.name} is not open`, { cause });
      this.report(cause instanceof SyncError ? cause : failed);
    }
    throw new SyncError("unavailable", "the world is not open", { retryAfterMs: 5_000 });
  }

  /** Tells the application of what no caller hears of. */
  report(error: SyncError): void {
    if (!this.#events.emit("error", error)) console.error(error);
  }

  /** Decides every write that was taken, tells the clients, and lets them go. */
  async close(): Promise<void> {
    const host = this.#host ?? (await this.#opening.catch(() => undefined));
    await host?.close();
  }

  get #own(): WorldAccess {
    return this.#access(undefined);
  }

  #access(identity: { readonly of: unknown } | undefined): WorldAccess {
    return new WorldAccess({
      limits: this.#limits,
      newId: () => this.#environment.random.id(),
      opening: () => this.#host ?? this.#opening,
      identity,
      world: this.name,
    });
  }

  #opened(): WorldHost {
    if (this.#host !== undefined) return this.#host;
    throw new SyncError("unavailable", `the world ${this.name} is not loaded yet: await opened()`);
  }

  async #write(fill: (steps: Transaction) => unknown): Promise<ReadonlyMap<ObjectId, ObjectId>> {
    const newId = (): string => this.#environment.random.id();
    const get = (id: string): SyncObject | undefined => this.#host?.world.get(id);
    const operations = collect(fill, this.#limits, newId, get);
    const host = this.#host ?? (await this.#opening);
    return (await host.write(operations)).renamed;
  }

  #writeOne(
    step: (steps: Transaction) => ObjectId,
    callback: Callback<SyncObject> | undefined,
  ): Promise<SyncObject> {
    let id: ObjectId | undefined;
    const written = this.#write((steps) => (id = step(steps))).then((renamed) => {
      const written = id as ObjectId;
      const final = renamed.get(written) ?? written;
      return this.get(final) ?? { id: final }; // destroyed since by somebody else
    });
    return withCallback(written, callback, this.#guard);
  }

  async #fetch(ids: readonly string[], isRefresh: boolean): Promise<(SyncObject | null)[]> {
    if (!Array.isArray(ids))
      throw new SyncError("invalid_id", "an id, or a list of ids, must be given");
    const checked = ids.map((id) => checkId(id, this.#limits));
    const host = await this.#opening;
    await host.fetch(checked, null, isRefresh);
    return checked.map((id) => host.world.get(id) ?? null);
  }

  #emitApplied(applied: Applied, writer: Writer): void {
    const context = { sessionId: writer?.id ?? null, identity: writer?.identity };
    const { object } = applied;
    const events = this.#events;
    if (applied.kind === "create") {
      events.emit("create", object, context);
    } else if (applied.kind === "destroy") {
      events.emit("destroy", object.id, object, context);
    } else {
      events.emit("update", object, applied.changed, applied.previous, context);
    }
  }

  /** What nobody listens to is not gathered: there is such a list with every turn. */
  #emitChanged(decisions: readonly Decision[]): void {
    if (this.#events.listenerCount("change") === 0) return;
    const ids = new Set<string>();
    for (const { commit } of decisions) {
      for (const { entry } of commit?.applied ?? []) ids.add(entry.id);
    }
    if (ids.size > 0) this.#events.emit("change", ids);
  }

  /** The application's code may throw what it likes: the world goes on. */
  readonly #guard = (call: () => void): void => {
    try {
      call();
    } catch (cause) {
      this.report(new SyncError("handler_failed", "a listener or callback failed", { cause }));
    }
  };
}

/** What fails even in a listener of errors is told to nobody else, or there would be no end of it. */
function printed(call: () => void): void {
  try {
    call();
  } catch (cause) {
    console.error(cause);
  }
}
