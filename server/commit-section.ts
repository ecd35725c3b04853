import type { Cursor } from "../lib/delta.ts";
import type { Environment } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ObjectId } from "../lib/object.ts";
import { ACCEPTED, rejected, type Outcome } from "../lib/outcome.ts";
import type { World } from "../lib/world.ts";
import type { ChangeChecks } from "./change-checks.ts";
import type { ConflictDetector } from "./conflicts.ts";
import type { Examiner } from "./examiner.ts";
import { meet } from "./handler-gate.ts";
import { identityKey } from "./identity.ts";
import type { Decision, Job, MutationName } from "./job.ts";
import type { Judge } from "./judge.ts";
import type { Ledger } from "./ledger.ts";
import type { Lifetimes } from "./lifetimes.ts";
import type { Sessions } from "./sessions.ts";
import type { StrictPushes } from "./strict-pushes.ts";

export interface CommitSectionOptions {
  /** The world's name, and the application's. */
  readonly name: string;
  readonly world: World;
  readonly ledger: Ledger;
  readonly sessions: Sessions;
  readonly lifetimes: Lifetimes;
  readonly checks: ChangeChecks;
  readonly conflicts: ConflictDetector;
  readonly strictPushes: StrictPushes;
  readonly examiner: Examiner;
  readonly judge: Judge;
  readonly environment: Pick<Environment, "clock">;
  /** A handler gave an object another id than its writer did. */
  readonly onRenamed: (from: ObjectId, to: ObjectId) => void;
}

/** Decides writes one after the other: nothing can happen between judging one and applying it. */
export class CommitSection {
  readonly #options: CommitSectionOptions;

  constructor(options: CommitSectionOptions) {
    this.#options = options;
  }

  /** Whether to decide it may take longer than so few operations do. */
  isCostly(job: Job): boolean {
    return this.#options.conflicts.isCostly(job.operations);
  }

  /** Undefined when there is nothing to tell: its client will send it again, or knows. */
  decide(job: Job): Decision | undefined {
    if (job.client === null) return this.#tryCommit(job);
    const { ledger, sessions, examiner } = this.#options;
    examiner.identify(job);
    const { clientId, settled } = job.client;
    const print = job.fingerprint ?? 0;
    // Not when it came: what was before it may still use the provisional ids that are forgotten here.
    ledger.settle(clientId, settled);
    try {
      const outcome = ledger.recall(job.client, print);
      if (outcome === "known") return dropped(job);
      if (outcome !== undefined) return { job, outcome, commit: undefined, isRecalled: true };
    } catch (error) {
      const problem = examiner.toProblem(error);
      if (problem.code === "mutation_mismatch") {
        return { job, outcome: rejected(problem), commit: undefined, isRecalled: true };
      }
      // It comes back, and starts at the right number: unless it is back already.
      if (examiner.sessionOf(job.writer) !== undefined) sessions.dismiss(clientId, problem);
      return dropped(job);
    }
    const isOutdated = job.isConsulted === true ? job.isOutdated : !examiner.isUpToDate(job);
    if (isOutdated === true) return dropped(job);
    const decision = this.#tryCommit(job);
    this.#record(job, job.client, decision.outcome);
    return decision;
  }

  /** As if these, the latest, had never been decided. */
  undo(decisions: readonly Decision[]): void {
    const { world, conflicts, strictPushes } = this.#options;
    for (let i = decisions.length - 1; i >= 0; i--) {
      const commit = decisions[i]?.commit;
      if (commit !== undefined) world.undo(commit);
    }
    conflicts.takenBack();
    strictPushes.takenBack();
  }

  /** The store refused these: what they committed never was. Returns what their writers are told. */
  refuse(decisions: readonly Decision[]): Decision[] {
    this.undo(decisions);
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

  #record(job: Job, { clientId, n }: MutationName, outcome: Outcome): void {
    const { world, ledger, lifetimes } = this.#options;
    const { operations, writer, fingerprint = 0 } = job;
    const isEphemeral = lifetimes.areEphemeral(operations);
    const owner = identityKey(writer?.identity);
    ledger.record({ clientId, n, fingerprint, outcome, owner }, world.seq, isEphemeral);
  }

  #tryCommit(job: Job): Decision {
    const { name, world, checks, conflicts, strictPushes, examiner } = this.#options;
    try {
      if (job.problem !== undefined) throw job.problem;
      if (job.at !== undefined && !isAt(world, job.at)) throw changedSince();
      // Of conflicts, what handlers have heard of was judged before that: nobody could touch it since.
      examiner.check(job, job.isConsulted !== true);
      const { renamed } = job;
      if (renamed !== undefined) job.operations = meet(job.operations, renamed, world);
      checks.run(job.operations, name, job.writer, world);
      const session = examiner.sessionOf(job.writer);
      // While handlers were asked, others may have written: then it lacks that for its next write.
      const isCurrent = session?.isStrict === true && !strictPushes.isRefused(session);
      const commit = world.commit(job.operations, this.#options.environment.clock.now());
      strictPushes.committed(commit);
      if (isCurrent) strictPushes.wrote(session);
      if (job.client !== null && commit.applied.length > 0) {
        conflicts.note(job.client.clientId, job.client.seen);
      }
      for (const [from, to] of renamed ?? []) this.#options.onRenamed(from, to);
      const isPlain = renamed === undefined || renamed.size === 0;
      return { job, outcome: isPlain ? ACCEPTED : { kind: "accepted", renamed }, commit };
    } catch (error) {
      const problem = job.problem ?? examiner.toProblem(error);
      const { writer } = job;
      const told = writer === null ? problem : this.#options.judge.tellable(problem, writer, job);
      return { job, outcome: rejected(told), commit: undefined };
    }
  }
}

/** It stays undecided: its client sends it again, if it is still of interest. */
function dropped(job: Job): Decision | undefined {
  job.drop?.();
  return undefined;
}

function isAt(world: World, { epoch, seq }: Cursor): boolean {
  return world.epoch === epoch && world.seq === seq;
}

function changedSince(): SyncError {
  return new SyncError("out_of_date", "the world has changed since");
}
