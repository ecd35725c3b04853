import { SyncError } from "../lib/errors.ts";

/** When changes go out: at a fixed tick in milliseconds, or as soon as the machine keeps up. */
export type Flush = "auto" | number;

/** Of the time, at most one part in this many and one goes into flushing, when "auto". */
const AUTO_REST_FACTOR = 4;
/** However slow the machine is, changes wait no longer than this. */
const AUTO_INTERVAL_MAX_MS = 50;
const INTERVAL_MAX_MS = 60_000;

/** How long to wait after a flush that took `costMs` before the next one may start. */
export function flushIntervalMs(flush: Flush, costMs: number): number {
  return flush === "auto" ? Math.min(costMs * AUTO_REST_FACTOR, AUTO_INTERVAL_MAX_MS) : flush;
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
