import type { VisitKind } from "../../client/explicit.ts";
import type { SeededRandom } from "./random.ts";

/** What ends a visit before it is over. */
export type Interruption = "cut" | "clientCrash" | "serverCrash" | "disconnect";

/** Clients that are not live, and how they go to their server and leave it again. */
export interface VisitScenario {
  /** How likely a client is one of them. */
  readonly explicitChance: number;
  readonly meanMs: number;
  /** What they come for: visits that are asked for at once, and done one after the other. */
  readonly plans: readonly (readonly VisitKind[])[];
  readonly interruptChance: number;
  readonly interruptions: readonly Interruption[];
  /** With which message, or access to what the client is kept in, at most. */
  readonly stepsMax: number;
}

const SYNCING: VisitScenario["plans"] = [["sync"], ["sync"], ["pull"]];
const PUSHING: VisitScenario["plans"] = [["pull", "push"], ["push"], ["push"], ["pull"]];
const RARE: VisitScenario["plans"] = [["register"], ["repair"], ["sync", "pull"]];

/** Undefined when everyone is live, as in most worlds. */
export function visitsOf(random: SeededRandom): VisitScenario | undefined {
  if (!random.chance(0.25)) return undefined;
  return {
    explicitChance: random.pick([0.4, 0.7, 1]),
    meanMs: random.pick([200, 800, 3_000]),
    plans: random.pick([
      SYNCING,
      [...PUSHING, ["sync"]],
      [...SYNCING, ...PUSHING, ...PUSHING, ...RARE],
    ]),
    interruptChance: random.pick([0, 0.3, 0.7]),
    interruptions: ["cut", "cut", ...(["clientCrash", "disconnect"] as const)].concat(
      random.chance(0.3) ? ["serverCrash"] : [],
    ) as readonly Interruption[],
    stepsMax: random.pick([3, 8, 20]),
  };
}
