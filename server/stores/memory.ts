import { SyncError } from "../../lib/index.ts";
import type { Store, StoreBatch, StoredWorld } from "./store.ts";

/**
 * Keeps nothing but the order of commits: the world itself is in the server's memory already. A
 * world ends with the process, and the next one has a new epoch.
 */
export class MemoryStore implements Store {
  readonly #seqs = new Map<string, number>();

  load(world: string, newEpoch: string): StoredWorld {
    this.#seqs.set(world, 0);
    return { epoch: newEpoch, seq: 0, horizon: 0, nextHandle: 1, objects: [], decided: [] };
  }

  commit(world: string, { expectedSeq, seq }: StoreBatch): void {
    if (this.#seqs.get(world) !== expectedSeq) {
      throw new SyncError("unavailable", `the world ${world} was opened by somebody else`);
    }
    this.#seqs.set(world, seq);
  }

  close(): void {
    this.#seqs.clear();
  }
}
