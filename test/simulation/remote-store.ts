import type { ObjectRecord, Store, StoreBatch, StoredWorld } from "../../server/stores/store.ts";
import { SyncError } from "../../lib/errors.ts";
import { KeptWorld, toKept, type KeptBatch } from "./kept-world.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import type { StoreScenario } from "./scenario.ts";
import type { Timeline } from "./timeline.ts";

/** Told of each batch at the moment from which it is kept. */
export type OnKept = (epoch: string, batch: StoreBatch, objects: readonly ObjectRecord[]) => void;

/** Told of an epoch when one of its batches was kept, and the server that opens it next knows first. */
export type OnDoubt = (epoch: string) => void;

/** What outlives the servers that keep their worlds in it. */
export interface StoreSource {
  /** The store as one server process has it; while it is calm, nothing fails or takes long. */
  openFor(process: SimProcess, isCalm: () => boolean): Store;
}

/** Longer than the server expects: long ago the batch was kept, or refused, and it does not know. */
const LATE_MS = 8_000;

const FULL = new SyncError("unavailable", "the disk is full");

/**
 * A database that outlives the servers: slow, failing, or late as the scenario says. A batch
 * is kept as a whole or not at all, and only of the server that opened it last.
 */
export class RemoteStore implements StoreSource {
  readonly #timeline: Timeline;
  readonly #random: SeededRandom;
  readonly #onKept: OnKept;
  readonly #scenario: StoreScenario;
  readonly #onDoubt: OnDoubt;
  #kept: KeptWorld | undefined;
  #term = 0;
  /** A batch was kept, and its server has not heard of it. */
  #isInDoubt = false;

  constructor(
    timeline: Timeline,
    random: SeededRandom,
    scenario: StoreScenario,
    onKept: OnKept,
    onDoubt: OnDoubt,
  ) {
    this.#timeline = timeline;
    this.#random = random;
    this.#scenario = scenario;
    this.#onKept = onKept;
    this.#onDoubt = onDoubt;
  }

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
    this.#kept ??= new KeptWorld(newEpoch);
    if (this.#isInDoubt) this.#onDoubt(this.#kept.epoch);
    this.#isInDoubt = false;
    return this.#kept.toStored(term);
  }

  #commit(
    batch: StoreBatch,
    process: SimProcess,
    term: number,
    isCalm: boolean,
  ): void | Promise<void> {
    const kept = toKept(batch);
    const { delayMaxMs, failChance, lateChance } = this.#scenario;
    const isLate = !isCalm && this.#random.chance(lateChance);
    const isFailing = !isCalm && this.#random.chance(failChance);
    if (delayMaxMs === 0 && !isLate) {
      const failure = isFailing ? FULL : this.#keep(batch, kept, term);
      if (failure !== undefined) throw failure;
      return;
    }
    const takesMs = (): number => Math.min(delayMaxMs, this.#random.exponential(delayMaxMs / 4));
    const delayMs = isCalm ? 1 : takesMs();
    const replyMs = isCalm ? 1 : isLate ? LATE_MS : takesMs();
    return new Promise((resolve, reject) => {
      this.#timeline.after(delayMs, () => {
        const failure = isFailing ? FULL : this.#keep(batch, kept, term);
        this.#isInDoubt ||= failure === undefined;
        this.#timeline.after(replyMs, () => {
          process.run(() => {
            this.#isInDoubt = false;
            if (failure === undefined) resolve();
            else reject(failure);
          });
        });
      });
    });
  }

  #keep(batch: StoreBatch, kept: KeptBatch, term: number): SyncError | undefined {
    const world = this.#kept;
    if (world === undefined || term !== this.#term || batch.expectedSeq !== world.seq) {
      return new SyncError("deposed", "the world was opened by somebody else");
    }
    world.keep(kept);
    this.#onKept(world.epoch, batch, kept.objects);
    return undefined;
  }
}
