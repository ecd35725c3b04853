import { nanoid } from "nanoid";
import type { Environment } from "../lib/environment.ts";

/** What a timer takes, over three weeks: of anything longer it makes 1 ms. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/**
 * Real time and chance. Timers run only while the client wants to be connected, and then a process
 * does wait for them: a program whose server is away for a moment must not end in between.
 */
export const realEnvironment: Environment = {
  clock: { now: () => performance.now() },
  random: { fraction: () => Math.random(), id: () => nanoid() },
  scheduler: {
    after: (delayMs, task) => {
      const timer = setTimeout(task, Math.min(delayMs, TIMER_MAX_MS));
      return () => clearTimeout(timer);
    },
    // So that the writes of one turn of the event loop travel in one message, and at once.
    soon: (task) => queueMicrotask(task),
  },
};
