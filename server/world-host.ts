import type { Cursor } from "../lib/delta.ts";
import type { Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { ObjectId } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import type { References } from "../lib/references.ts";
import type { Welcome } from "../lib/messages.ts";
import type { Outcome } from "../lib/outcome.ts";
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
import { giveUp, type Decision, type Job, type MutationName, type Writer } from "./job.ts";
import { Judge } from "./judge.ts";
import { Keeper } from "./keeper.ts";
import { Ledger } from "./ledger.ts";
import type { Lifetimes } from "./lifetimes.ts";
import { ReadTurns } from "./read-turns.ts";
import { Permissions, type Rules } from "./rules.ts";
import type { SchemaVersions } from "./schema-versions.ts";
import { SessionObjects } from "./session-objects.ts";
import type { Session, SessionInfo } from "./session.ts";
import { Sessions } from "./sessions.ts";
import { StrictPushes } from "./strict-pushes.ts";
import type { Store, StoredWorld } from "./stores/store.ts";
import { closing } from "./turn-away.ts";
import type { ChannelsOf } from "./views/channels.ts";
import { Views } from "./views/views.ts";
import { WriteTurns } from "./write-turns.ts";

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

const NOTHING_RENAMED: ReadonlyMap<ObjectId, ObjectId> = new Map();

/**
 * One world, from its beginning to its end, and all that it takes to run it:
 *
 * ```
 * submit -> Intake [handlers, side by side] -> WriteTurns [decide, store, tell] -> Flusher -> Sessions
 * ```
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
  readonly #turns: WriteTurns;
  readonly #keeper: Keeper;
  readonly #sessionObjects: SessionObjects;
  readonly #flusher: Flusher;
  readonly #idle: (() => void)[] = [];
  #isClosing = false;

  constructor(stored: StoredWorld, options: HostOptions) {
    const { limits, environment } = options;
    this.#options = options;
    const now = environment.clock.now();
    this.readTurns = new ReadTurns(limits.looksPerTurn, environment.scheduler);
    this.world = new World(stored, limits, now);
    this.ledger = new Ledger(limits, stored, now);
    const isReadable = (): boolean => this.#turns.isReadable;
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
    const usersOfLedger = this.#usersOfLedger;
    const keeping = { ...options, scheduler, usersOfLedger };
    this.#keeper = new Keeper(stored, world, this.ledger, keeping);
    this.#sessionObjects = new SessionObjects({
      lifetimes: options.lifetimes,
      graceMs: limits.sessionGraceMs,
      scheduler,
      isConnected: (clientId) => this.sessions.of(clientId) !== undefined,
      destroy: (id) => this.write([{ kind: "destroy", id }]),
    });
    const [intake, commits] = this.#openIntake(references);
    this.#intake = intake;
    this.#turns = this.#openTurns(commits);
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
      gate: new HandlerGate(name, handlers, references, world, limits, environment.scheduler),
      isClosed: () => this.#turns.isOver,
      onReady: (job) => this.#turns.take(job),
      onIdle: () => this.#checkIdle(),
    });
    const onRenamed = intake.rename.bind(intake);
    const deciding = { conflicts, lifetimes, examiner, environment, onRenamed };
    return [intake, new CommitSection({ ...basis, ...deciding })];
  }

  /** What becomes of those that may be decided. */
  #openTurns(commits: CommitSection): WriteTurns {
    const { world, ledger, sessions } = this;
    const { environment, onApplied, onChanged, onError } = this.#options;
    return new WriteTurns({
      world,
      ledger,
      sessions,
      commits,
      keeper: this.#keeper,
      sessionObjects: this.#sessionObjects,
      flusher: this.#flusher,
      environment,
      onApplied,
      onChanged,
      onError,
      // Who revoked by name meanwhile named none that seemed to be destroyed.
      onTakenBack: (ids) => this.#reconsider(ids),
      onDeposed: (error) => this.#giveWay(error),
      onIdle: () => this.#checkIdle(),
    });
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

  /** Where the world is as far as anyone may be told. */
  get stable(): WriteTurns["stable"] {
    return this.#turns.stable;
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
    if (this.#turns.isReadable) this.#flusher.flush();
    this.sessions.goodbyeAll(closing());
    this.#turns.end();
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
  readable(): Promise<void> {
    return this.#turns.readable();
  }

  /** A client has connected anew, and sends again all that it was told nothing of. */
  forgetUndecided(clientId: string): void {
    this.#turns.forgetUndecided(clientId);
  }

  /** A server that has nothing to keep would not notice that another one has the world. */
  #checkStoreLater(): void {
    const { limits, environment } = this.#options;
    environment.scheduler.after(limits.storeCheckMs, () => {
      if (this.#isClosing) return;
      if (this.sessions.size > 0) this.#turns.checkStoreSoon();
      this.#checkStoreLater();
    });
  }

  #enqueue(job: Job): void {
    if (this.#isClosing) {
      giveUp(job);
      return;
    }
    this.#intake.take(job);
  }

  /** Whether a client may go on, as things are now, with what the ledger has of it. */
  readonly #usersOfLedger = (): ((clientId: string) => boolean) => {
    let busy: Set<string> | undefined;
    return (clientId) =>
      this.sessions.of(clientId) !== undefined || (busy ??= this.#writersUnderWay()).has(clientId);
  };

  #writersUnderWay(): Set<string> {
    const clientIds = new Set<string>();
    for (const { client } of [...this.#intake.jobs, ...this.#turns.jobs]) {
      if (client !== null) clientIds.add(client.clientId);
    }
    return clientIds;
  }

  /** Another server has the world: clients ask that one, and so may others. */
  #giveWay(error: SyncError): void {
    this.#isClosing = true;
    this.#sessionObjects.close();
    this.sessions.goodbyeAll(closing());
    this.#options.onError(error);
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#intake.isBusy || this.#turns.isBusy) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
