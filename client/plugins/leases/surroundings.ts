import { nanoid } from "nanoid";

/** Time and chance, from outside: the real ones, or those of a simulation. */
export interface Surroundings {
  readonly newId: () => string;
  /** Milliseconds that never go back. */
  readonly now: () => number;
  /** Does something again and again; as `after` it keeps no process alive, and returns its undo. */
  readonly every: (ms: number, task: () => void) => () => void;
  readonly after: (ms: number, task: () => void) => () => void;
}

/** What a timer takes: of anything longer it makes 1 ms. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export const realSurroundings: Surroundings = {
  newId: () => nanoid(),
  now: () => performance.now(),
  every: (ms, task) => {
    const timer = unreferenced(setInterval(task, Math.min(ms, TIMER_MAX_MS)));
    return () => clearInterval(timer);
  },
  after: (ms, task) => {
    const timer = unreferenced(setTimeout(task, Math.min(ms, TIMER_MAX_MS)));
    return () => clearTimeout(timer);
  },
};

/** In a page a timer is a number. */
function unreferenced(timer: unknown): number {
  (timer as { unref?: () => void }).unref?.();
  return timer as number;
}
