import { SyncError } from "../lib/errors.ts";

/** When changes go out: at a fixed tick in milliseconds, or as soon as the machine keeps up. */
export type Flush = "auto" | number;

/** Of the time, at most one part in this many and one goes into flushing, when "auto". */
const AUTO_REST_FACTOR = 4;
/** So cheap a flush saves nothing by waiting for more: who writes alone has its answer at once. */
const AUTO_CHEAP_MS = 0.1;
/**
 * What is more than cheap is for many clients, of whom many write: to wait saves nearly all of it. With
 * 100 players, 1.1 times the CPU of a tick of 50 ms at half its latency; a factor of 20 made it 1.3.
 */
const AUTO_DEAR_REST_FACTOR = 32;
/** However slow the machine is, changes wait no longer than this. */
const AUTO_INTERVAL_MAX_MS = 50;
const INTERVAL_MAX_MS = 60_000;

/** How long to wait after a flush that took `costMs` before the next one may start. */
export function flushIntervalMs(flush: Flush, costMs: number): number {
  if (flush !== "auto") return flush;
  const dearMs = Math.max(0, costMs - AUTO_CHEAP_MS);
  const restMs = (costMs - dearMs) * AUTO_REST_FACTOR + dearMs * AUTO_DEAR_REST_FACTOR;
  return Math.min(restMs, AUTO_INTERVAL_MAX_MS);
}

export function checkFlush(flush: unknown): Flush {
  if (flush === "auto") return flush;
  if (typeof flush === "number" && flush >= 0 && flush <= INTERVAL_MAX_MS) return flush;
  throw new SyncError(
    "bad_option",
    `flush must be "auto" or a number of milliseconds up to ${String(INTERVAL_MAX_MS)}`,
    { property: "flush" },
  );
}
