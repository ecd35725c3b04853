import { workloads } from "../workloads/index.ts";
import type { Column, Workload } from "../workloads/workload.ts";
import { figures, median, type Measurement } from "./measurement.ts";
import type { Verdict } from "./targets.ts";

/** What was just measured, while the rest is still to come. */
export function oneLine({ round, workload, case: name, contestant, values, faults }: Measurement) {
  const columns = workloads.find((one) => one.name === workload)?.columns ?? [];
  const shown = columns
    .filter(({ key }) => values[key] !== undefined)
    .map((column) => `${column.title} ${print(values[column.key], column)}`);
  const head = `${round}  ${workload}, ${name}: ${contestant}`;
  return [head, ...shown, ...faults.map((fault) => `! ${fault}`)].join("  ");
}

/** A table for each case: a row for each contestant, the median of its rounds. */
export function tables(measurements: readonly Measurement[]): string {
  return workloads.flatMap((workload) => tablesOf(workload, measurements)).join("\n");
}

/** The targets, each with what was measured. */
export function verdictTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ what, wanted, measured, isMet }) => [
    what,
    wanted,
    measured,
    isMet === undefined ? "not measured" : isMet ? "PASS" : "MISSED",
  ]);
  return `\nTargets\n${align([["", "wanted", "measured", ""], ...rows])}`;
}

function tablesOf(workload: Workload, measurements: readonly Measurement[]): string[] {
  const ofWorkload = measurements.filter((one) => one.workload === workload.name);
  const cases = [...new Set(ofWorkload.map((one) => one.case))];
  if (cases.length === 0) return [];
  return [
    `\n${workload.title}`,
    ...cases.map((name) =>
      tableOf(
        workload,
        name,
        ofWorkload.filter((one) => one.case === name),
      ),
    ),
  ];
}

function tableOf(workload: Workload, name: string, ofCase: readonly Measurement[]): string {
  const contestants = [...new Set(ofCase.map((one) => one.contestant))];
  const columns = workload.columns.filter(({ key }) =>
    ofCase.some(({ values }) => values[key] !== undefined),
  );
  const rows = contestants.map((contestant) => [
    contestant,
    ...columns.map((column) => {
      const wanted = { workload: workload.name, case: name, contestant };
      const values = figures(ofCase, wanted, column.key).map(({ value }) => value);
      return values.length === 0 ? "-" : print(median(values), column);
    }),
  ]);
  const faults = ofCase.flatMap(({ contestant, round, faults }) =>
    faults.map((fault) => `  ! ${contestant}, round ${round}: ${fault.split("\n")[0] ?? ""}`),
  );
  return [align([[name, ...columns.map(({ title }) => title)], ...rows]), ...faults].join("\n");
}

/** The first column to the left, the others to the right. */
function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  "),
    )
    .map((line) => `  ${line}`)
    .join("\n");
}

function print(value: number | undefined, { digits }: Column): string {
  if (value === undefined) return "-";
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
