/** Allows `perSecondMax` on average, and twice as many in one burst. */
export class TokenBucket {
  readonly #perSecondMax: number;
  #tokens: number;
  #filledAt: number;

  constructor(perSecondMax: number, now: number) {
    this.#perSecondMax = perSecondMax;
    this.#tokens = perSecondMax * 2;
    this.#filledAt = now;
  }

  /** Takes tokens, or tells in how many milliseconds there will be enough. */
  take(count: number, now: number): number {
    const gained = ((now - this.#filledAt) / 1_000) * this.#perSecondMax;
    this.#tokens = Math.min(this.#perSecondMax * 2, this.#tokens + gained);
    this.#filledAt = now;
    if (this.#tokens < count)
      return Math.ceil(((count - this.#tokens) / this.#perSecondMax) * 1_000);
    this.#tokens -= count;
    return 0;
  }
}
