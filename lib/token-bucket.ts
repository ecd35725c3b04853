import { SyncError } from "./errors.ts";

/** Allows `perSecondMax` on average, and twice as many in one burst. */
export class TokenBucket {
  readonly #perSecondMax: number;
  /** In thousandths, so that whole milliseconds fill it by whole numbers, and nothing is rounded. */
  #milliTokens: number;
  #filledAt: number;

  /** Throws `bad_option` for a rate by which nothing, or anything, would be allowed. */
  constructor(perSecondMax: number, now: number) {
    if (!Number.isFinite(perSecondMax) || perSecondMax <= 0) {
      const message = `a rate must be a number above 0, not ${String(perSecondMax)}`;
      throw new SyncError("bad_option", message, { property: "perSecondMax" });
    }
    this.#perSecondMax = perSecondMax;
    this.#milliTokens = this.#fullMilliTokens;
    this.#filledAt = now;
  }

  /** Takes tokens, or tells in how many milliseconds there will be enough. */
  take(count: number, now: number): number {
    const gained = (now - this.#filledAt) * this.#perSecondMax;
    this.#milliTokens = Math.min(this.#fullMilliTokens, this.#milliTokens + gained);
    this.#filledAt = now;
    const lacking = count * 1_000 - this.#milliTokens;
    if (lacking > 0) return Math.ceil(lacking / this.#perSecondMax);
    this.#milliTokens -= count * 1_000;
    return 0;
  }

  /** Gives back what was taken for something that is not to count. */
  giveBack(count: number): void {
    this.#milliTokens = Math.min(this.#fullMilliTokens, this.#milliTokens + count * 1_000);
  }

  get #fullMilliTokens(): number {
    return this.#perSecondMax * 2_000;
  }
}
