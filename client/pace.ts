// Of what the server allows: messages that it gets in a bunch after a delay must not be too many.
const SHARE = 0.8;

/** Keeps what is sent below a number a second on average, and below twice as many in one burst. */
export class Pace {
  readonly #perMs: number;
  readonly #burst: number;
  #level = 0;
  #drainedAt: number;

  constructor(perSecondMax: number, now: number) {
    this.#perMs = (perSecondMax * SHARE) / 1_000;
    this.#burst = perSecondMax * 2 * SHARE;
    this.#drainedAt = now;
  }

  /** How long to wait before anything more is sent. */
  waitMs(now: number): number {
    this.#level = Math.max(0, this.#level - (now - this.#drainedAt) * this.#perMs);
    this.#drainedAt = now;
    const excess = this.#level + 1 - this.#burst;
    return excess <= 0 ? 0 : Math.ceil(excess / this.#perMs);
  }

  spend(count: number): void {
    this.#level += count;
  }
}
