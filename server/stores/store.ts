import type { ObjectRecord } from "../../lib/entry.ts";
import type { ObjectId } from "../../lib/object.ts";
import type { Outcome } from "../../lib/outcome.ts";
import type { WorldRecord } from "../../lib/world.ts";

export type { ObjectId, ObjectRecord, Outcome, WorldRecord };

/** The decision on one mutation of one client. */
export interface DecidedMutation {
  readonly clientId: string;
  /** Grows from one decision on a client to the next, not always by one. */
  readonly n: number;
  /** By which the mutation is recognised when it comes again; 0 is like any. */
  readonly fingerprint: number;
  readonly outcome: Outcome;
  /** Whose client it is, as far as that can be told. */
  readonly owner?: string | number | undefined;
  /** The world's `seq` when this was decided. */
  readonly seq: number;
  /** When: in milliseconds for which the world had been open, over all its openings. */
  readonly decidedAt: number;
}

/** A client knows its outcomes up to this one: nobody will ask for them again. */
export interface SettledMutations {
  readonly clientId: string;
  readonly n: number;
}

/** Everything that one turn of a world has decided. */
export interface StoreBatch {
  /** Which opening of the world it comes from: a store that was opened again since refuses the batch. */
  readonly term: number;
  /** The `seq` of the batch before: a store that holds another one refuses the batch. */
  readonly expectedSeq: number;
  /** How far the world has got, or may get before the next batch; as is `nextHandle`. Never falls. */
  readonly seq: number;
  readonly nextHandle: number;
  /** Tombstones up to this revision may be dropped. */
  readonly horizon: number;
  /** The new state of every object that the batch touched, in the order of their revision. */
  objects(): ObjectRecord[];
  readonly decided: readonly DecidedMutation[];
  /**
   * Recorded decisions that may be dropped. Of each client at least the last stays: `decided` has a
   * later one of every client that is named here, or the store does.
   */
  settled(): SettledMutations[];
  /**
   * Clients of which nothing is to be kept. None of them is in `decided` or `settled`; the store may
   * have nothing of one.
   */
  readonly forgotten: readonly string[];
  /** Up to where decisions may be forgotten, these among them: only to be given back. Never falls. */
  readonly ledgerHorizon: number;
  /** Which version of the application's schema the objects are of. */
  readonly schemaVersion: number;
}

/** A world as a store gives it back. */
export interface StoredWorld extends WorldRecord {
  /** 1 for the first opening of the world, and one more for each that follows. */
  readonly term: number;
  /** As the last batch has left it; 0 in a new world. */
  readonly ledgerHorizon: number;
  /** As the last batch has left it; 1 in a new world. */
  readonly schemaVersion: number;
  /** The recorded decisions, those of each client in the order of `n`. */
  readonly decided: Iterable<DecidedMutation>;
}

/** What a store promises besides its contract. */
export interface StoreCapabilities {
  /** What `commit` has kept is there after the process has ended, in whatever way. */
  readonly durable: boolean;
}

/**
 * Where worlds are kept. A store is only its primitives; order, retries and policy stay in the
 * world host, which calls it like this:
 *
 * - `load` once for each world, before anything else. It makes the world, with the given epoch,
 *   when there is none. From then on nobody who loaded the world before can commit: two servers on
 *   one database by mistake must not both write.
 * - `commit` with one batch at a time, never two at once for one world. When it returns (or its
 *   promise resolves) the whole batch is kept; when it throws (or rejects), none of it is. Nothing
 *   of a batch is told to anybody before. It may be synchronous, and then costs no turn of the loop.
 *   A batch may have nothing in it, so that the world hears whether it is still its own.
 *   It settles in the end, whatever happens to its database: the world waits for it. It throws
 *   `deposed` when the world was loaded again since, or is not at `expectedSeq`.
 * - `close` once, after the last commit.
 *
 * `object-sync/testing` has the checks that every store must pass.
 */
export interface Store {
  readonly capabilities: StoreCapabilities;
  load(world: string, newEpoch: string): StoredWorld | Promise<StoredWorld>;
  commit(world: string, batch: StoreBatch): void | Promise<void>;
  close(): void | Promise<void>;
}
