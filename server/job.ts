import type { Cursor } from "../lib/delta.ts";
import { SyncError } from "../lib/errors.ts";
import type { ObjectId } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import { rejected, type Outcome } from "../lib/outcome.ts";
import type { Commit } from "../lib/world.ts";
import type { SessionInfo } from "./session.ts";

/** Who wrote: a client's connection, or null for the server's own code. */
export type Writer = SessionInfo | null;

/** By what a client's mutation is decided exactly once. */
export interface MutationName {
  readonly clientId: string;
  readonly n: number;
  /** When it wrote this, the client knew the outcomes of all its mutations up to this one. */
  readonly settled: number;
  /** Up to which commit it had seen the world. */
  readonly seen: number;
  /** Whether it is taken only while the client lacks nothing. */
  readonly isStrict: boolean;
}

/** A mutation on its way through the host. */
export interface Job {
  readonly writer: Writer;
  /** Null for the server's own writes. */
  readonly client: MutationName | null;
  operations: readonly Operation[];
  /** What a client's took on its way. */
  readonly bytes?: number;
  /** How many endings of sessions there had been when it came. */
  readonly takenAt?: number;
  /** What makes it unacceptable before anything is tried. */
  problem?: SyncError | undefined;
  /** By which a retry is recognised: of the operations as they came, before any handler. */
  fingerprint?: number;
  /** Whether the operations are those of the present schema, whatever version their writer has. */
  isRaised?: boolean;
  /** Whether its client lacked something, or had been sent away, when the handlers were to hear of it. */
  isOutdated?: boolean;
  /** Whether it has been to the handlers. */
  readonly isConsulted?: boolean;
  /** Where the world must be at its commit, if that is asked for. */
  readonly at?: Cursor | undefined;
  /** After the handlers: what its writer has asked for, by the operation that has come of it. */
  asked?: Asked;
  silent?: ReadonlySet<ObjectId>;
  renamed?: ReadonlyMap<ObjectId, ObjectId>;
  /** Told once, when the outcome stands. */
  readonly settle: (outcome: Outcome, commit: Commit | undefined) => void;
  /** Told instead, when there is nothing to tell: it came too late, or too early. */
  readonly drop?: () => void;
}

/**
 * By operations, those that a writer has asked for in their place. What handlers have made of these, or
 * have found besides, is the application's own.
 */
export type Asked = ReadonlyMap<Operation, Operation>;

/** A job and what this turn has made of it. */
export interface Decision {
  readonly job: Job;
  readonly outcome: Outcome;
  readonly commit: Commit | undefined;
  /** Whether it was decided before: by an earlier turn, or earlier in this one. */
  readonly isRecalled?: boolean;
}

/**
 * Leaves a job undecided for good: a client will ask again, here or elsewhere; only the server's own code
 * must hear it now.
 */
export function giveUp(job: Job, error = new SyncError("closed", "this world is closed")): void {
  if (job.client !== null) job.drop?.();
  else job.settle(rejected(error), undefined);
}
