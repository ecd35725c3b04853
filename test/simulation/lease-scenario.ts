import type { SeededRandom } from "./random.ts";

/** What can befall one who has a lease or waits for one, or the server that gives it. */
export type LeaseFault =
  | "crash"
  | "halt"
  | "cut"
  | "block"
  | "disconnect"
  | "close"
  | "haltServer"
  | "crashServer"
  | "closeServer";

/** Workers that do something one at a time, by leases. */
export interface LeaseScenario {
  readonly workers: number;
  /** How many leases there are. */
  readonly names: number;
  readonly ttlsMs: readonly number[];
  /** How long they wait for one; undefined for as long as it takes. */
  readonly waitsMs: readonly (number | undefined)[];
  /** On average: how long they have a lease, pause between two, and wait before they write. */
  readonly holdMeanMs: number;
  readonly restMeanMs: number;
  readonly writeMeanMs: number;
  readonly faults: readonly LeaseFault[];
  readonly faultMeanMs: number;
  /** For how long somebody stands still or is cut off, on average. */
  readonly outageMeanMs: number;
  /** How often the server's application ends a lease, on average. */
  readonly endMeanMs: number;
  /** How often a worker writes what is another's, on average. */
  readonly meddleMeanMs: number;
  readonly pessimistChance: number;
}

const FAULTS: readonly LeaseFault[] = [
  "crash",
  "halt",
  "cut",
  "block",
  "disconnect",
  "close",
  "haltServer",
  "crashServer",
  "closeServer",
];

/** Undefined when nobody has leases, as in most worlds, and in those that bring things in disorder. */
export function leasesOf(random: SeededRandom, isHostile: boolean): LeaseScenario | undefined {
  if (!random.chance(0.15) || isHostile) return undefined;
  return {
    workers: 2 + random.below(3),
    names: 1 + random.below(2),
    ttlsMs: random.pick([[1_000], [1_000, 3_000], [2_000, 8_000]]),
    waitsMs: random.pick([[undefined], [undefined, 0, 700], [undefined, undefined, 3_000]]),
    holdMeanMs: random.pick([150, 700, 2_500]),
    restMeanMs: random.pick([30, 300, 1_200]),
    writeMeanMs: random.pick([20, 200]),
    faults: FAULTS.filter(() => random.chance(0.6)),
    faultMeanMs: random.pick([400, 1_500, 5_000]),
    outageMeanMs: random.pick([300, 1_500, 5_000]),
    endMeanMs: random.pick([1_000, 5_000, 1e9]),
    meddleMeanMs: random.pick([300, 1e9]),
    pessimistChance: random.pick([0, 0.3]),
  };
}
