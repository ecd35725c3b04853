/** Milliseconds that never go back. Not the time of day: nothing here depends on that. */
export interface Clock {
  now(): number;
}

export interface Random {
  /** At least 0, below 1. */
  fraction(): number;
  /** A new id that nobody else will draw. */
  id(): string;
}

export type Cancel = () => void;

export interface Scheduler {
  /** Runs `task` after at least `delayMs`, once. It never keeps a process alive by itself. */
  after(delayMs: number, task: () => void): Cancel;
  /** Runs `task` as soon as what is under way has returned, and input that is waiting was read. */
  soon(task: () => void): void;
}

/** The one way in which time and chance come in: real outside, simulated in the tests. */
export interface Environment {
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
}
