import type { Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ObjectId } from "../lib/object.ts";
import { rejected } from "../lib/outcome.ts";
import type { Applied, World } from "../lib/world.ts";
import type { CommitSection } from "./commit-section.ts";
import type { Flusher } from "./flusher.ts";
import { giveUp, type Decision, type Job, type Writer } from "./job.ts";
import type { Keeper } from "./keeper.ts";
import type { Ledger } from "./ledger.ts";
import { ReadyJobs } from "./ready-jobs.ts";
import type { SessionObjects } from "./session-objects.ts";
import type { Sessions } from "./sessions.ts";
import type { Failure } from "./store-batch.ts";
import { closing } from "./turn-away.ts";

export interface WriteTurnsOptions {
  readonly world: World;
  readonly ledger: Ledger;
  readonly commits: CommitSection;
  readonly keeper: Keeper;
  readonly sessions: Sessions;
  readonly sessionObjects: SessionObjects;
  readonly flusher: Flusher;
  readonly environment: Environment;
  readonly onApplied: (applied: Applied, writer: Writer) => void;
  readonly onChanged: (decisions: readonly Decision[]) => void;
  readonly onError: (error: SyncError) => void;
  /** These are again as they were before a batch that the store refused. */
  readonly onTakenBack: (ids: readonly ObjectId[]) => void;
  /** Another server has the world: nothing more is decided here. */
  readonly onDeposed: (error: SyncError) => void;
  readonly onIdle: () => void;
}

const UNDECIDED = rejected(
  new SyncError("unavailable", "the world was closed while its store was at work on the write"),
);
/**
 * A turn decides one part of what is ready after the other, until it has taken so long: whoever hears more
 * between two turns than one of them decides, falls behind without end.
 */
const TURN_MS = 10;

/**
 * Decides the writes of a world that are ready, and makes them stand:
 *
 * ```
 * ready -> decide some in order -> store them as one batch -> they stand: events, outcomes, flush
 *                                        |-> refused: undone, and told to their writers
 *                                        '-> deposed: undone, and over
 * ```
 *
 * - Nothing that a turn decides is told to anybody before the store has what it must have of it. Until
 *   then the world is not readable: it holds what may be taken back.
 * - One turn comes after the other. So what a store refuses is the latest that was committed, and can be
 *   undone; and what becomes ready while it works is the next batch.
 * - The application's events of a turn come before its outcomes, and both before any client is shown it.
 */
export class WriteTurns {
  readonly #options: WriteTurnsOptions;
  readonly #ready = new ReadyJobs();
  readonly #whenReadable: (() => void)[] = [];
  #isDue = false;
  /** What is decided by the batch that the store is working on, if it is. */
  #storing: readonly Decision[] | undefined;
  #isOver = false;
  #stable: { readonly seq: number; readonly nextHandle: number };

  constructor(options: WriteTurnsOptions) {
    this.#options = options;
    this.#stable = this.#position();
  }

  /** Whether the store must be left alone from now on: what is not decided never will be. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get isBusy(): boolean {
    return this.#ready.size > 0 || this.#storing !== undefined;
  }

  /** What is to be decided. */
  get jobs(): Iterable<Job> {
    return this.#ready;
  }

  /** Whether the world holds nothing that its store might still refuse. */
  get isReadable(): boolean {
    return this.#storing === undefined;
  }

  /** Where the world is as far as anyone may be told. */
  get stable(): { readonly seq: number; readonly nextHandle: number } {
    return this.#stable;
  }

  take(job: Job): void {
    this.#ready.push(job);
    this.#turnSoon();
  }

  /** Has the store asked whether another server has the world, though there be nothing to keep. */
  checkStoreSoon(): void {
    this.#options.keeper.checkSoon();
    this.#turnSoon();
  }

  /** Resolves when what is there is there to stay. Throws when nobody will know. */
  async readable(): Promise<void> {
    await Promise.resolve(); // a rule or a check may be what calls, in the middle of a turn
    while (!this.isReadable && !this.#isOver) {
      await new Promise<void>((resolve) => this.#whenReadable.push(resolve));
    }
    if (!this.isReadable) throw closing();
  }

  /** A client has connected anew, and sends again all that it was told nothing of. */
  forgetUndecided(clientId: string): void {
    // What handlers have seen must be decided, or they would be asked about it again.
    const undecided = this.#ready.takeOf(clientId, (job) => job.isConsulted !== true);
    for (const job of undecided) job.drop?.();
  }

  /** Decides nothing more. What the store is at work on may be kept, and nobody will hear. */
  end(): void {
    this.#isOver = true;
    this.#options.keeper.end();
    // A client asks the next server.
    for (const { job } of this.#storing ?? [])
      if (job.client === null) job.settle(UNDECIDED, undefined);
    for (const job of this.#ready.takeAll()) giveUp(job);
    for (const resume of this.#whenReadable.splice(0)) resume();
  }

  #position(): { seq: number; nextHandle: number } {
    const { seq, nextHandle } = this.#options.world;
    return { seq, nextHandle };
  }

  #turnSoon(): void {
    if (this.#isDue || this.#storing !== undefined) return;
    this.#isDue = true;
    this.#options.environment.scheduler.soon(() => {
      this.#isDue = false;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.#storing !== undefined) return;
    if (this.#isOver) {
      for (const job of this.#ready.takeAll()) giveUp(job);
      return;
    }
    const decisions = this.#decideReady();
    const storing = this.#options.keeper.keep(decisions);
    if (storing instanceof Promise) {
      this.#await(storing, decisions);
      return;
    }
    this.#finish(decisions, storing);
    if (this.#ready.size > 0) this.#turnSoon();
  }

  /** As much as one turn may. */
  #decideReady(): Decision[] {
    const { ledger, commits, environment } = this.#options;
    const { clock } = environment;
    const begunAt = clock.now();
    ledger.passTime(begunAt);
    const decisions: Decision[] = [];
    const isCostly = (job: Job): boolean => commits.isCostly(job);
    do {
      for (const job of this.#ready.takePart(isCostly)) {
        const decision = commits.decide(job);
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
      this.#options.sessions.pumpSoon();
      if (this.#ready.size > 0) this.#turnSoon();
    });
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

  /** What is undecided, clients ask the server that has the world now, and so may others. */
  #giveWay(decisions: readonly Decision[], error: SyncError): void {
    this.#options.commits.undo(decisions);
    this.#isOver = true;
    for (const { job } of decisions) giveUp(job, error);
    for (const job of this.#ready.takeAll()) giveUp(job, error);
    this.#options.onDeposed(error);
  }

  /** Returns what the writers are told. */
  #takeBack(decisions: readonly Decision[], cause: unknown): Decision[] {
    const { commits, onChanged, onError, onTakenBack } = this.#options;
    onError(new SyncError("unavailable", "the store refused a batch", { cause }));
    const told = commits.refuse(decisions);
    onChanged(decisions); // somebody may have looked at them meanwhile
    const touched = decisions.flatMap(({ commit }) => commit?.applied ?? []);
    onTakenBack(touched.map(({ entry }) => entry.id));
    return told;
  }

  /** What was decided stands: now everyone may hear of it. */
  #conclude(decisions: readonly Decision[]): void {
    const { sessionObjects, flusher, onApplied, onChanged, onIdle } = this.#options;
    for (const { job, commit } of decisions) {
      for (const applied of commit?.applied ?? []) {
        sessionObjects.note(applied, job.client?.clientId);
        const isSilent = job.silent?.has(applied.entry.id) === true;
        flusher.note(applied, isSilent);
        if (!isSilent) onApplied(applied, job.writer);
      }
    }
    onChanged(decisions);
    for (const { job, outcome, commit } of decisions) job.settle(outcome, commit);
    if (decisions.length > 0 || flusher.isLate) flusher.flushInTime();
    onIdle();
  }
}
