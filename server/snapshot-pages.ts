import type { Page } from "./views/source.ts";
import type { Position } from "./views/position.ts";

/** What is kept for the next who lacks the same. A session that stays behind makes ever new pages. */
const KEPT_BYTES_MAX = 2 * 1024 * 1024;

/** Of what pages are made. */
export interface Paged {
  readonly position: Position;
  readonly horizon: number;
  makePage(base: Position, from: number): Page;
}

/**
 * Pages of what sessions lack, shared by those who lack the same: a crowd that joins costs what one
 * costs. A page stays right while its source goes on, for what changes comes again in a later page;
 * only when the tombstone of something that it shows could be forgotten, it must go.
 */
export class SnapshotPages {
  readonly #source: Paged;
  readonly #pages = new Map<string, Page>();
  #keptBytes = 0;

  constructor(source: Paged) {
    this.#source = source;
  }

  /** The page of what happened after `base` that goes on where everything up to `from` was shown. */
  get(base: Position, from: number): Page {
    const key = `${String(base.version)}:${String(base.seq)}:${String(from)}`;
    const page = this.#pages.get(key);
    if (page !== undefined && page.madeAt >= this.#source.horizon && !this.#isOutrun(page)) {
      return page;
    }
    const made = this.#source.makePage(base, from);
    this.#keptBytes += made.delta.bytes.length - (page?.delta.bytes.length ?? 0);
    this.#pages.delete(key); // so that the newest comes last
    this.#pages.set(key, made);
    this.#dropOldest();
    return made;
  }

  /** Nobody is catching up. */
  clear(): void {
    if (this.#pages.size === 0) return; // to clear an empty Map takes a while, and most are
    this.#pages.clear();
    this.#keptBytes = 0;
  }

  /**
   * One that ended in a present which has passed is made again, to go as far as it can: also when
   * nothing of it has changed, for who is told of an earlier `seq` seems to lack what came since.
   */
  #isOutrun({ isWhole, madeAt, delta }: Page): boolean {
    const { version, seq } = this.#source.position;
    return isWhole && (version > madeAt || seq > delta.to);
  }

  #dropOldest(): void {
    for (const [key, { delta }] of this.#pages) {
      if (this.#keptBytes <= KEPT_BYTES_MAX) return;
      this.#pages.delete(key);
      this.#keptBytes -= delta.bytes.length;
    }
  }
}
