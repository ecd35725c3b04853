/** `npm run bench`: see BENCHMARKS.md. */
import { relative } from "node:path";
import { parseOptions, type RunOptions } from "./options.ts";
import { writeResults } from "./results.ts";
import { runRounds } from "./rounds.ts";
import { canPin } from "./stage.ts";
import { oneLine, tables, verdictTable } from "./tables.ts";
import { judge } from "./targets.ts";

const options = optionsOrExit();
if (!canPin) console.log("There is no taskset here: the processes are not kept on a core each.");

const measurements = await runRounds(options, (measurement) => console.log(oneLine(measurement)));
const verdicts = judge(measurements);
console.log(tables(measurements));
console.log(verdictTable(verdicts));

const files = await writeResults(options, canPin, measurements, verdicts);
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
