import type { Cursor } from "../../index.ts";

/** So many of a stamp's 53 bits say of which epoch it is. The rest counts commits: 2^38 of them. */
const TAGS = 2 ** 14;

/**
 * The protocol's stamps, as numbers that clients keep and send back: the world's own count of commits, so
 * that no clock matters, and of which epoch it is, so that a stamp from before a backup was put back is
 * known by it. One commit in two stamps is left free: see `after`.
 */
export class Stamps {
  readonly #epoch: string;
  readonly #tag: number;

  constructor(epoch: string) {
    this.#epoch = epoch;
    this.#tag = tagOf(epoch);
  }

  /** Of what this commit has written. */
  of(seq: number): number {
    return checked(seq * 2 * TAGS + this.#tag);
  }

  /** After this commit and before the next: nothing has this stamp. */
  after(seq: number): number {
    return checked((seq * 2 + 1) * TAGS + this.#tag);
  }

  /** What a client has that was given this stamp. One of another epoch leads to a cursor of no use. */
  cursor(stamp: number): Cursor {
    const isOurs = stamp % TAGS === this.#tag;
    return { epoch: isOurs ? this.#epoch : "", seq: Math.floor(stamp / (2 * TAGS)) };
  }
}

/** From 1 to the last tag: 0 is no stamp, it is what a client says that has none. */
function tagOf(epoch: string): number {
  let hash = 0x811c9dc5; // FNV-1a
  for (let i = 0; i < epoch.length; i++) {
    hash = Math.imul(hash ^ epoch.charCodeAt(i), 0x01000193) >>> 0;
  }
  return 1 + (hash % (TAGS - 1));
}

function checked(stamp: number): number {
  if (Number.isSafeInteger(stamp)) return stamp;
  throw new RangeError("this world has had more commits than a stamp can count");
}
