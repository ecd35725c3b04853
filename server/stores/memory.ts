import { SyncError } from "../../lib/index.ts";
import type { Store, StoreBatch, StoredWorld } from "./store.ts";

/**
 * Keeps nothing but the order of commits: the world itself is in the server's memory already. A
 * world ends with the process, and the next one has a new epoch.
 */
export class MemoryStore implements Store {
  readonly capabilities = { durable: false };
  readonly #worlds = new Map<string, { readonly term: number; seq: number }>();

  load(world: string, newEpoch: string): StoredWorld {
    const term = (this.#worlds.get(world)?.term ?? 0) + 1;
    this.#worlds.set(world, { term, seq: 0 });
    const nothing = { seq: 0, horizon: 0, nextHandle: 1, ledgerHorizon: 0 };
    return { epoch: newEpoch, term, ...nothing, schemaVersion: 1, objects: [], decided: [] };
  }

  commit(world: string, { term, expectedSeq, seq }: StoreBatch): void {
    const held = this.#worlds.get(world);
    if (held?.term !== term || held.seq !== expectedSeq) {
      throw new SyncError("deposed", `the world ${world} was opened by another server`);
    }
    held.seq = seq;
  }

  close(): void {
    this.#worlds.clear();
  }
}
