/** `npm run bench`: see bench/README.md. */
import { parseOptions } from "./options.ts";
import { runRounds } from "./rounds.ts";
import { canPin } from "./stage.ts";
import { oneLine, tables } from "./tables.ts";

const options = parseOptions(process.argv.slice(2));
if (!canPin) console.log("There is no taskset here: the processes are not kept on a core each.");

const measurements = await runRounds(options, (measurement) => console.log(oneLine(measurement)));
console.log(tables(measurements));
