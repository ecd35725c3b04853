import type {
  DecidedMutation,
  ObjectRecord,
  Store,
  StoreBatch,
  StoredWorld,
} from "../../server/stores/store.ts";
import { SyncError } from "../../lib/errors.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import type { StoreScenario } from "./scenario.ts";
import type { Timeline } from "./timeline.ts";

/** Told of each batch at the moment from which it is kept. */
export type OnKept = (epoch: string, batch: StoreBatch, objects: readonly ObjectRecord[]) => void;

/** Longer than the server expects: long ago the batch was kept, or refused, and it does not know. */
const LATE_MS = 8_000;

const FULL = new SyncError("unavailable", "the disk is full");

interface Kept {
  readonly epoch: string;
  seq: number;
  horizon: number;
  nextHandle: number;
  ledgerHorizon: number;
  readonly objects: Map<number, ObjectRecord>;
  readonly decided: DecidedMutation[];
}

/**
 * A database that outlives the servers: slow, failing, or late as the scenario says. A batch
 * is kept as a whole or not at all, and only of the server that opened it last.
 */
export class Disk {
  readonly #timeline: Timeline;
  readonly #random: SeededRandom;
  readonly #onKept: OnKept;
  readonly #scenario: StoreScenario;
  #kept: Kept | undefined;
  #term = 0;
  /** A batch was kept, and its server has not heard of it. */
  isInDoubt = false;

  constructor(timeline: Timeline, random: SeededRandom, scenario: StoreScenario, onKept: OnKept) {
    this.#timeline = timeline;
    this.#random = random;
    this.#scenario = scenario;
    this.#onKept = onKept;
  }

  /** The store as one server process has it; while it is calm, nothing fails or takes long. */
  openFor(process: SimProcess, isCalm: () => boolean): Store {
    this.#term += 1;
    const term = this.#term;
    return {
      capabilities: { durable: true },
      load: (_world, newEpoch) => this.#load(newEpoch, term),
      commit: (_world, batch) => this.#commit(batch, process, term, isCalm()),
      close: () => undefined,
    };
  }

  #load(newEpoch: string, term: number): StoredWorld {
    this.isInDoubt = false;
    this.#kept ??= {
      epoch: newEpoch,
      seq: 0,
      horizon: 0,
      nextHandle: 1,
      ledgerHorizon: 0,
      objects: new Map<number, ObjectRecord>(),
      decided: [],
    };
    const { objects, decided } = this.#kept;
    const ordered = [...objects.values()].sort((a, b) => a.revision - b.revision);
    return { ...this.#kept, term, objects: ordered, decided: [...decided] };
  }

  #commit(
    batch: StoreBatch,
    process: SimProcess,
    term: number,
    isCalm: boolean,
  ): void | Promise<void> {
    const objects = batch.objects();
    const { delayMaxMs, failChance, lateChance } = this.#scenario;
    const isLate = !isCalm && this.#random.chance(lateChance);
    const isFailing = !isCalm && this.#random.chance(failChance);
    if (delayMaxMs === 0 && !isLate) {
      const failure = isFailing ? FULL : this.#keep(batch, objects, term);
      if (failure !== undefined) throw failure;
      return;
    }
    const takesMs = (): number => Math.min(delayMaxMs, this.#random.exponential(delayMaxMs / 4));
    const delayMs = isCalm ? 1 : takesMs();
    const replyMs = isCalm ? 1 : isLate ? LATE_MS : takesMs();
    return new Promise((resolve, reject) => {
      this.#timeline.after(delayMs, () => {
        const failure = isFailing ? FULL : this.#keep(batch, objects, term);
        this.isInDoubt ||= failure === undefined;
        this.#timeline.after(replyMs, () => {
          process.run(() => {
            this.isInDoubt = false;
            if (failure === undefined) resolve();
            else reject(failure);
          });
        });
      });
    });
  }

  #keep(batch: StoreBatch, objects: readonly ObjectRecord[], term: number): SyncError | undefined {
    const kept = this.#kept;
    if (kept === undefined || term !== this.#term || batch.expectedSeq !== kept.seq) {
      return new SyncError("deposed", "the world was opened by somebody else");
    }
    const { seq, horizon, nextHandle, ledgerHorizon, decided } = batch;
    for (const record of objects) kept.objects.set(record.handle, record);
    const settled = new Map(batch.settled().map(({ clientId, n }) => [clientId, n]));
    for (const clientId of batch.forgotten) settled.set(clientId, Infinity);
    const unsettled = kept.decided.filter(({ clientId, n }) => n > (settled.get(clientId) ?? 0));
    kept.decided.splice(0, Infinity, ...unsettled, ...decided);
    Object.assign(kept, { seq, horizon, nextHandle, ledgerHorizon });
    for (const { handle, properties, revision } of kept.objects.values()) {
      if (properties === null && revision <= horizon) kept.objects.delete(handle);
    }
    this.#onKept(kept.epoch, batch, objects);
    return undefined;
  }
}
