import type { Environment } from "../../lib/environment.ts";
import type { Checks } from "./checks.ts";
import type { SeededRandom } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** Whoever does only what it has put off, so often, will never be done. */
const ROUNDS_MAX = 1_000;

/**
 * One operating system process: a clock of its own, timers that end with it, and ids that nobody
 * else draws.
 */
export class SimProcess {
  readonly name: string;
  readonly environment: Environment;
  /** By the same clock, and so as much ahead of the others as its code has taken time. */
  readonly timeOfDay: () => number;
  /** The id that was drawn last. */
  lastId = "";
  readonly #checks: Checks;
  readonly #timeline: Timeline;
  #isAlive = true;
  /** What is to be done once it runs again; undefined while it runs. */
  #waiting: (() => void)[] | undefined;
  #hasRun = false;
  /** How often, one after the other, it did what was only put off to the end of a turn. */
  #rounds = 0;

  /** `readCostMs`: how much time passes, at most, whenever the clock is read: code is not free. */
  constructor(
    name: string,
    timeline: Timeline,
    random: SeededRandom,
    checks: Checks,
    readCostMs: number,
  ) {
    this.name = name;
    this.#checks = checks;
    this.#timeline = timeline;
    const bootedAt = random.between(0, 1e9);
    let elapsed = 0;
    let soonAt = 0;
    let ids = 0;
    const now = (): number => {
      elapsed = Math.max(elapsed, timeline.now) + random.fraction() * readCostMs;
      return bootedAt + elapsed;
    };
    const after = (delayMs: number, task: () => void): (() => void) => {
      const ahead = Math.max(0, elapsed - timeline.now);
      return timeline.after(ahead + delayMs, () => this.run(task));
    };
    this.timeOfDay = () => Math.max(elapsed, timeline.now);
    this.environment = {
      clock: { now },
      random: {
        fraction: () => random.fraction(),
        id: () => {
          ids += 1;
          this.lastId = `${name}-${random.below(2 ** 30).toString(36)}-${ids}`.padEnd(8, "x");
          return this.lastId;
        },
      },
      scheduler: {
        after,
        // In the order in which they were asked for, as the event loop does it.
        soon: (task) => {
          soonAt = Math.max(
            soonAt,
            timeline.now + (random.chance(0.3) ? random.fraction() * 2 : 0),
          );
          timeline.at(soonAt, () => this.#runSoon(task));
        },
      },
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Whether any of its code has run since this was last asked. */
  takeHasRun(): boolean {
    const hasRun = this.#hasRun;
    this.#hasRun = false;
    return hasRun;
  }

  /** All code of the process starts here: none does when it is dead, and what it throws is a fault. */
  run(task: () => void): void {
    if (!this.#isAlive) return;
    if (this.#waiting !== undefined) {
      this.#waiting.push(task);
      return;
    }
    this.#hasRun = true;
    this.#rounds = 0;
    try {
      task();
    } catch (error) {
      this.#checks.fail("G20", `${this.name} threw ${describe(error)}`);
    }
  }

  /** What has put off something to the end of its turn puts off nothing for ever. */
  #runSoon(task: () => void): void {
    const rounds = this.#rounds + 1;
    this.run(task);
    this.#rounds = rounds;
    if (rounds === ROUNDS_MAX) this.#checks.fail("G21", `${this.name} goes round without end`);
  }

  get isHalted(): boolean {
    return this.#waiting !== undefined;
  }

  /** It stands still, as one that gets no time or is stopped: all that comes meanwhile waits. */
  halt(forMs: number): void {
    if (this.#waiting !== undefined) return;
    const waiting: (() => void)[] = [];
    this.#waiting = waiting;
    this.#timeline.after(forMs, () => {
      if (this.#waiting === waiting) this.wake();
    });
  }

  /** It goes on with all that has come, one after the other. */
  wake(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const task of waiting) this.#timeline.after(0, () => this.run(task));
  }

  kill(): void {
    this.#isAlive = false;
  }
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by ${describe(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
