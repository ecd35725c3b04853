/** `npm run bench`: see BENCHMARKS.md. */
import { relative } from "node:path";
import type { Measurement } from "./measurement.ts";
import { parseOptions, type RunOptions } from "./options.ts";
import { writeResults } from "./results.ts";
import { runRound } from "./rounds.ts";
import { canPin } from "./stage.ts";
import { oneLine, tables, verdictTable } from "./tables.ts";
import { judge } from "./targets.ts";

const options = optionsOrExit();
if (!canPin) console.log("There is no taskset here: the processes are not kept on a core each.");

const measurements: Measurement[] = [];
const waitedFor = new Set<string>();
let files: string[] = [];
for (let round = 1; round <= options.rounds; round += 1) {
  for await (const measurement of runRound(options, round, waitedFor)) {
    measurements.push(measurement);
    console.log(oneLine(measurement));
  }
  // After each round: who ends it early has what there is so far.
  files = await writeResults({ ...options, rounds: round }, canPin, measurements);
}
console.log(tables(measurements));
console.log(verdictTable(judge(measurements, options.mode)));
console.log(`\nWritten: ${files.map((file) => relative(process.cwd(), file)).join(", ")}`);
// Some contestants leave timers behind when they are loaded.
process.exit();

function optionsOrExit(): RunOptions {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
