import { encodeDelta, type EncodedDelta } from "../lib/delta-codec.ts";
import type { World } from "../lib/world.ts";

/** What is kept for the next who lacks the same. A session that stays behind makes ever new pages. */
const KEPT_BYTES_MAX = 2 * 1024 * 1024;

export interface Page {
  readonly delta: EncodedDelta;
  /** The world's `seq` when the page was made. */
  readonly madeAt: number;
}

/**
 * Pages of what sessions lack, shared by those who lack the same: a crowd that joins costs what one
 * costs. A page stays right while the world goes on, for what changes comes again in a later page;
 * only when the tombstone of something that it shows could be forgotten, it must go.
 */
export class SnapshotPages {
  readonly #pages = new Map<string, Page>();
  readonly #pageBytes: number;
  #keptBytes = 0;

  constructor(pageBytes: number) {
    this.#pageBytes = pageBytes;
  }

  /** The page of what happened after `base` that goes on where everything up to `from` was sent. */
  get(world: World, base: number, from: number): Page {
    const key = `${String(base)}:${String(from)}`;
    const page = this.#pages.get(key);
    // A page that ended in a present which has passed is made again, to go as far as it can.
    if (page !== undefined && page.madeAt >= world.horizon && !isOutrun(page, world)) {
      return page;
    }
    const delta = encodeDelta(world.since(base, { from, bytesMax: this.#pageBytes }));
    const made = { delta, madeAt: world.seq };
    this.#keptBytes += delta.bytes.length - (page?.delta.bytes.length ?? 0);
    this.#pages.delete(key); // so that the newest comes last
    this.#pages.set(key, made);
    this.#dropOldest();
    return made;
  }

  #dropOldest(): void {
    for (const [key, { delta }] of this.#pages) {
      if (this.#keptBytes <= KEPT_BYTES_MAX) return;
      this.#pages.delete(key);
      this.#keptBytes -= delta.bytes.length;
    }
  }

  /** Nobody is catching up. */
  clear(): void {
    this.#pages.clear();
    this.#keptBytes = 0;
  }
}

function isOutrun({ delta, madeAt }: Page, world: World): boolean {
  return delta.to === madeAt && world.seq > madeAt;
}
