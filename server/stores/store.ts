import type { ObjectRecord } from "../../lib/entry.ts";
import type { Outcome } from "../../lib/outcome.ts";
import type { WorldRecord } from "../../lib/world.ts";

export type { ObjectRecord, Outcome, WorldRecord };

/** The decision on one mutation of one client. */
export interface DecidedMutation {
  readonly clientId: string;
  readonly n: number;
  /** By which the mutation is recognised when it comes again; 0 is like any. */
  readonly fingerprint: number;
  readonly outcome: Outcome;
}

/** Everything that one turn of a world has decided. */
export interface StoreBatch {
  /** The world's `seq` before the batch: a store that holds another one refuses the batch. */
  readonly expectedSeq: number;
  readonly seq: number;
  readonly nextHandle: number;
  /** Tombstones up to this revision may be dropped. */
  readonly horizon: number;
  /** The new state of every object that the batch touched, in the order of their revision. */
  objects(): ObjectRecord[];
  readonly decided: readonly DecidedMutation[];
}

/** A world as a store gives it back, with the decisions it has recorded. */
export interface StoredWorld extends WorldRecord {
  readonly decided: Iterable<DecidedMutation>;
}

/**
 * Where worlds are kept. A store is only its primitives; order, retries and policy stay in the
 * world host, which calls it like this:
 *
 * - `load` once for each world, before anything else. It makes the world, with the given epoch,
 *   when there is none.
 * - `commit` with one batch at a time, never two at once for one world. When it returns (or its
 *   promise resolves) the whole batch is kept; when it throws (or rejects), none of it is. Nothing
 *   of a batch is told to anybody before. It may be synchronous, and then costs no turn of the loop.
 *   It settles in the end, whatever happens to its database: the world waits for it.
 * - `close` once, after the last commit.
 */
export interface Store {
  load(world: string, newEpoch: string): StoredWorld | Promise<StoredWorld>;
  commit(world: string, batch: StoreBatch): void | Promise<void>;
  close(): void | Promise<void>;
}
