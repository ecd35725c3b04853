import { SyncError } from "../lib/errors.ts";

/** When changes go out: at a fixed tick in milliseconds, or as soon as the machine keeps up. */
export type Flush = "auto" | number;

/** Of the time, at most one part in this many and one goes into flushing to few, when "auto". */
const AUTO_REST_FACTOR = 4;
/**
 * To so few clients a flush saves little by waiting for more. It is their number and not the time it
 * took that says so: on a slow machine the few would otherwise wait as the many do.
 */
const AUTO_FEW_CLIENTS = 20;
/**
 * To each client beyond, waiting saves nearly all that is sent. With 100 players, 1.04 times the CPU of a
 * tick of 50 ms at a third of its latency; a factor of 20 made it 1.3.
 */
const AUTO_MANY_REST_FACTOR = 32;
/** However slow the machine is, changes wait no longer than this. */
const AUTO_INTERVAL_MAX_MS = 50;
const INTERVAL_MAX_MS = 60_000;

/** How long to wait after a flush to `clients` that took `costMs` before the next one may start. */
export function flushIntervalMs(flush: Flush, costMs: number, clients: number): number {
  if (flush !== "auto") return flush;
  const fewMs = costMs * Math.min(1, AUTO_FEW_CLIENTS / clients);
  const restMs = fewMs * AUTO_REST_FACTOR + (costMs - fewMs) * AUTO_MANY_REST_FACTOR;
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
