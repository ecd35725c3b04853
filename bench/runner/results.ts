import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { contestantNames, loadContestant } from "../contestants/index.ts";
import { chart } from "./chart.ts";
import type { Measurement } from "./measurement.ts";
import type { RunOptions } from "./options.ts";
import { judge } from "./targets.ts";

/** What runs is in a folder of bench/.cache/. */
const bench = join(import.meta.dirname, "..", "..");
const resultsDir = join(bench, "results");

/** Writes everything that was measured as JSON, and the chart. Returns the files. */
export async function writeResults(
  options: RunOptions,
  isPinned: boolean,
  measurements: readonly Measurement[],
): Promise<string[]> {
  mkdirSync(resultsDir, { recursive: true });
  // What leaves something out does not take the place of what was complete.
  const isPartial = options.only.length + options.contestants.length > 0;
  const name = isPartial ? "partial" : options.mode;
  const json = join(resultsDir, `${name}.json`);
  const svg = join(resultsDir, `${name}.svg`);
  const report = {
    at: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model.trim(),
    isPinned,
    rounds: options.rounds,
    versions: await versions(),
    verdicts: judge(measurements, options.mode),
    measurements,
  };
  writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(svg, chart(measurements));
  return [json, svg];
}

/** Of every package that does the work of a contestant. */
async function versions(): Promise<Record<string, string>> {
  const contestants = await Promise.all(contestantNames.map(loadContestant));
  const packages = [...new Set(contestants.flatMap((contestant) => contestant.packages))];
  return Object.fromEntries(packages.map((name) => [name, versionOf(name)]));
}

function versionOf(name: string): string {
  const folders = [import.meta.dirname, bench].map((at) => join(at, "node_modules", name));
  const folder = folders.find(existsSync) ?? "";
  const parsed: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return (parsed as { version: string }).version;
}
