import { encodeDelta, type EncodedDelta } from "../lib/delta-codec.ts";
import type { World } from "../lib/world.ts";

const PAGES_MAX = 256;

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
    if (this.#pages.size >= PAGES_MAX) this.#pages.clear();
    this.#pages.set(key, made);
    return made;
  }

  /** Nobody is catching up. */
  clear(): void {
    this.#pages.clear();
  }
}

function isOutrun({ delta, madeAt }: Page, world: World): boolean {
  return delta.to === madeAt && world.seq > madeAt;
}
