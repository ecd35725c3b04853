import { ledgerOf } from "../../lib/delta.ts";
import { SyncError } from "../../lib/errors.ts";
import type { Store, StoreBatch, StoredWorld } from "../../server/stores/store.ts";
import type { DriveFile } from "./drive-file.ts";
import type { Drive } from "./drive.ts";
import { decodeEntries, encodeEntry, FIRST_CHECKSUM } from "./journal-codec.ts";
import { KeptWorld, toKept } from "./kept-world.ts";

/** A journal that so much was appended to is written anew. */
const APPENDED_BYTES_MAX = 20_000;
/** A file by which whoever puts a backup back says so: the world then goes on under another epoch. */
export function restoredMark(world: string): string {
  return `${encodeURIComponent(world)}.restored`;
}

/** Resolves when the next step may be taken; never, once the process has ended. */
type Pause = () => Promise<void>;

/**
 * Keeps each world in a write-ahead journal on a drive:
 *
 * ```
 * open:    claim <world>.<term>; read the journal of the highest term below; write it anew as that
 * commit:  append; sync; is mine still the highest term?
 * anew:    <world>.<term>.tmp: all there is; sync; rename; sync the names
 * ```
 *
 * A server that opens a world claims it before it reads, and one that commits looks for a later claim
 * after it has written: so nothing that is acknowledged can be missed. A sync that fails is never
 * tried again: the journal is written anew without the batch, and only then is the batch refused.
 */
export class JournalStore implements Store {
  readonly capabilities = { durable: true };
  readonly #drive: Drive;
  readonly #pause: Pause;
  readonly #journals = new Map<string, Journal>();

  constructor(drive: Drive, pause: Pause) {
    this.#drive = drive;
    this.#pause = pause;
  }

  load(world: string, newEpoch: string): StoredWorld {
    const journal = new Journal(this.#drive, this.#pause, world, newEpoch);
    this.#journals.set(world, journal);
    return journal.toStored();
  }

  async commit(world: string, batch: StoreBatch): Promise<void> {
    const journal = this.#journals.get(world);
    if (journal === undefined) throw new SyncError("closed", "the store was closed");
    await journal.commit(batch);
  }

  close(): void {
    this.#journals.clear();
  }
}

class Journal {
  readonly #drive: Drive;
  readonly #pause: Pause;
  readonly #world: string;
  readonly #term: number;
  readonly #name: string;
  readonly #mark: string;
  readonly #kept: KeptWorld;
  #file: DriveFile;
  #length = 0;
  /** How long it was when it was written anew. */
  #basicLength = 0;
  #checksum = FIRST_CHECKSUM;

  constructor(drive: Drive, pause: Pause, world: string, newEpoch: string) {
    this.#drive = drive;
    this.#pause = pause;
    this.#world = encodeURIComponent(world);
    const earlier = this.#terms();
    this.#term = (earlier[0] ?? 0) + 1;
    this.#name = this.#nameOf(this.#term);
    this.#mark = restoredMark(world);
    this.#file = drive.create(this.#name);
    this.#kept = this.#read(earlier, newEpoch) ?? new KeptWorld(newEpoch);
    this.#writeAnew();
    for (const term of earlier) drive.remove(this.#nameOf(term));
    if (drive.open(this.#mark) === undefined) return;
    drive.remove(this.#mark);
    drive.syncNames(); // or the next opening would begin one more epoch
  }

  toStored(): StoredWorld {
    return this.#kept.toStored(this.#term);
  }

  async commit(batch: StoreBatch): Promise<void> {
    const kept = toKept(batch);
    const { epoch } = this.#kept;
    await this.#pause();
    const appendedBytes = this.#length - this.#basicLength;
    if (appendedBytes > APPENDED_BYTES_MAX) await this.#keepWritingAnew();
    const { term, expectedSeq } = batch;
    if (term !== this.#term || expectedSeq !== this.#kept.seq) throw deposed();
    this.#demandClaim();
    const { bytes, checksum } = encodeEntry({ ...kept, epoch }, this.#checksum);
    try {
      this.#drive.append(this.#file, bytes);
    } catch (cause) {
      await this.#pause();
      this.#drive.truncate(this.#file, this.#length); // what is written next must follow on this
      throw new SyncError("unavailable", "the batch could not be written", { cause });
    }
    await this.#pause();
    try {
      this.#drive.sync(this.#file);
    } catch (cause) {
      await this.#keepWritingAnew();
      throw new SyncError("unavailable", "the batch could not be synced", { cause });
    }
    await this.#pause();
    this.#demandClaim();
    this.#length += bytes.length;
    this.#checksum = checksum;
    this.#kept.keep(kept);
  }

  /** The latest journal that is whole; a term that was only claimed has none. */
  #read(terms: readonly number[], newEpoch: string): KeptWorld | undefined {
    for (const term of terms) {
      const [first, ...others] = decodeEntries(
        this.#drive.open(this.#nameOf(term))?.bytes ?? EMPTY,
      );
      if (first === undefined) continue;
      const isRestored = this.#drive.open(this.#mark) !== undefined;
      const kept = new KeptWorld(isRestored ? `${ledgerOf(first.epoch)}.${newEpoch}` : first.epoch);
      for (const entry of [first, ...others]) kept.keep(entry);
      return kept;
    }
    return undefined;
  }

  /** Nobody hears of what is in doubt until the disk works again. */
  async #keepWritingAnew(): Promise<void> {
    for (;;) {
      await this.#pause();
      this.#demandClaim();
      try {
        this.#writeAnew();
        return;
      } catch {
        continue;
      }
    }
  }

  #writeAnew(): void {
    const drive = this.#drive;
    const file = drive.create(`${this.#name}.tmp`);
    const { bytes, checksum } = encodeEntry(
      { ...this.#kept.toStored(this.#term), settled: [], forgotten: [] },
      FIRST_CHECKSUM,
    );
    drive.append(file, bytes);
    drive.sync(file);
    drive.rename(`${this.#name}.tmp`, this.#name);
    drive.syncNames();
    this.#file = file;
    this.#length = this.#basicLength = bytes.length;
    this.#checksum = checksum;
  }

  #demandClaim(): void {
    if (this.#terms()[0] !== this.#term) throw deposed();
  }

  /** Those that were ever claimed, as far as is known, the latest first. */
  #terms(): number[] {
    return this.#drive
      .list()
      .map((name) => /^(.*)\.(\d+)$/.exec(name))
      .filter((match) => match?.[1] === this.#world)
      .map((match) => Number(match?.[2]))
      .sort((a, b) => b - a);
  }

  #nameOf(term: number): string {
    return `${this.#world}.${term}`;
  }
}

const EMPTY = new Uint8Array();

function deposed(): SyncError {
  return new SyncError("deposed", "the world was opened by somebody else");
}
