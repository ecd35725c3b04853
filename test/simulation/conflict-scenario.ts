import type { References } from "../../lib/references.ts";
import type { Conflicts } from "../../server/conflicts.ts";
import type { SeededRandom } from "./random.ts";

/** Where it is detected that others have written the same, and what clients make of it. */
export interface ConflictScenario {
  readonly modes: Conflicts;
  readonly references: References;
  /** How the applications of users decide; those without a style have no `onConflict`. */
  readonly styles: readonly (ConflictStyle | undefined)[];
  /** How long an application takes to decide, where it does not do it at once. */
  readonly answerMeanMs: number;
  /** How likely it is to take as long as there is trouble. */
  readonly neverChance: number;
  readonly failChance: number;
  /** How often a client adds to one of the tallies, on average. */
  readonly tallyMeanMs: number;
}

/**
 * The own write holds; the others' does; numbers are added up; what is destroyed stays; the object is
 * destroyed; two objects of one id both stay; something else is written; by turns.
 */
export type ConflictStyle =
  "local" | "remote" | "merge" | "keepAlive" | "destroy" | "both" | "other" | "turns";

const STYLES: readonly ConflictStyle[] = [
  "local",
  "remote",
  "merge",
  "keepAlive",
  "destroy",
  "both",
  "other",
  "turns",
];
/** The namespaces of which it may be detected; the bank must stay whole, and is none of them. */
const NAMESPACES = ["shared", "seed", "ext", "db"];

/** Undefined when each property is as the last write has it, as in most worlds. */
export function conflictsOf(random: SeededRandom): ConflictScenario | undefined {
  if (!random.chance(0.3)) return undefined;
  const isBare = random.chance(0.1);
  const named = NAMESPACES.filter(() => random.chance(0.6));
  const modes = Object.fromEntries([...named, "tally"].map((name) => [name, "detect"] as const));
  const styles = isBare
    ? [undefined]
    : [random.pick(STYLES), random.pick(STYLES), random.chance(0.2) ? undefined : "merge"];
  return {
    modes: isBare ? "detect" : modes,
    references: random.chance(0.5) ? { shared: ["ref"], seed: ["ref", "refs"] } : {},
    styles: styles as readonly (ConflictStyle | undefined)[],
    answerMeanMs: random.pick([0, 30, 1_000, 6_000]),
    neverChance: random.pick([0, 0, 0.1]),
    failChance: random.pick([0, 0, 0.1]),
    tallyMeanMs: random.pick([100, 400]),
  };
}
