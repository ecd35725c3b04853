import type { ContestantName } from "../contestants/index.ts";
import type { Outcome } from "../workloads/workload.ts";

/** One contestant, in one case of one workload, in one round. */
export interface Measurement extends Outcome {
  readonly workload: string;
  readonly case: string;
  readonly contestant: ContestantName;
  readonly round: number;
}

/** The figures of one contestant in one case, in the order of the rounds. */
export function figures(
  measurements: readonly Measurement[],
  wanted: { workload: string; case: string; contestant: ContestantName },
  key: string,
): { round: number; value: number }[] {
  return measurements
    .filter(
      (one) =>
        one.workload === wanted.workload &&
        one.case === wanted.case &&
        one.contestant === wanted.contestant,
    )
    .flatMap(({ round, values }) => {
      const value = values[key];
      return value === undefined || !Number.isFinite(value) ? [] : [{ round, value }];
    });
}

/** NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
