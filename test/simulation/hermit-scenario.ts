import type { SeededRandom } from "./random.ts";

/** Clients that are not live, keep some objects to themselves, and now and then forget everything. */
export interface HermitScenario {
  readonly hermits: number;
  /** How often each of them does something, on average. */
  readonly actionMeanMs: number;
  /** How often the server's application writes what goes one way only, on average. */
  readonly serverMeanMs: number;
  /** Every how many milliseconds they sync by themselves, when they do. */
  readonly autoMs: readonly number[];
  /** How likely what one does is to forget everything, or to crash. */
  readonly resetChance: number;
  readonly crashChance: number;
  /** How long their storage takes, at most. */
  readonly delayMaxMs: number;
}

/** Undefined when there are none, as in most worlds, and in those that bring things in disorder. */
export function hermitsOf(random: SeededRandom, isSuitable: boolean): HermitScenario | undefined {
  if (!random.chance(0.12) || !isSuitable) return undefined;
  return {
    hermits: 1 + random.below(2),
    actionMeanMs: random.pick([50, 200, 600]),
    serverMeanMs: random.pick([100, 500]),
    autoMs: random.pick([[100], [20, 700], [3_000]]),
    resetChance: random.pick([0, 0.03, 0.1]),
    crashChance: random.pick([0, 0.02, 0.08]),
    delayMaxMs: random.pick([0, 5, 300]),
  };
}
