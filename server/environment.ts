import { performance } from "node:perf_hooks";
import { nanoid } from "nanoid";
import type { Environment } from "../lib/environment.ts";

/** Real time and chance. */
export const realEnvironment: Environment = {
  clock: { now: () => performance.now() },
  random: { fraction: Math.random, id: () => nanoid() },
  scheduler: {
    after: (delayMs, task) => {
      const timer = setTimeout(task, delayMs).unref();
      return () => clearTimeout(timer);
    },
    // After the input that is waiting: writes that came together are decided together.
    soon: (task) => void setImmediate(task),
  },
};
