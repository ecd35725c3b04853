import { TokenBucket } from "../../../lib/index.ts";

const MINUTE_MS = 60_000;
const SECOND_MS = 1_000;

/** Counts attempts by name, and allows so many a minute on average; twice as many in one burst. */
export class Attempts {
  readonly #perMinuteMax: number;
  readonly #namesMax: number;
  /** Those of late last. */
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(perMinuteMax: number, namesMax: number) {
    this.#perMinuteMax = perMinuteMax;
    this.#namesMax = namesMax;
  }

  /** Counts an attempt, or tells in how many milliseconds there may be one. */
  take(name: string, now: number): number {
    // A bucket counts seconds: a minute passes for one.
    const slowNow = (now * SECOND_MS) / MINUTE_MS;
    const bucket = this.#buckets.get(name) ?? new TokenBucket(this.#perMinuteMax, slowNow);
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    for (const [oldest] of this.#buckets) {
      if (this.#buckets.size <= this.#namesMax) break;
      this.#buckets.delete(oldest);
    }
    return (bucket.take(1, slowNow) * MINUTE_MS) / SECOND_MS;
  }

  /** The attempt was a good one, and does not count. */
  giveBack(name: string): void {
    this.#buckets.get(name)?.giveBack(1);
  }
}
