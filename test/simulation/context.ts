import type { Limits } from "../../lib/limits.ts";
import type { Checks } from "./checks.ts";
import type { ConflictOracle } from "./conflict-oracle.ts";
import type { LeaseOracle } from "./lease-oracle.ts";
import type { Network } from "./network.ts";
import type { Posted } from "./posted.ts";
import type { OutboxWatch } from "./outbox-watch.ts";
import { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import type { ServerOracle } from "./server-oracle.ts";
import type { Sights } from "./sights.ts";
import type { StrictOracle } from "./strict-oracle.ts";
import type { Timeline } from "./timeline.ts";
import type { Trace } from "./trace.ts";

/** What all parts of one simulation share. */
export interface Context {
  readonly scenario: Scenario;
  readonly limits: Limits;
  readonly random: SeededRandom;
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly checks: Checks;
  readonly oracle: ServerOracle;
  readonly sights: Sights;
  readonly network: Network;
  /** There where conflicts are detected. */
  readonly conflicts: ConflictOracle | undefined;
  /** There where conflicts are detected, or clients are not live. */
  readonly outboxes: OutboxWatch | undefined;
  /** There where clients are not live. */
  readonly strict: StrictOracle | undefined;
  /** There where somebody has leases. */
  readonly leases: LeaseOracle | undefined;
  /** There where clients have objects that go one way only. */
  readonly posted: Posted | undefined;
  /** Nothing fails any more. */
  readonly isCalm: () => boolean;
}

export function newProcess(context: Context, name: string): SimProcess {
  const { timeline, random, checks, scenario } = context;
  return new SimProcess(name, timeline, random.fork(name), checks, scenario.readCostMs);
}

/** Does something over and over, at random times, for as long as it returns true. */
export function repeatedly(
  timeline: Timeline,
  random: SeededRandom,
  meanMs: number,
  task: () => boolean,
): void {
  timeline.after(random.exponential(meanMs), () => {
    if (task()) repeatedly(timeline, random, meanMs, task);
  });
}
