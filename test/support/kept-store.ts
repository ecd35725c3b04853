import {
  SyncError,
  type DecidedMutation,
  type Store,
  type StoreBatch,
  type StoredWorld,
} from "../../server/index.ts";

type Kept = Omit<StoredWorld, "objects" | "decided"> & {
  readonly objects: readonly StoredObject[];
  readonly decided: readonly DecidedMutation[];
};
type StoredObject = ReturnType<StoreBatch["objects"]>[number];

/**
 * A store that outlives its server, as a database does, and answers some time later. It holds one
 * world, can be put back to what it was, and can be told to refuse.
 */
export class KeptStore implements Store {
  readonly capabilities = { durable: true };
  #world: Kept | undefined;
  /** Commits fail while this is set. */
  refuses = false;
  /** Commits wait for this. */
  hold: Promise<void> = Promise.resolve();
  /** How many it was asked for. */
  commits = 0;

  /** What it has now; to be put back with `restore`. */
  backup(): unknown {
    return this.#world;
  }

  restore(backup: unknown): void {
    this.#world = backup as Kept;
  }

  async load(_world: string, newEpoch: string): Promise<StoredWorld> {
    await Promise.resolve();
    this.#world ??= {
      epoch: newEpoch,
      term: 0,
      seq: 0,
      horizon: 0,
      nextHandle: 1,
      ledgerHorizon: 0,
      schemaVersion: 1,
      objects: [],
      decided: [],
    };
    this.#world = { ...this.#world, term: this.#world.term + 1 };
    return this.#world;
  }

  async commit(_world: string, batch: StoreBatch): Promise<void> {
    const { term, expectedSeq, seq, nextHandle, horizon, decided, forgotten } = batch;
    const objects = batch.objects();
    this.commits += 1;
    await this.hold;
    const world = this.#world;
    if (this.refuses) throw new Error("the disk is full");
    if (world?.term !== term || world.seq !== expectedSeq) {
      throw new SyncError("deposed", "somebody else has opened the world");
    }
    const changed = new Set(objects.map(({ handle }) => handle));
    const others = world.objects.filter(
      ({ handle, properties, revision }) =>
        !changed.has(handle) && (properties !== null || revision > horizon),
    );
    const remembered = world.decided.filter(({ clientId }) => !forgotten.includes(clientId));
    this.#world = {
      epoch: world.epoch,
      term,
      seq,
      horizon,
      nextHandle,
      ledgerHorizon: batch.ledgerHorizon,
      schemaVersion: batch.schemaVersion,
      objects: [...others, ...objects],
      decided: [...remembered, ...decided],
    };
  }

  close(): void {
    // What it has stays for the next server.
  }
}
