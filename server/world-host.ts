import type { Cursor } from "../lib/delta.ts";
import type { Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { ObjectId } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import type { References } from "../lib/references.ts";
import type { Welcome } from "../lib/messages.ts";
import { rejected, type Outcome } from "../lib/outcome.ts";
import { World, type Applied } from "../lib/world.ts";
import type { Authorizers } from "./authorization.ts";
import type { ChangeChecks } from "./change-checks.ts";
import type { ChangesReading } from "./changes-reading.ts";
import { CommitSection } from "./commit-section.ts";
import { ConflictDetector, type Conflicts } from "./conflicts.ts";
import { Directors } from "./directors.ts";
import { Examiner } from "./examiner.ts";
import type { Flush } from "./flush-policy.ts";
import { Flusher } from "./flusher.ts";
import { HandlerGate } from "./handler-gate.ts";
import type { Handlers } from "./handlers.ts";
import { Intake } from "./intake.ts";
import type { Decision, Job, MutationName, Writer } from "./job.ts";
import { Judge } from "./judge.ts";
import { Keeper } from "./keeper.ts";
import { Ledger } from "./ledger.ts";
import type { Lifetimes } from "./lifetimes.ts";
import { ReadTurns } from "./read-turns.ts";
import { ReadyJobs } from "./ready-jobs.ts";
import { Permissions, type Rules } from "./rules.ts";
import type { SchemaVersions } from "./schema-versions.ts";
import { SessionObjects } from "./session-objects.ts";
import type { Session, SessionInfo } from "./session.ts";
import { Sessions } from "./sessions.ts";
import type { Failure } from "./store-batch.ts";
import { StrictPushes } from "./strict-pushes.ts";
import type { Store, StoredWorld } from "./stores/store.ts";
import type { ChannelsOf } from "./views/channels.ts";
import { Views } from "./views/views.ts";

/** What a world host is given. */
export interface HostOptions {
  readonly name: string;
  readonly store: Store;
  readonly handlers: Handlers;
  readonly authorizers: Authorizers;
  readonly rules?: Rules | undefined;
  readonly channels?: ChannelsOf | undefined;
  readonly versions: SchemaVersions;
  readonly checks: ChangeChecks;
  readonly conflicts?: Conflicts | undefined;
  readonly references?: References | undefined;
  readonly flush: Flush;
  readonly lifetimes: Lifetimes;
  readonly limits: ServerLimits;
  readonly environment: Environment;
  /** A commit took effect, for everyone and in the store. */
  readonly onApplied: (applied: Applied, writer: Writer) => void;
  /** What these are about may be other than it was, as everyone will be shown next: told once a turn. */
  readonly onChanged: (decisions: readonly Decision[]) => void;
  /** Something failed that no caller hears of: a handler, a store. */
  readonly onError: (error: SyncError) => void;
}

/** What became of a fetch: who has got as far as `seq` has all that are not missing. */
export interface Fetched {
  readonly seq: number;
  readonly missing: readonly ObjectId[];
}

/** What became of a write that was accepted. */
export interface WriteResult {
  /** The ids that handlers gave in place of provisional ones. */
  readonly renamed: ReadonlyMap<ObjectId, ObjectId>;
  /** The commit that it was; or how far the world was, when it changed nothing. */
  readonly seq: number;
  readonly isChanged: boolean;
}

const UNDECIDED = rejected(
  new SyncError("unavailable", "the world was closed while its store was at work on the write"),
);
const NOTHING_RENAMED: ReadonlyMap<ObjectId, ObjectId> = new Map();
/**
 * A turn decides one part of what is ready after the other, until it has taken so long: whoever hears more
 * between two turns than one of them decides, falls behind without end.
 */
const TURN_MS = 10;

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
  readonly directors: Directors;
  readonly ledger: Ledger;
  readonly strictPushes: StrictPushes;
  readonly readTurns: ReadTurns;
  /** Those that go on in a later turn. */
  readonly readings = new Set<ChangesReading>();
  readonly #options: HostOptions;
  readonly #conflicts: ConflictDetector;
  readonly #intake: Intake;
  readonly #commits: CommitSection;
  readonly #keeper: Keeper;
  readonly #sessionObjects: SessionObjects;
  readonly #flusher: Flusher;
  readonly #idle: (() => void)[] = [];
  readonly #whenReadable: (() => void)[] = [];
  readonly #ready = new ReadyJobs();
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
    this.readTurns = new ReadTurns(limits.looksPerTurn, environment.scheduler);
    this.world = new World(stored, limits, now);
    this.ledger = new Ledger(limits, stored, now);
    const isReadable = (): boolean => !this.#isStoring;
    const onGone = (session: Session, isReplaced: boolean): void => {
      this.strictPushes.end(session);
      if (!isReplaced) this.#sessionObjects.left(session.clientId);
    };
    this.permissions = new Permissions(options.rules, options.onError);
    this.versions = options.versions;
    const { permissions, world } = this;
    this.views = new Views(world, permissions, options.channels, limits, options.onError);
    this.strictPushes = new StrictPushes(world, {
      permissions,
      channelsOf: (object) => this.views.channelsNamed(object),
      areChannelsNamed: () => this.views.areChannelsNamed,
      formerBytesMax: limits.formerBytesMax,
    });
    this.sessions = new Sessions(this.views, limits, environment, isReadable, onGone);
    this.directors = new Directors(this.sessions, options.onError);
    const { conflicts = "merge", references = {} } = options;
    this.#conflicts = new ConflictDetector(world, conflicts, references);
    this.#flusher = new Flusher(world, this.sessions, options.flush, environment, isReadable);
    const { scheduler } = environment;
    this.#keeper = new Keeper(stored, world, this.ledger, { ...options, scheduler });
    [this.#intake, this.#commits] = this.#openIntake(references);
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

  /** Where writes come in, and where they are decided. */
  #openIntake(references: References): [Intake, CommitSection] {
    const { world, ledger, sessions, permissions, versions, strictPushes } = this;
    const { name, handlers, authorizers, checks, limits, environment, lifetimes, onError } =
      this.#options;
    const conflicts = this.#conflicts;
    const judge = new Judge(world, { permissions, authorizers, onError });
    const basis = { name, world, ledger, sessions, handlers, checks, judge, strictPushes };
    const about = { permissions, versions, conflicts, references };
    const examiner = new Examiner({ ...basis, ...about, onError });
    const intake = new Intake({
      ...basis,
      examiner,
      gate: new HandlerGate(name, handlers, world, limits, environment.scheduler),
      isClosed: () => this.#isClosed,
      onReady: (job) => this.#makeReady(job),
      onIdle: () => this.#checkIdle(),
    });
    const onRenamed = intake.rename.bind(intake);
    const deciding = { conflicts, lifetimes, examiner, environment, onRenamed };
    return [intake, new CommitSection({ ...basis, ...deciding })];
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Where there are conflicts that a client may have to decide. */
  get detects(): ConflictDetector["places"] {
    return this.#conflicts.places;
  }

  /** Whether what was accepted outlasts this process, and of which namespaces nothing does. */
  get durability(): Pick<Welcome, "isDurable" | "ephemeral"> {
    const { hasEphemeral, ephemeral } = this.#options.lifetimes;
    return { isDurable: this.#keeper.isDurable, ...(hasEphemeral && { ephemeral }) };
  }

  /** Whether the objects of a namespace end with this process. */
  isEphemeral(namespace: string): boolean {
    return this.#options.lifetimes.ephemeral.includes(namespace);
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
    const takenAt = this.sessions.endings.count;
    this.#enqueue({ writer, client, operations, problem, bytes, takenAt, settle, drop: done });
  }

  /**
   * A write that no client numbers: the server's own, or of `writer`, who is judged like a client. Fails
   * with `out_of_date` if the world is not `at` this cursor by then.
   */
  write(
    operations: readonly Operation[],
    writer: Writer = null,
    at?: Cursor,
  ): Promise<WriteResult> {
    return new Promise((resolve, reject) => {
      this.#enqueue({
        writer,
        client: null,
        operations,
        at,
        settle: (outcome, commit) => {
          if (outcome.kind === "rejected") {
            reject(SyncError.from(outcome.error));
            return;
          }
          const isChanged = commit !== undefined && commit.applied.length > 0;
          const { seq } = commit ?? this.world;
          resolve({ renamed: outcome.renamed ?? NOTHING_RENAMED, seq, isChanged });
        },
      });
    });
  }

  /**
   * Brings in what a fetch handler knows of these objects, and tells which of them there are. It is
   * asked about those that the world does not hold; or about all of them, to refresh the others.
   */
  async fetch(ids: readonly ObjectId[], writer: Writer, isRefresh = false): Promise<Fetched> {
    await this.#intake.bringIn(ids, writer, isRefresh);
    // What is being stored may still be taken back: then nobody would ever get that far.
    await this.readable();
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
    for (const { job } of this.#storing ?? [])
      if (job.client === null) job.settle(UNDECIDED, undefined);
    for (const job of this.#ready.takeAll()) this.#refuse(job);
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
    await this.readable();
    this.#flusher.flush();
    this.views.nameChannels(channelsOf);
    this.strictPushes.decidedAnew();
    this.#flusher.flush();
  }

  /**
   * Looks again at who may see what of these objects, or of all: what the rules ask about outside of
   * the objects has changed.
   */
  async revoke(ids: readonly ObjectId[] | undefined): Promise<void> {
    this.#reconsider(ids);
    await this.readable();
    // Those that come while it is done have theirs done together with it.
    if (!this.views.isReviewing) this.#flusher.flush();
  }

  #reconsider(ids: readonly ObjectId[] | undefined): void {
    this.views.reconsider(ids);
    for (const reading of this.readings) reading.reconsider(ids);
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
    this.strictPushes.decidedAnew();
    for (const reading of this.readings) reading.reconsider(undefined);
    this.sessions.dismissAll(new SyncError("unavailable", "who may see what has changed"));
  }

  /** Resolves when what is there is there to stay. Throws when nobody will know. */
  async readable(): Promise<void> {
    await Promise.resolve(); // a rule or a check may be what calls, in the middle of a turn
    while (this.#isStoring && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#whenReadable.push(resolve));
    }
    if (this.#isStoring) throw closing();
  }

  /** A client has connected anew, and sends again all that it was told nothing of. */
  forgetUndecided(clientId: string): void {
    // What handlers have seen must be decided, or they would be asked about it again.
    const undecided = this.#ready.takeOf(clientId, (job) => job.isConsulted !== true);
    for (const job of undecided) job.drop?.();
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
    this.#intake.take(job);
  }

  /** A client will ask again, here or elsewhere; only the server's own code must hear it now. */
  #refuse(job: Job, error = new SyncError("closed", "this world is closed")): void {
    if (job.client !== null) job.drop?.();
    else job.settle(rejected(error), undefined);
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
      for (const job of this.#ready.takeAll()) this.#refuse(job);
      return;
    }
    const decisions = this.#decideReady();
    const storing = this.#keeper.keep(decisions, this.#usersOfLedger);
    if (storing instanceof Promise) {
      this.#await(storing, decisions);
      return;
    }
    this.#finish(decisions, storing);
    if (this.#ready.size > 0) this.#turnSoon();
  }

  /** As much as one turn may. */
  #decideReady(): Decision[] {
    const { clock } = this.#options.environment;
    const begunAt = clock.now();
    this.ledger.passTime(begunAt);
    const decisions: Decision[] = [];
    const isCostly = (job: Job): boolean => this.#conflicts.isCostly(job.operations);
    do {
      for (const job of this.#ready.takePart(isCostly)) {
        const decision = this.#commits.decide(job);
        if (decision !== undefined) decisions.push(decision);
      }
    } while (this.#ready.size > 0 && clock.now() - begunAt < TURN_MS);
    return decisions;
  }

  #await(storing: Promise<Failure | undefined>, decisions: readonly Decision[]): void {
    this.#storing = decisions;
    void storing.then((failure) => {
      this.#storing = undefined;
      this.#finish(decisions, failure);
      for (const resume of this.#whenReadable.splice(0)) resume();
      this.sessions.pumpSoon();
      if (this.#ready.size > 0) this.#turnSoon();
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
    for (const { client } of [...this.#intake.jobs, ...this.#ready]) {
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
    this.#commits.undo(decisions);
    this.#isClosing = true;
    this.#isClosed = true;
    this.#sessionObjects.close();
    for (const { job } of decisions) this.#refuse(job, error);
    for (const job of this.#ready.takeAll()) this.#refuse(job, error);
    this.sessions.goodbyeAll(closing());
    this.#options.onError(error);
    this.#checkIdle();
  }

  #takeBack(decisions: readonly Decision[], cause: unknown): Decision[] {
    this.#options.onError(new SyncError("unavailable", "the store refused a batch", { cause }));
    const told = this.#commits.refuse(decisions);
    this.#options.onChanged(decisions); // somebody may have looked at them meanwhile
    // Who revoked by name meanwhile named none that seemed to be destroyed.
    const touched = decisions.flatMap(({ commit }) => commit?.applied ?? []);
    this.#reconsider(touched.map(({ entry }) => entry.id));
    return told;
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
    this.#options.onChanged(decisions);
    for (const { job, outcome, commit } of decisions) job.settle(outcome, commit);
    if (decisions.length > 0 || this.#flusher.isLate) this.#flusher.flushInTime();
    this.#checkIdle();
  }

  #checkIdle(): void {
    const isBusy = this.#ready.size > 0 || this.#intake.isBusy || this.#isStoring;
    if (isBusy) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

/** Why a client must come back later. */
export function closing(): SyncError {
  return new SyncError("unavailable", "the server is shutting down", { retryAfterMs: 500 });
}
