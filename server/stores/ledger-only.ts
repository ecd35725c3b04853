import { checkLoaded, checkStore } from "./contract.ts";
import type { Store, StoreBatch, StoredWorld } from "./store.ts";

/** Where a world is in the store, and what it lacks of that: it counts its commits anew. */
interface Place {
  readonly seq: number;
  readonly nextHandle: number;
}

/**
 * Keeps what was decided on each write in `store`, and no objects: these are in an application's own
 * database, behind handlers. So a write that comes again after a restart gets its recorded outcome,
 * and of two servers only the later one can commit, but there is no second copy of the data.
 *
 * A world begins empty with each opening, under an epoch of its own: the handlers bring in what it
 * shall hold, and clients that come back get it anew.
 *
 * Throws `store_contract` when the store is none.
 */
export function ledgerOnly(store: Store): Store {
  return new LedgerOnlyStore(checkStore(store));
}

class LedgerOnlyStore implements Store {
  readonly capabilities;
  readonly #store: Store;
  readonly #places = new Map<string, Place>();

  constructor(store: Store) {
    this.#store = store;
    this.capabilities = store.capabilities;
  }

  async load(world: string, newEpoch: string): Promise<StoredWorld> {
    const loaded = checkLoaded(world, await this.#store.load(world, newEpoch));
    const { epoch, term, decided, seq, nextHandle, ledgerHorizon } = loaded;
    this.#places.set(world, { seq, nextHandle });
    return {
      epoch: `${epoch}.${newEpoch}`, // another world, with the ledger that there was
      term,
      seq: 0,
      horizon: 0,
      nextHandle: 1,
      schemaVersion: 1, // of nothing
      objects: [],
      decided: Array.from(decided, (decision) => ({ ...decision, seq: 0 })),
      // Whoever was there before this opening is at 0 in this epoch.
      ledgerHorizon: Math.min(1, ledgerHorizon),
    };
  }

  commit(world: string, batch: StoreBatch): void | Promise<void> {
    const { seq, nextHandle } = this.#places.get(world) ?? { seq: 0, nextHandle: 1 };
    const { ledgerHorizon } = batch;
    return this.#store.commit(world, {
      ...batch,
      expectedSeq: seq + batch.expectedSeq,
      seq: seq + batch.seq,
      horizon: seq + batch.horizon,
      nextHandle,
      ledgerHorizon: ledgerHorizon === 0 ? 0 : seq + ledgerHorizon, // 0 says that none is forgotten
      objects: () => [],
    });
  }

  close(): void | Promise<void> {
    return this.#store.close();
  }
}
