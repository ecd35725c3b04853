import { SyncError } from "../../lib/errors.ts";
import type { Store, StoreBatch, StoredWorld } from "../../server/stores/store.ts";
import { Drive, type Image } from "./drive.ts";
import { JournalStore, restoredMark } from "./journal-store.ts";
import { toKept, type KeptBatch } from "./kept-world.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import type { OnDoubt, OnKept, StoreSource } from "./remote-store.ts";
import type { DriveScenario } from "./scenario.ts";
import type { ServerOracle, Truth } from "./server-oracle.ts";

const BACKUPS_MAX = 5;

/** A batch that may be on the disk, for all that its server knows. */
interface Doubtful {
  readonly epoch: string;
  readonly batch: StoreBatch;
  readonly kept: KeptBatch;
}

/** All that was on the disk at one moment, and what was true then. */
interface Backup {
  readonly image: Image;
  readonly truth: Truth;
  readonly doubtful: Doubtful | undefined;
}

interface MachineEvents {
  readonly kept: OnKept;
  readonly doubted: OnDoubt;
  /** Every process on the machine ends. */
  readonly powerLost: () => void;
  readonly saw: (what: string) => void;
}

/**
 * A machine whose servers keep their world in a journal on its disk. It tells of each batch when its
 * server knows that it is kept; and of one that was in doubt, when the next server finds it or not.
 */
export class Machine implements StoreSource {
  readonly #drive: Drive;
  readonly #random: SeededRandom;
  readonly #scenario: DriveScenario;
  readonly #oracle: ServerOracle;
  readonly #events: MachineEvents;
  readonly #backups: Backup[] = [];
  #isCalm: () => boolean = () => true;
  /** The store that has opened the world last: what others do with it is in no doubt. */
  #holder: Store | undefined;
  #doubtful: Doubtful | undefined;
  #restored: Backup | undefined;

  constructor(
    random: SeededRandom,
    scenario: DriveScenario,
    oracle: ServerOracle,
    events: MachineEvents,
  ) {
    this.#drive = new Drive(random.fork("drive"), scenario, () => this.#isCalm(), events);
    this.#random = random;
    this.#scenario = scenario;
    this.#oracle = oracle;
    this.#events = events;
  }

  openFor(process: SimProcess, isCalm: () => boolean): Store {
    const { scheduler } = process.environment;
    const pause = (): Promise<void> => {
      const mean = this.#scenario.operationMeanMs;
      const delayMs = isCalm() ? 0.1 : this.#random.exponential(mean);
      return new Promise((resolve) => scheduler.after(delayMs, resolve));
    };
    const store = new JournalStore(this.#drive, pause);
    return {
      capabilities: store.capabilities,
      load: (world, newEpoch) => {
        const stored = this.#load(store, world, newEpoch);
        this.#isCalm = isCalm; // the first opening has nothing to lose
        return stored;
      },
      commit: (world, batch) => this.#commit(store, process, world, batch),
      close: () => store.close(),
    };
  }

  losePower(): void {
    this.#drive.losePower();
  }

  /** Copies the disk as it is at this moment, in the midst of whatever goes on. */
  backUp(): void {
    const image = this.#drive.image();
    this.#backups.push({ image, truth: this.#oracle.truth(), doubtful: this.#doubtful });
    if (this.#backups.length > BACKUPS_MAX) this.#backups.shift();
  }

  /** Puts an earlier state in the place of the present one, if there is any. No server may run. */
  restore(world: string): void {
    if (this.#backups.length === 0) return;
    const backup = this.#random.pick(this.#backups);
    const mark = [restoredMark(world), new Uint8Array()] as const;
    this.#drive.restore(new Map([...backup.image, mark]));
    this.#doubtful = backup.doubtful;
    this.#restored = backup;
    this.#events.saw("backup restored");
  }

  #load(store: Store, world: string, newEpoch: string): StoredWorld {
    const stored = store.load(world, newEpoch) as StoredWorld;
    const { epoch } = stored;
    this.#holder = store;
    if (this.#restored !== undefined) this.#oracle.restored(epoch, this.#restored.truth);
    this.#restored = undefined;
    const doubtful = this.#doubtful;
    this.#doubtful = undefined;
    if (doubtful === undefined) return stored;
    const isKept = hasKept(stored, doubtful.kept);
    this.#events.saw(isKept ? "a batch in doubt was kept" : "a batch in doubt was lost");
    if (!isKept) return stored;
    this.#events.doubted(epoch);
    this.#events.kept(epoch, doubtful.batch, doubtful.kept.objects);
    return stored;
  }

  async #commit(
    store: Store,
    process: SimProcess,
    world: string,
    batch: StoreBatch,
  ): Promise<void> {
    const epoch = this.#oracle.current.name;
    const doubtful = { epoch, batch, kept: toKept(batch) };
    if (this.#holder === store) this.#doubtful = doubtful;
    try {
      await store.commit(world, batch);
      if (this.#holder === store) this.#doubtful = undefined;
      this.#events.kept(epoch, batch, doubtful.kept.objects);
    } catch (error) {
      if (!process.isAlive) return new Promise(() => undefined); // nobody is left to be told
      // Who has claimed the world may find the batch, or have come to nothing before it looked.
      const isDeposed = error instanceof SyncError && error.code === "deposed";
      if (this.#holder === store && !isDeposed) this.#doubtful = undefined;
      throw error;
    }
  }
}

/** Whether the world has gone on with this batch; or it makes no difference. */
function hasKept(stored: StoredWorld, batch: KeptBatch): boolean {
  if (batch.seq > batch.expectedSeq) return stored.seq === batch.seq;
  const decided = [...stored.decided];
  return (
    stored.nextHandle === batch.nextHandle &&
    stored.horizon === batch.horizon &&
    stored.ledgerHorizon === batch.ledgerHorizon &&
    stored.schemaVersion === batch.schemaVersion &&
    !decided.some(({ clientId }) => batch.forgotten.includes(clientId)) &&
    batch.decided.every(({ clientId, n }) =>
      decided.some((decision) => decision.clientId === clientId && decision.n === n),
    )
  );
}
