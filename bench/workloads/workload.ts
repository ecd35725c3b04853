import type { ContestantName } from "../contestants/index.ts";
import type { Stage } from "../runner/stage.ts";

export type Mode = "full" | "short";

/** One figure of a measurement, as the report shows it. */
export interface Column {
  readonly key: string;
  readonly title: string;
  readonly digits: number;
}

export interface Outcome {
  readonly values: Readonly<Record<string, number>>;
  /** What was not as it should be; the report names it beside the figures. */
  readonly faults: readonly string[];
}

export interface Case {
  readonly name: string;
  /** In their order; the first is the one that the others are compared with. */
  readonly contestants: readonly ContestantName[];
  /** At most this many rounds; what takes long, or does not vary, needs fewer. */
  readonly roundsMax?: number;
  /** How long to wait for one measurement, if it is more than the usual two minutes. */
  readonly timeoutMs?: number;
  measure(open: () => Stage): Promise<Outcome>;
}

export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
  cases(mode: Mode): readonly Case[];
}
