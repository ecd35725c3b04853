import type { Random } from "../lib/environment.ts";
import type { ClientLimits } from "../lib/limits.ts";

/**
 * How long to wait before the next attempt: exponential, with full jitter, so that the clients of a
 * server that went down do not all come back at once.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export class RetryDelay {
  readonly #random: Random;
  readonly #limits: ClientLimits;
  #attempts = 0;

  constructor(random: Random, limits: ClientLimits) {
    this.#random = random;
    this.#limits = limits;
  }

  /** `atLeastMs` is what the server asked for. */
  nextMs(atLeastMs = 0): number {
    const { retryDelayMinMs, retryDelayMaxMs } = this.#limits;
    const ceilingMs = Math.min(retryDelayMaxMs, retryDelayMinMs * 2 ** this.#attempts);
    this.#attempts += 1;
    return atLeastMs + this.#random.fraction() * ceilingMs;
  }

  reset(): void {
    this.#attempts = 0;
  }
}
