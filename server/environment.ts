import { performance } from "node:perf_hooks";
import { nanoid } from "nanoid";
import type { Cancel, Environment } from "../lib/environment.ts";

/** What a timer takes: of anything longer it makes 1 ms. */
export const TIMER_MAX_MS = 2 ** 31 - 1;

/** The time of day, in milliseconds since 1970. */
export const timeOfDay = (): number => Date.now();

/** Real time and chance. */
export const realEnvironment: Environment = {
  clock: { now: () => performance.now() },
  random: { fraction: Math.random, id: () => nanoid() },
  scheduler: {
    after,
    // After the input that is waiting: writes that came together are decided together.
    soon: (task) => void setImmediate(task),
  },
};

function after(delayMs: number, task: () => void): Cancel {
  const restMs = delayMs - TIMER_MAX_MS;
  const next = (): void => void (cancel = after(restMs, task));
  const timer = setTimeout(restMs > 0 ? next : task, Math.min(delayMs, TIMER_MAX_MS)).unref();
  let cancel: Cancel = () => clearTimeout(timer);
  return () => cancel();
}
