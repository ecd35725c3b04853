import { performance } from "node:perf_hooks";

/** How often it is looked at who has not been heard of. */
export const TICK_MS = 250;
/** What passes between two ticks at most: a process that stood still has heard nobody meanwhile. */
const TICK_MAX_MS = 2 * TICK_MS;

/** Time, from outside: the real one, or that of a simulation. */
export interface Time {
  /** Milliseconds that never go back. */
  now(): number;
  /** Does something again and again, and keeps no process alive by that. Returns its undo. */
  every(ms: number, task: () => void): () => void;
}

const realTime: Time = {
  now: () => performance.now(),
  every: (ms, task) => {
    const timer = setInterval(task, ms).unref();
    return () => clearInterval(timer);
  },
};

/**
 * Milliseconds for which this process has run and could have heard its clients. Where it was stopped,
 * or busy, for a minute, less than a second has passed.
 */
export class AwakeClock {
  readonly #onTick: () => void;
  readonly #time: Time;
  #awakeMs = 0;
  #tickedAt = 0;
  #undo: (() => void) | undefined;

  constructor(onTick: () => void, time: Time = realTime) {
    this.#onTick = onTick;
    this.#time = time;
  }

  now(): number {
    return this.#awakeMs + this.#sinceTick();
  }

  start(): void {
    if (this.#undo !== undefined) return;
    this.#tickedAt = this.#time.now();
    this.#undo = this.#time.every(TICK_MS, () => this.#tick());
  }

  stop(): void {
    this.#awakeMs = this.now();
    this.#undo?.();
    this.#undo = undefined;
  }

  #tick(): void {
    this.#awakeMs += this.#sinceTick();
    this.#tickedAt = this.#time.now();
    this.#onTick();
  }

  #sinceTick(): number {
    if (this.#undo === undefined) return 0;
    return Math.min(this.#time.now() - this.#tickedAt, TICK_MAX_MS);
  }
}
