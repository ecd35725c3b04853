import type { Random } from "../lib/environment.ts";
import type { ClientLimits } from "../lib/limits.ts";

/**
 * How long to wait for the next attempt after so many in a row: exponential, with full jitter, so
 * that the clients of a server that went down do not all come back at once.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function retryDelayMs(
  attempts: number,
  { retryDelayMinMs, retryDelayMaxMs }: ClientLimits,
  random: Random,
): number {
  return random.fraction() * Math.min(retryDelayMaxMs, retryDelayMinMs * 2 ** attempts);
}
