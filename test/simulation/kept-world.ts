import type {
  DecidedMutation,
  ObjectRecord,
  StoreBatch,
  StoredWorld,
} from "../../server/stores/store.ts";

/** A batch as it was when the store got it. */
export type KeptBatch = Omit<StoreBatch, "objects" | "settled" | "term"> & {
  readonly objects: readonly ObjectRecord[];
  readonly settled: ReturnType<StoreBatch["settled"]>;
};

export function toKept(batch: StoreBatch): KeptBatch {
  return { ...batch, objects: batch.objects(), settled: batch.settled() };
}

/** What batches add up to, in the plainest way. */
export class KeptWorld {
  readonly epoch: string;
  readonly #objects = new Map<number, ObjectRecord>();
  #decided: DecidedMutation[] = [];
  #position = { seq: 0, horizon: 0, nextHandle: 1, ledgerHorizon: 0, schemaVersion: 1 };

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  get seq(): number {
    return this.#position.seq;
  }

  keep(batch: Omit<KeptBatch, "expectedSeq">): void {
    const { seq, horizon, nextHandle, ledgerHorizon, schemaVersion, objects, decided } = batch;
    for (const record of objects) this.#objects.set(record.handle, record);
    const settled = new Map(batch.settled.map(({ clientId, n }) => [clientId, n]));
    for (const clientId of batch.forgotten) settled.set(clientId, Infinity);
    const unsettled = this.#decided.filter(({ clientId, n }) => n > (settled.get(clientId) ?? 0));
    this.#decided = [...unsettled, ...decided];
    this.#position = { seq, horizon, nextHandle, ledgerHorizon, schemaVersion };
    for (const { handle, properties, revision } of this.#objects.values()) {
      if (properties === null && revision <= horizon) this.#objects.delete(handle);
    }
  }

  toStored(term: number): StoredWorld & KeptContents {
    const objects = [...this.#objects.values()].sort((a, b) => a.revision - b.revision);
    return { epoch: this.epoch, term, ...this.#position, objects, decided: [...this.#decided] };
  }
}

interface KeptContents {
  readonly objects: readonly ObjectRecord[];
  readonly decided: readonly DecidedMutation[];
}
