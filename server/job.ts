import type { SyncError } from "../lib/errors.ts";
import type { ObjectId } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import type { Outcome } from "../lib/outcome.ts";
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
}

/** A mutation on its way through the host. */
export interface Job {
  readonly writer: Writer;
  /** Null for the server's own writes. */
  readonly client: MutationName | null;
  operations: readonly Operation[];
  /** What a client's took on its way. */
  readonly bytes?: number;
  /** What makes it unacceptable before anything is tried. */
  problem?: SyncError | undefined;
  /** By which a retry is recognised: of the operations as they came, before any handler. */
  fingerprint?: number;
  /** Whether the operations are those of the present schema, whatever version their writer has. */
  isRaised?: boolean;
  /** Whether it has been to the handlers. */
  readonly isConsulted?: boolean;
  silent?: ReadonlySet<ObjectId>;
  renamed?: ReadonlyMap<ObjectId, ObjectId>;
  /** Told once, when the outcome stands. */
  readonly settle: (outcome: Outcome) => void;
  /** Told instead, when there is nothing to tell: it came too late, or too early. */
  readonly drop?: () => void;
}

/** A job and what this turn has made of it. */
export interface Decision {
  readonly job: Job;
  readonly outcome: Outcome;
  readonly commit: Commit | undefined;
  /** Whether it was decided before: by an earlier turn, or earlier in this one. */
  readonly isRecalled?: boolean;
}
