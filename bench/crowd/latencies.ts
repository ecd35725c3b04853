const BUCKET_MS = 0.1;
const BUCKETS = 50_000;

/** Counts latencies in buckets of a tenth of a millisecond; what exceeds 5 s counts as 5 s. */
export class Latencies {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  record(milliseconds: number): void {
    const bucket = Math.min(Math.max(Math.floor(milliseconds / BUCKET_MS), 0), BUCKETS - 1);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /** The latency that a share of all does not exceed, in milliseconds; 0 when there is none. */
  quantile(share: number): number {
    let left = this.#total * share;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      left -= this.#counts[bucket] ?? 0;
      if (left <= 0) return this.#total === 0 ? 0 : (bucket + 0.5) * BUCKET_MS;
    }
    return BUCKETS * BUCKET_MS;
  }
}
