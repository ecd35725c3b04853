/** At most 20 positions a second for each thing that moves. */
const writeEveryMs = 50;

interface Wish {
  x: number;
  y: number;
}

/**
 * Sends positions, sparingly. Every wish replaces the one before it, so what is sent is always the
 * newest place. While not connected nothing is sent at all: a walk of ten minutes offline is one
 * wish, and one write on the way back, instead of thousands that replay slowly through the outbox.
 * (Deeds, such as planting, are not positions: they are written at once, offline too.)
 */
export class PositionWriter {
  readonly #write: (id: string, x: number, y: number) => void;
  readonly #wishes = new Map<string, Wish>();
  readonly #writtenAt = new Map<string, number>();
  #writing = false;

  constructor(write: (id: string, x: number, y: number) => void) {
    this.#write = write;
  }

  /** True during a write of ours: what the store reports meanwhile is our own doing. */
  get writing(): boolean {
    return this.#writing;
  }

  get waiting(): number {
    return this.#wishes.size;
  }

  has(id: string): boolean {
    return this.#wishes.has(id);
  }

  want(id: string, x: number, y: number): void {
    const wish = this.#wishes.get(id);
    if (wish === undefined) this.#wishes.set(id, { x, y });
    else Object.assign(wish, { x, y });
  }

  forget(id: string): void {
    this.#wishes.delete(id);
    this.#writtenAt.delete(id);
  }

  /** Call once a frame. `current` tells what the store has, so that nothing is sent unchanged. */
  flush(now: number, online: boolean, current: (id: string) => Wish | undefined): void {
    if (!online) return;
    for (const [id, wish] of this.#wishes) {
      if (now - (this.#writtenAt.get(id) ?? -Infinity) < writeEveryMs) continue;
      this.#wishes.delete(id);
      const was = current(id);
      const x = Math.round(wish.x);
      const y = Math.round(wish.y);
      // Gone meanwhile: a position alone must not bring it back.
      if (was === undefined || (was.x === x && was.y === y)) continue;
      this.#writtenAt.set(id, now);
      this.#writing = true;
      try {
        this.#write(id, x, y);
      } finally {
        this.#writing = false;
      }
    }
  }
}
