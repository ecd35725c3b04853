import { DriveFile } from "./drive-file.ts";
import type { SeededRandom } from "./random.ts";

/** How often what goes wrong, for each operation that it can befall. */
export interface DriveTrouble {
  readonly fullChance: number;
  readonly failedSyncChance: number;
  readonly powerLossChance: number;
}

/** The operation failed, and says so: the disk is full, or broken. */
export class DriveError extends Error {}

/** The machine went off in the middle of an operation: nobody is left to whom this could matter. */
export class PowerLoss extends Error {}

type Names = ReadonlyMap<string, DriveFile>;

/** All files at one moment, as a backup keeps them. */
export type Image = ReadonlyMap<string, Uint8Array>;

interface DriveEvents {
  /** Every process on the machine ends, before the operation that was under way returns. */
  readonly powerLost: () => void;
  readonly saw: (what: string) => void;
}

/**
 * A disk with a file system, byte by byte. What processes see survives these, and after a loss of
 * power there is what was synced; and of the rest nothing, all, a part, or some of its sectors in
 * whatever order. Names are kept as journaling file systems do: a later change never without those
 * before it.
 *
 * A sync that fails leaves behind what Linux does: some of the data are on the platter, the others
 * never will be, and no later sync says so ("fsyncgate", https://lwn.net/Articles/752063/).
 */
export class Drive {
  readonly #random: SeededRandom;
  readonly #trouble: DriveTrouble;
  readonly #events: DriveEvents;
  /** While it is, nothing fails. */
  readonly #isCalm: () => boolean;
  #names: Names = new Map();
  /** The names as they were after each change since the last sync; the first are durable. */
  #namesSince: Names[] = [this.#names];

  constructor(
    random: SeededRandom,
    trouble: DriveTrouble,
    isCalm: () => boolean,
    events: DriveEvents,
  ) {
    this.#random = random;
    this.#trouble = trouble;
    this.#isCalm = isCalm;
    this.#events = events;
  }

  list(): string[] {
    return [...this.#names.keys()].sort();
  }

  open(name: string): DriveFile | undefined {
    return this.#names.get(name);
  }

  /** An empty file, in the place of whatever had the name. */
  create(name: string): DriveFile {
    const file = new DriveFile(new Uint8Array());
    this.#operate(() => this.#rename((names) => names.set(name, file)));
    return file;
  }

  /** Throws when the disk is full, having written what there was room for. */
  append(file: DriveFile, bytes: Uint8Array): void {
    const isFull = this.#strikes(this.#trouble.fullChance);
    const fitting = isFull ? bytes.subarray(0, this.#random.below(bytes.length)) : bytes;
    const change = { offset: file.bytes.length, bytes: fitting };
    this.#operate(() => file.change(change));
    if (isFull) throw this.#failed("full disk");
  }

  truncate(file: DriveFile, length: number): void {
    this.#operate(() => file.change({ length }));
  }

  /** When it returns, all that the file has is there whatever happens. When it throws, nobody knows. */
  sync(file: DriveFile): void {
    if (this.#strikes(this.#trouble.failedSyncChance)) {
      file.failSync(this.#random);
      throw this.#failed("failed sync");
    }
    this.#operate(() => file.sync());
  }

  rename(from: string, to: string): void {
    const file = this.#names.get(from);
    if (file === undefined) throw new DriveError(`there is no ${from}`);
    this.#operate(() =>
      this.#rename((names) => {
        names.delete(from);
        names.set(to, file);
      }),
    );
  }

  remove(name: string): void {
    this.#operate(() => this.#rename((names) => names.delete(name)));
  }

  /** The same for names as `sync` for what files have in them. */
  syncNames(): void {
    if (this.#strikes(this.#trouble.failedSyncChance)) throw this.#failed("failed sync");
    this.#operate(() => (this.#namesSince = [this.#names]));
  }

  /** What is left of it all when the power comes back. */
  losePower(): void {
    this.#events.saw("power loss");
    this.#events.powerLost();
    this.#names = this.#random.pick(this.#namesSince);
    this.#namesSince = [this.#names];
    for (const file of new Set(this.#names.values())) {
      if (file.isUnsynced) this.#events.saw("power loss with unsynced writes");
      file.losePower(this.#random);
    }
  }

  image(): Image {
    return new Map(Array.from(this.#names, ([name, { bytes }]) => [name, bytes]));
  }

  /** Puts a backup in the place of all that there is. */
  restore(image: Image): void {
    this.#names = new Map(Array.from(image, ([name, bytes]) => [name, new DriveFile(bytes)]));
    this.#namesSince = [this.#names];
  }

  #rename(change: (names: Map<string, DriveFile>) => void): void {
    const names = new Map(this.#names);
    change(names);
    this.#names = names;
    this.#namesSince.push(names);
  }

  /** The power can go before and after each thing that is done, which also is in the middle of it. */
  #operate(task: () => void): void {
    const isLast = this.#strikes(this.#trouble.powerLossChance);
    if (!isLast || this.#random.chance(0.5)) task();
    if (!isLast) return;
    this.losePower();
    throw new PowerLoss("the power is gone");
  }

  #strikes(chance: number): boolean {
    return chance > 0 && !this.#isCalm() && this.#random.chance(chance);
  }

  #failed(what: string): DriveError {
    this.#events.saw(what);
    return new DriveError(what);
  }
}
