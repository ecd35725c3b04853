import type { Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import { fingerprint } from "../lib/fingerprint.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { ObjectId, SyncObject } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import type { Welcome } from "../lib/messages.ts";
import { ACCEPTED, type Outcome } from "../lib/outcome.ts";
import { Topics } from "../lib/topics.ts";
import { World, type Applied } from "../lib/world.ts";
import type { WriteRequest } from "./authorization.ts";
import type { ChangeChecks } from "./change-checks.ts";
import type { Flush } from "./flush-policy.ts";
import { Flusher } from "./flusher.ts";
import { HandlerGate, meet } from "./handler-gate.ts";
import type { Handlers } from "./handlers.ts";
import { identityKey } from "./identity.ts";
import type { Decision, Job, MutationName, Writer } from "./job.ts";
import { Judge } from "./judge.ts";
import { Keeper } from "./keeper.ts";
import { KeyedQueue } from "./keyed-queue.ts";
import { Ledger } from "./ledger.ts";
import type { Lifetimes } from "./lifetimes.ts";
import { Permissions, type Rules } from "./rules.ts";
import type { SchemaVersions } from "./schema-versions.ts";
import { SessionObjects } from "./session-objects.ts";
import type { SessionInfo } from "./session.ts";
import { Sessions } from "./sessions.ts";
import type { Failure } from "./store-batch.ts";
import type { Store, StoredWorld } from "./stores/store.ts";
import type { ChannelsOf } from "./views/channels.ts";
import { Views } from "./views/views.ts";

/** What a world host is given. */
export interface HostOptions {
  readonly name: string;
  readonly store: Store;
  readonly handlers: Handlers;
  readonly authorize: ((request: WriteRequest) => unknown) | undefined;
  readonly rules?: Rules | undefined;
  readonly channels?: ChannelsOf | undefined;
  readonly versions: SchemaVersions;
  readonly checks: ChangeChecks;
  readonly flush: Flush;
  readonly lifetimes: Lifetimes;
  readonly limits: ServerLimits;
  readonly environment: Environment;
  /** A commit took effect, for everyone and in the store. */
  readonly onApplied: (applied: Applied, writer: Writer) => void;
  /** Something failed that no caller hears of: a handler, a store. */
  readonly onError: (error: SyncError) => void;
}

/** Decides what a session is shown, if it wants to. */
export type Director = (session: SessionInfo) => Topics | undefined;

/** What became of a fetch: who has got as far as `seq` has all that are not missing. */
export interface Fetched {
  readonly seq: number;
  readonly missing: readonly ObjectId[];
}

const UNDECIDED = rejected(
  new SyncError("unavailable", "the world was closed while its store was at work on the write"),
);
/** Why a write fails that is the application's own fault. */
const TOLD_ALSO_HERE: ReadonlySet<string> = new Set([
  "handler_failed",
  "migration_failed",
  "timeout",
]);
const NOTHING_RENAMED: ReadonlyMap<ObjectId, ObjectId> = new Map();
/**
 * A turn decides so many steps of writes or a few more, or so many bytes of them, or a single write. However much clients
 * send at once, others are heard and answered between: twenty writes of a thousand steps, or eight lists of
 * a hundred thousand numbers, would keep the loop for more than 100 ms.
 */
const TURN_STEPS = 250;
const TURN_BYTES = 65_536;

/**
 * One world, run by one loop:
 *
 * ```
 * submit -> [handlers, side by side] -> ready -> turn: decide some in order, store as one batch
 *                                                  -> outcomes and events -> flush
 * ```
 *
 * Nothing that a turn decides is told to anybody before the store has what it must have of it, and a
 * batch that the store refuses is undone. What becomes ready while the store works is the next batch.
 */
export class WorldHost {
  readonly world: World;
  readonly permissions: Permissions;
  readonly versions: SchemaVersions;
  readonly views: Views;
  readonly sessions: Sessions;
  readonly ledger: Ledger;
  readonly #options: HostOptions;
  readonly #gate: HandlerGate;
  readonly #judge: Judge;
  readonly #keeper: Keeper;
  readonly #sessionObjects: SessionObjects;
  readonly #flusher: Flusher;
  readonly #queue = new KeyedQueue();
  readonly #directors: Director[] = [];
  readonly #idle: (() => void)[] = [];
  readonly #whenReadable: (() => void)[] = [];
  #ready: Job[] = [];
  #inHandlers = 0;
  /** Clients' mutations among these. */
  readonly #consulted = new Set<Job>();
  #isTurnDue = false;
  /** What is decided by the batch that the store is working on, if it is. */
  #storing: readonly Decision[] | undefined;
  #isClosing = false;
  /** From now on the store must be left alone: what is not decided never will be. */
  #isClosed = false;
  #stable: { readonly seq: number; readonly nextHandle: number };

  constructor(stored: StoredWorld, options: HostOptions) {
    const { limits, environment } = options;
    this.#options = options;
    const now = environment.clock.now();
    this.world = new World(stored, limits, now);
    this.ledger = new Ledger(limits, stored, now);
    const isReadable = (): boolean => !this.#isStoring;
    const onGone = (clientId: string): void => this.#sessionObjects.left(clientId);
    this.permissions = new Permissions(options.rules, options.onError);
    this.versions = options.versions;
    const { permissions, world } = this;
    this.views = new Views(world, permissions, options.channels, limits, options.onError);
    this.sessions = new Sessions(this.views, limits, environment, isReadable, onGone);
    const { authorize, onError } = options;
    this.#judge = new Judge(world, { permissions, authorize, onError });
    this.#flusher = new Flusher(this.world, this.sessions, options.flush, environment, isReadable);
    const { name, handlers } = options;
    const { scheduler } = environment;
    this.#gate = new HandlerGate(name, handlers, this.world, limits, scheduler);
    this.#keeper = new Keeper(stored, this.world, this.ledger, { ...options, scheduler });
    this.#sessionObjects = new SessionObjects({
      lifetimes: options.lifetimes,
      graceMs: limits.sessionGraceMs,
      scheduler,
      isConnected: (clientId) => this.sessions.of(clientId) !== undefined,
      destroy: (id) => this.write([{ kind: "destroy", id }]),
    });
    this.#stable = this.#position();
    this.#checkStoreLater();
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Whether what was accepted outlasts this process, and of which namespaces nothing does. */
  get durability(): Pick<Welcome, "isDurable" | "ephemeral"> {
    const { hasEphemeral, ephemeral } = this.#options.lifetimes;
    return { isDurable: this.#keeper.isDurable, ...(hasEphemeral && { ephemeral }) };
  }

  get #isStoring(): boolean {
    return this.#storing !== undefined;
  }

  /** Where the world is as far as anyone may be told. */
  get stable(): { readonly seq: number; readonly nextHandle: number } {
    return this.#stable;
  }

  /**
   * Takes a client's mutation. Its outcome goes to the client's session, be it a later one than the
   * mutation came from; `done` is called when the host is through with it. `bytes` is what it took.
   */
  submit(
    writer: SessionInfo,
    client: MutationName,
    operations: readonly Operation[],
    problem: SyncError | undefined,
    bytes: number,
    done: () => void,
  ): void {
    const settle = (outcome: Outcome): void => {
      done();
      this.sessions.decide(client.clientId, client.n, outcome);
    };
    this.#enqueue({ writer, client, operations, problem, bytes, settle, drop: done });
  }

  /** The server's own write. Resolves with the ids that handlers gave in place of provisional ones. */
  write(operations: readonly Operation[]): Promise<ReadonlyMap<ObjectId, ObjectId>> {
    return new Promise((resolve, reject) => {
      this.#enqueue({
        writer: null,
        client: null,
        operations,
        settle: (outcome) => {
          if (outcome.kind === "rejected") reject(SyncError.from(outcome.error));
          else resolve(outcome.renamed ?? NOTHING_RENAMED);
        },
      });
    });
  }

  /**
   * Brings in what a fetch handler knows of these objects, and tells which of them there are. It is
   * asked about those that the world does not hold; or about all of them, to refresh the others.
   */
  async fetch(ids: readonly ObjectId[], writer: Writer, isRefresh = false): Promise<Fetched> {
    if (this.#options.handlers.fetch !== undefined) await this.#bringIn(ids, writer, isRefresh);
    // What is being stored may still be taken back: then nobody would ever get that far.
    await this.#readable();
    const missing = ids.filter((id) => this.world.get(id) === undefined);
    return { seq: this.world.seq, missing };
  }

  /** Decides all that was submitted, or gives up on it after a while; takes nothing more. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#sessionObjects.close();
    const { limits, environment } = this.#options;
    await new Promise<void>((resolve) => {
      const cancel = environment.scheduler.after(limits.drainTimeoutMs, resolve);
      this.#idle.push(() => {
        cancel();
        resolve();
      });
      this.#checkIdle();
    });
    this.#isClosed = true;
    if (!this.#isStoring) this.#flusher.flush();
    this.sessions.goodbyeAll(closing());
    // Whether the store will keep these, nobody will hear: a client asks the next server.
    for (const { job } of this.#storing ?? []) if (job.client === null) job.settle(UNDECIDED);
    for (const job of this.#ready.splice(0)) this.#refuse(job);
    for (const resume of this.#whenReadable.splice(0)) resume();
  }

  /**
   * Whether decisions on this client's mutations may have been forgotten that it may not know, being
   * as far as `position`. Not while it has some under way here: it sent them after it was told the
   * same, and has been in use since; and their numbers are taken.
   */
  hasForgotten(clientId: string, position: number): boolean {
    return this.ledger.hasForgotten(clientId, position) && !this.#writersUnderWay().has(clientId);
  }

  async nameChannels(channelsOf: ChannelsOf): Promise<void> {
    await this.#readable();
    this.#flusher.flush();
    this.views.nameChannels(channelsOf);
    this.#flusher.flush();
  }

  /** Has this decide what sessions are shown that begin from now on. Returns its undo. */
  direct(director: Director): () => void {
    this.#directors.push(director);
    return () => {
      const index = this.#directors.indexOf(director);
      if (index !== -1) this.#directors.splice(index, 1);
    };
  }

  /** What a session is to be shown whatever it asks for, if somebody decides that. */
  topicsFor(info: SessionInfo): Topics | undefined {
    try {
      for (const director of this.#directors) {
        const topics = director(info);
        if (topics !== undefined) return topics;
      }
      return undefined;
    } catch (cause) {
      const message = "what a session is shown could not be decided: it is shown nothing";
      this.#options.onError(new SyncError("handler_failed", message, { cause }));
      return new Topics(false);
    }
  }

  /**
   * Has a session shown this from now on. Throws `unsupported` unless a director decided what it is
   * shown when it began: its client could come back, and take what it has for all that there is.
   */
  show(sessionId: string, topics: Topics): void {
    const session = this.sessions.named(sessionId);
    if (session === undefined || session.topics.key === topics.key) return;
    if (!session.isDirected) {
      throw new SyncError("unsupported", "what this session is shown was left to its client");
    }
    session.topics = topics;
    this.sessions.turn(session, topics);
  }

  /**
   * Looks again at who may see what of these objects, or of all: what the rules ask about outside of
   * the objects has changed.
   */
  async revoke(ids: readonly ObjectId[] | undefined): Promise<void> {
    this.views.reconsider(ids);
    await this.#readable();
    this.#flusher.flush();
  }

  /** The object of a handle: none that may not be seen, for nobody learns an id by naming a handle. */
  idOf(handle: number, identity: unknown): ObjectId | undefined {
    const id = this.world.idOf(handle);
    if (id === undefined) return undefined;
    const object = this.world.get(id);
    const isSeen =
      object === undefined
        ? this.permissions.isPublic(id)
        : this.permissions.hidden(identity, object) !== undefined;
    return isSeen ? id : undefined;
  }

  /** Other rules from now on. Everyone comes back, and is shown what these allow. */
  changeRules(rules: Rules | undefined): void {
    this.permissions.change(rules);
    this.sessions.dismissAll(new SyncError("unavailable", "who may see what has changed"));
  }

  /** Resolves when what is there is there to stay. Throws when nobody will know. */
  async #readable(): Promise<void> {
    await Promise.resolve(); // a rule or a check may be what calls, in the middle of a turn
    while (this.#isStoring && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#whenReadable.push(resolve));
    }
    if (this.#isStoring) throw closing();
  }

  /** A client has connected anew, and sends again all that it was told nothing of. */
  forgetUndecided(clientId: string): void {
    this.#ready = this.#ready.filter((job) => {
      // What handlers have seen must be decided, or they would be asked about it again.
      if (job.client?.clientId !== clientId || job.isConsulted === true) return true;
      job.drop?.();
      return false;
    });
  }

  /** A server that has nothing to keep would not notice that another one has the world. */
  #checkStoreLater(): void {
    const { limits, environment } = this.#options;
    environment.scheduler.after(limits.storeCheckMs, () => {
      if (this.#isClosing) return;
      if (this.sessions.size > 0) {
        this.#keeper.checkSoon();
        this.#turnSoon();
      }
      this.#checkStoreLater();
    });
  }

  #position(): { seq: number; nextHandle: number } {
    return { seq: this.world.seq, nextHandle: this.world.nextHandle };
  }

  #enqueue(job: Job): void {
    if (this.#isClosing) {
      this.#refuse(job);
      return;
    }
    // The last handler may be taken away while it is still asked about what comes before.
    if (Object.keys(this.#options.handlers).length === 0 && this.#inHandlers === 0) {
      this.#makeReady(job);
      return;
    }
    const keys = job.operations.map(({ id }) => objectKey(this.#finalId(id, job)));
    if (job.client !== null) keys.push(`client ${job.client.clientId}`);
    this.#inHandlers += 1;
    this.#consulted.add(job);
    void this.#queue.run(keys, () => this.#consult(job));
  }

  /** A client will ask again, here or elsewhere; only the server's own code must hear it now. */
  #refuse(job: Job, error = new SyncError("closed", "this world is closed")): void {
    if (job.client !== null) job.drop?.();
    else job.settle(rejected(error));
  }

  /** Runs the handlers, and holds back what comes after on the same objects until it is decided. */
  async #consult(job: Job): Promise<void> {
    this.#identify(job);
    try {
      // A world that has closed meanwhile, or was taken over, decides nothing any more.
      if (job.problem === undefined && !this.#isClosed && this.#isNext(job)) {
        // Before the application's database can hear of it.
        await this.#bringInToRaise(job);
        this.#raise(job);
        if (job.writer !== null) this.#judge.check(job.writer, job.operations);
        const { checks, name } = this.#options;
        checks.runBeforeHandlers(job.operations, name, job.writer, this.world);
        Object.assign(job, await this.#gate.consult(job.operations, job.writer, job.client));
      }
    } catch (error) {
      job.problem = this.#toProblem(error);
    }
    this.#inHandlers -= 1;
    this.#consulted.delete(job);
    await new Promise<void>((resolve) => {
      const settle = (outcome: Outcome): void => {
        job.settle(outcome);
        resolve();
      };
      const drop = (): void => {
        job.drop?.();
        resolve();
      };
      this.#makeReady({ ...job, settle, drop, isConsulted: true });
    });
  }

  /** Puts ids in the place of provisional ones that the client still used when it wrote. */
  #identify(job: Job): void {
    const { client, operations } = job;
    if (client === null || job.fingerprint !== undefined) return;
    if (this.ledger.hasRenames(client.clientId)) {
      job.operations = operations.map((operation) => {
        const id = this.#finalId(operation.id, job);
        return id === operation.id ? operation : { ...operation, id };
      });
    }
    job.fingerprint = job.problem === undefined ? fingerprint(job.operations) : 0;
  }

  /** Makes of what a client of an older schema has written what it would be today. */
  #raise(job: Job): void {
    const { writer, operations } = job;
    if (!this.#isToRaise(job)) return;
    const { schemaVersion } = writer as SessionInfo;
    try {
      job.operations = this.versions.raise(operations, schemaVersion, (id) => this.#toRaise(id));
      job.isRaised = true;
    } catch (error) {
      // To who may not see an object there is none, and none that cannot be migrated.
      this.#judge.check(writer as SessionInfo, operations);
      throw error;
    }
  }

  /** The object on which a write is raised. Throws `migration_failed` when nobody can tell what it is. */
  #toRaise(id: ObjectId): SyncObject | undefined {
    const object = this.world.get(id);
    const { handlers } = this.#options;
    const isHandled = handlers.update !== undefined && handlers.fetch === undefined;
    const isElsewhere = isHandled && !this.world.isGone(id);
    if (object !== undefined || !isElsewhere) return object;
    const message = `only a fetch handler could tell what ${id} is, which an older version changes`;
    throw new SyncError("migration_failed", message, { id });
  }

  /** What a write becomes depends on what is there, and only a fetch handler may know that. */
  async #bringInToRaise(job: Job): Promise<void> {
    if (!this.#isToRaise(job) || this.#options.handlers.fetch === undefined) return;
    const updated = job.operations.filter(({ kind }) => kind === "update").map(({ id }) => id);
    if (updated.length > 0) await this.#load(updated, job.writer, false);
  }

  #isToRaise({ writer, isRaised }: Job): boolean {
    return writer !== null && isRaised !== true && writer.schemaVersion !== this.versions.current;
  }

  /** The id that took the place of a provisional one, if it is one. */
  #finalId(id: ObjectId, { client }: Job): ObjectId {
    return client === null ? id : this.ledger.resolve(client.clientId, id, client.n);
  }

  async #bringIn(ids: readonly ObjectId[], writer: Writer, isRefresh: boolean): Promise<void> {
    this.#inHandlers += 1;
    let problem: SyncError | undefined;
    await this.#queue.run(ids.map(objectKey), async () => {
      // Who has gone in the meantime hears no answer, and asks again when it is back.
      if (writer !== null && this.sessions.named(writer.id) === undefined) return;
      try {
        await this.#load(ids, writer, isRefresh);
      } catch (error) {
        problem = this.#toProblem(error);
      }
    });
    this.#inHandlers -= 1;
    this.#checkIdle();
    if (problem !== undefined) throw problem;
  }

  async #load(ids: readonly ObjectId[], writer: Writer, isRefresh: boolean): Promise<void> {
    const isHidden = (id: ObjectId): boolean => writer !== null && this.#judge.hides(writer, id);
    const operations = isRefresh
      ? await this.#gate.refresh(ids, writer)
      : await this.#gate.load(ids, writer, isHidden);
    if (operations.length === 0) return;
    await new Promise<void>((resolve, reject) => {
      this.#makeReady({
        writer: null,
        client: null,
        operations,
        // What only now is heard of was not created now; what a refresh finds is news.
        silent: new Set(isRefresh ? [] : operations.map(({ id }) => id)),
        settle: (outcome) => {
          if (outcome.kind === "rejected") reject(SyncError.from(outcome.error));
          else resolve();
        },
      });
    });
  }

  /** Handlers must not see a retry, nor what will come again because something before it is missing. */
  #isNext({ client }: Job): boolean {
    return client === null || client.n === this.ledger.lastOf(client.clientId) + 1;
  }

  #toProblem(error: unknown): SyncError {
    const problem =
      error instanceof SyncError
        ? error
        : new SyncError("unavailable", "the server failed on this write", { cause: error });
    if (TOLD_ALSO_HERE.has(problem.code) || error !== problem) {
      this.#options.onError(problem);
    }
    return problem;
  }

  #makeReady(job: Job): void {
    this.#ready.push(job);
    this.#turnSoon();
  }

  #turnSoon(): void {
    if (this.#isTurnDue || this.#isStoring) return;
    this.#isTurnDue = true;
    this.#options.environment.scheduler.soon(() => {
      this.#isTurnDue = false;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#isStoring) return;
    if (this.#isClosed) {
      for (const job of this.#ready.splice(0)) this.#refuse(job);
      return;
    }
    const jobs = this.#takeReady();
    this.ledger.passTime(this.#options.environment.clock.now());
    const decisions: Decision[] = [];
    for (const job of jobs) {
      const decision = this.#decide(job);
      if (decision !== undefined) decisions.push(decision);
    }
    const storing = this.#keeper.keep(decisions, this.#usersOfLedger);
    if (storing instanceof Promise) {
      this.#await(storing, decisions);
      return;
    }
    this.#finish(decisions, storing);
    if (this.#ready.length > 0) this.#turnSoon();
  }

  /** As many as a turn decides, in their order. */
  #takeReady(): Job[] {
    let [steps, bytes] = [0, 0];
    const end = this.#ready.findIndex((job) => {
      if (steps >= TURN_STEPS || bytes >= TURN_BYTES) return true;
      steps += Math.max(1, job.operations.length);
      bytes += job.bytes ?? 0;
      return false;
    });
    return this.#ready.splice(0, end === -1 ? Infinity : end);
  }

  #decide(job: Job): Decision | undefined {
    if (job.client === null) return this.#tryCommit(job);
    this.#identify(job);
    const { clientId, n, settled } = job.client;
    const print = job.fingerprint ?? 0;
    // Not when it came: what was before it may still use the provisional ids that are forgotten here.
    this.ledger.settle(clientId, settled);
    try {
      const outcome = this.ledger.recall(clientId, n, print);
      if (outcome === "known") {
        job.drop?.();
        return undefined;
      }
      if (outcome !== undefined) return { job, outcome, commit: undefined, isRecalled: true };
    } catch (error) {
      const problem = this.#toProblem(error);
      if (problem.code === "mutation_mismatch") {
        return { job, outcome: rejected(problem), commit: undefined, isRecalled: true };
      }
      this.sessions.dismiss(clientId, problem); // it comes back, and starts at the right number
      job.drop?.();
      return undefined;
    }
    const decision = this.#tryCommit(job);
    this.#record(job, job.client, decision.outcome);
    return decision;
  }

  #record(job: Job, { clientId, n }: MutationName, outcome: Outcome): void {
    const { operations, writer, fingerprint = 0 } = job;
    const isEphemeral = this.#options.lifetimes.areEphemeral(operations);
    const owner = identityKey(writer?.identity);
    const decided = { clientId, n, fingerprint, outcome, owner };
    this.ledger.record(decided, this.world.seq, isEphemeral);
  }

  /** The commit section: nothing can happen between judging and applying. */
  #tryCommit(job: Job): Decision {
    try {
      if (job.problem !== undefined) throw job.problem;
      this.#raise(job);
      if (job.writer !== null) this.#judge.check(job.writer, job.operations);
      const { renamed } = job;
      if (renamed !== undefined) job.operations = meet(job.operations, renamed, this.world);
      const { checks, name } = this.#options;
      checks.run(job.operations, name, job.writer, this.world);
      const commit = this.world.commit(job.operations, this.#options.environment.clock.now());
      // Who waits for the object under its provisional id comes before who knows it by its own.
      for (const [from, to] of renamed ?? []) this.#queue.join(objectKey(from), objectKey(to));
      const isPlain = renamed === undefined || renamed.size === 0;
      return { job, outcome: isPlain ? ACCEPTED : { kind: "accepted", renamed }, commit };
    } catch (error) {
      const problem = job.problem ?? this.#toProblem(error);
      const told =
        job.writer === null ? problem : this.#judge.tellable(problem, job.writer, job.operations);
      return { job, outcome: rejected(told), commit: undefined };
    }
  }

  #await(storing: Promise<Failure | undefined>, decisions: readonly Decision[]): void {
    this.#storing = decisions;
    void storing.then((failure) => {
      this.#storing = undefined;
      this.#finish(decisions, failure);
      for (const resume of this.#whenReadable.splice(0)) resume();
      this.sessions.pumpSoon();
      if (this.#ready.length > 0) this.#turnSoon();
    });
  }

  /** Whether a client may go on, as things are now, with what the ledger has of it. */
  readonly #usersOfLedger = (): ((clientId: string) => boolean) => {
    let busy: Set<string> | undefined;
    return (clientId) =>
      this.sessions.of(clientId) !== undefined || (busy ??= this.#writersUnderWay()).has(clientId);
  };

  #writersUnderWay(): Set<string> {
    const clientIds = new Set<string>();
    for (const { client } of [...this.#consulted, ...this.#ready]) {
      if (client !== null) clientIds.add(client.clientId);
    }
    return clientIds;
  }

  #finish(decisions: readonly Decision[], failure: Failure | undefined): void {
    if (failure?.cause instanceof SyncError && failure.cause.code === "deposed") {
      this.#giveWay(decisions, failure.cause);
      return;
    }
    const standing = failure === undefined ? decisions : this.#takeBack(decisions, failure.cause);
    this.#stable = this.#position();
    this.#conclude(standing);
  }

  /** Another server has the world: what is undecided, clients ask that one, and so may others. */
  #giveWay(decisions: readonly Decision[], error: SyncError): void {
    this.#undo(decisions);
    this.#isClosing = true;
    this.#isClosed = true;
    this.#sessionObjects.close();
    for (const { job } of decisions) this.#refuse(job, error);
    for (const job of this.#ready.splice(0)) this.#refuse(job, error);
    this.sessions.goodbyeAll(closing());
    this.#options.onError(error);
    this.#checkIdle();
  }

  #undo(decisions: readonly Decision[]): void {
    for (let i = decisions.length - 1; i >= 0; i--) {
      const commit = decisions[i]?.commit;
      if (commit !== undefined) this.world.undo(commit);
    }
  }

  /** The store refused: what this turn committed never was. */
  #takeBack(decisions: readonly Decision[], cause: unknown): Decision[] {
    this.#options.onError(new SyncError("unavailable", "the store refused a batch", { cause }));
    this.#undo(decisions);
    const outcome = rejected(new SyncError("unavailable", "the write could not be stored"));
    const refused = new Set<string>();
    return decisions.map((decision) => {
      const { job, isRecalled } = decision;
      if (job.client === null) return { job, outcome, commit: undefined };
      const { clientId, n } = job.client;
      const key = `${clientId} ${n}`;
      if (isRecalled === true && !refused.has(key)) return decision;
      refused.add(key);
      this.#record(job, job.client, outcome);
      return { job, outcome, commit: undefined };
    });
  }

  /** What was decided stands: now everyone may hear of it. */
  #conclude(decisions: readonly Decision[]): void {
    for (const { job, commit } of decisions) {
      for (const applied of commit?.applied ?? []) {
        this.#sessionObjects.note(applied, job.client?.clientId);
        const isSilent = job.silent?.has(applied.entry.id) === true;
        this.#flusher.note(applied, isSilent);
        if (!isSilent) this.#options.onApplied(applied, job.writer);
      }
    }
    for (const { job, outcome } of decisions) job.settle(outcome);
    if (decisions.length > 0 || this.#flusher.isLate) this.#flusher.flushInTime();
    this.#checkIdle();
  }

  #checkIdle(): void {
    const isBusy = this.#ready.length > 0 || this.#inHandlers > 0 || this.#isStoring;
    if (isBusy) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** Why a client must come back later. */
export function closing(): SyncError {
  return new SyncError("unavailable", "the server is shutting down", { retryAfterMs: 500 });
}

function objectKey(id: ObjectId): string {
  return `object ${id}`;
}

function rejected(error: SyncError): Outcome {
  return { kind: "rejected", error: error.toData() };
}
