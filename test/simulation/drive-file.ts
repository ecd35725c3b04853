import type { SeededRandom } from "./random.ts";

/** What is written at once, at best: a write of more can be torn between any two of these. */
const SECTOR_BYTES = 64;

/** What was done to a file and may not have reached the platter: bytes at a place, or a new length. */
type Change = { readonly offset: number; readonly bytes: Uint8Array } | { readonly length: number };

/** A file on a simulated drive. Whoever has it open keeps it, whatever becomes of its name. */
export class DriveFile {
  #bytes: Uint8Array;
  /** As it is on the platter. */
  #durable: Uint8Array;
  /** What was done since the last sync, in that order. */
  #unsynced: Change[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#durable = bytes;
  }

  /** As every process sees it. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get isUnsynced(): boolean {
    return this.#unsynced.length > 0;
  }

  change(change: Change): void {
    this.#bytes = changed(this.#bytes, change);
    this.#unsynced.push(change);
  }

  /** What processes see and what is on the platter are not the same afterwards if a sync has failed. */
  sync(): void {
    this.#durable = this.#unsynced.splice(0).reduce(changed, this.#durable);
  }

  /** Some of it reaches the platter; the rest never will, and is not known to be missing. */
  failSync(random: SeededRandom): void {
    for (const change of this.#unsynced.splice(0)) {
      if (random.chance(0.5)) this.#durable = changed(this.#durable, change);
    }
  }

  /** What was synced is left; of the rest nothing, all, a part, or sectors here and there. */
  losePower(random: SeededRandom): void {
    this.#durable = survivors(random, this.#durable, this.#unsynced.splice(0));
    this.#bytes = this.#durable;
  }
}

function survivors(
  random: SeededRandom,
  durable: Uint8Array,
  unsynced: readonly Change[],
): Uint8Array {
  switch (random.below(4)) {
    case 0:
      return durable;
    case 1:
      return unsynced.reduce(changed, durable);
    case 2:
      return upTo(random, durable, unsynced);
    default:
      return scattered(random, durable, unsynced);
  }
}

/** Written in order up to some byte, with anything in the rest of its sector. */
function upTo(random: SeededRandom, durable: Uint8Array, unsynced: readonly Change[]): Uint8Array {
  let left = random.below(unsynced.reduce((sum, change) => sum + sizeOf(change), 1));
  let content = durable;
  for (const change of unsynced) {
    const size = sizeOf(change);
    if (left < size && "bytes" in change) {
      const torn = change.bytes.slice();
      spoil(random, torn.subarray(left, left + SECTOR_BYTES));
      const length = random.chance(0.5) ? left : left + SECTOR_BYTES;
      return changed(content, { offset: change.offset, bytes: torn.subarray(0, length) });
    }
    left -= size;
    content = changed(content, change);
  }
  return content;
}

/** Each sector was written or not; in the place of one that was not there may be anything. */
function scattered(
  random: SeededRandom,
  durable: Uint8Array,
  unsynced: readonly Change[],
): Uint8Array {
  let content = durable;
  for (const change of unsynced.flatMap(sectorsOf)) {
    if (random.chance(0.6)) content = changed(content, change);
    else if ("bytes" in change && change.offset >= content.length && random.chance(0.5)) {
      const spoiled = change.bytes.slice();
      spoil(random, spoiled);
      content = changed(content, { offset: change.offset, bytes: spoiled });
    }
  }
  return content;
}

function spoil(random: SeededRandom, bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(256);
}

function changed(content: Uint8Array, change: Change): Uint8Array {
  if ("length" in change) return content.slice(0, change.length);
  const { offset, bytes } = change;
  const result = new Uint8Array(Math.max(content.length, offset + bytes.length));
  result.set(content);
  result.set(bytes, offset);
  return result;
}

function sizeOf(change: Change): number {
  return "bytes" in change ? change.bytes.length : 0;
}

function sectorsOf(change: Change): Change[] {
  if (!("bytes" in change)) return [change];
  const { offset, bytes } = change;
  return Array.from({ length: Math.ceil(bytes.length / SECTOR_BYTES) }, (_, i) => ({
    offset: offset + i * SECTOR_BYTES,
    bytes: bytes.subarray(i * SECTOR_BYTES, (i + 1) * SECTOR_BYTES),
  }));
}
