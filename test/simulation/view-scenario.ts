import type { SeededRandom } from "./random.ts";

/** What clients ask to be shown, and what they may see. */
export interface ViewScenario {
  /** How likely a client is to ask for a part only. */
  readonly partialChance: number;
  /** How often such a client changes what it asks for, on average. */
  readonly turnMeanMs: number;
  readonly subscriptionsPerSecondMax: number;
  /** How often objects are changed so that they come into view or leave it, on average. */
  readonly stirMeanMs: number;
  /** How often an object comes and goes several times in a moment, on average. */
  readonly flutterMeanMs: number;
  /** Undefined when every client is on its own. */
  readonly crowd: CrowdScenario | undefined;
  /** Undefined when everyone may see and do everything. */
  readonly rules: RuleScenario | undefined;
}

/** Clients of one user that come together, and ask for the same. */
interface CrowdScenario {
  /** How many there are, besides all others. They hardly write. */
  readonly clients: number;
  /** How often they do something together, on average. */
  readonly meanMs: number;
}

export interface RuleScenario {
  /** By namespace, or "*" for all others: who may read an object. */
  readonly objects: Readonly<Record<string, Readers>>;
  /** By name: who may read a property, of whichever of these objects. */
  readonly properties: Readonly<Record<string, Readers>>;
  /** Whether it depends on who writes, and on the object, what may be written. */
  readonly areWritesJudged: boolean;
  /** How often the gate of a team is opened or closed, on average. */
  readonly gateMeanMs: number;
  /** Whether somebody tries out what it may not have. */
  readonly isProbed: boolean;
}

/**
 * Everybody; the team that an object's number says, or everybody if it has none; one team; those whose
 * gate is open, which no object tells; nobody.
 */
export type Readers = "all" | "owners" | "team" | "gate" | "nobody";

export const NEVER_MS = 1e9;

/** The others are streams of their own: each draw from the first one decides what all seeds do. */
export function viewsOf(
  random: SeededRandom,
  crowds: SeededRandom,
  deciders: SeededRandom,
): ViewScenario | undefined {
  if (!random.chance(0.35)) return undefined;
  const rules = random.chance(0.65) ? withDeciders(rulesOf(random), deciders) : undefined;
  return {
    partialChance: rules === undefined ? 0.8 : random.pick([0, 0.5, 0.8]),
    turnMeanMs: random.pick([200, 1_000, 4_000]),
    subscriptionsPerSecondMax: random.pick([2, 50]),
    stirMeanMs: random.pick([20, 150, NEVER_MS]),
    flutterMeanMs: crowds.pick([150, 800, NEVER_MS]),
    crowd: crowds.chance(0.4) ? crowdOf(crowds) : undefined,
    rules,
  };
}

function crowdOf(crowds: SeededRandom): CrowdScenario {
  return { clients: 2 + crowds.below(2), meanMs: crowds.pick([700, 4_000]) };
}

function rulesOf(random: SeededRandom): RuleScenario {
  const readers: readonly Readers[] = ["all", "owners", "owners", "team", "gate", "gate", "nobody"];
  const ofObjects = (): Readers => random.pick(readers);
  // Else hardly anything is left of which it could be told.
  const ofProperty = (): Readers => (random.chance(0.5) ? "all" : random.pick(readers));
  const objects = { "*": ofObjects(), seed: ofObjects(), shared: ofObjects(), ext: ofObjects() };
  const properties = { b: ofProperty(), c: ofProperty(), s: ofProperty() };
  return {
    objects,
    properties,
    areWritesJudged: random.chance(0.5),
    gateMeanMs: random.pick([500, 3_000]),
    isProbed: random.chance(0.3),
  };
}

/** What decides who sees an object, or in which channel it is, may itself be hidden from those who do. */
function withDeciders(rules: RuleScenario, random: SeededRandom): RuleScenario {
  if (!random.chance(0.3)) return rules;
  const properties = { ...rules.properties, [random.pick(["a", "a", "d"])]: "nobody" as const };
  if (!random.chance(0.7)) return { ...rules, properties };
  // So that it decides of some, and everybody sees enough to write about.
  const objects = { ...rules.objects, "*": "owners", shared: "owners" } as const;
  return { ...rules, objects, properties };
}

export function readersIn(rules: RuleScenario | undefined): readonly Readers[] {
  return [...Object.values(rules?.objects ?? {}), ...Object.values(rules?.properties ?? {})];
}
