import { parseArgs } from "node:util";
import { fuzz, type FuzzReport } from "./fuzz.ts";
import { FAULTS, isFault } from "./planted-fault.ts";

/**
 * Attacks a server: `--minutes N`, by the seed `--seed S`. `--attack K` repeats the attack of this number,
 * and no other. `--fault F` plants one of planted-fault.ts in the server. `--json` prints the report as the
 * last line, for other programs.
 */
const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    attack: { type: "string" },
    fault: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});
const { fault } = values;
if (fault !== "" && !isFault(fault)) {
  throw new Error(`there is no fault ${fault}: there are ${Object.keys(FAULTS).join(", ")}`);
}
const seed = numberOf("seed", values.seed);
const minutes = numberOf("minutes", values.minutes);
const attack = values.attack === undefined ? undefined : numberOf("attack", values.attack);
console.log(`seed ${seed}, ${minutes} minutes`);
const startedAt = performance.now();
const log = (line: string): void => {
  console.log(`${((performance.now() - startedAt) / 1_000).toFixed(0)} s: ${line}`);
};
const report = await fuzz({ seed, durationMs: minutes * 60_000, attack, fault, log });
for (const line of told(report)) console.log(line);
if (values.json) console.log(JSON.stringify(report));
process.exit(report.problems.length === 0 ? 0 : 1);

function told({ problems, trace, attacks, accepted }: FuzzReport): string[] {
  const counts = Object.entries(attacks).map(([name, count]) => `${count} ${name}`);
  const calls = accepted.reduce((sum, one) => sum + one, 0);
  const summary = [counts.join(", "), `${calls} calls of honest clients were accepted`];
  if (problems.length === 0) return [...summary, "no crash, no stall, no growth, no leak"];
  return [
    ...summary,
    "What was sent last, with its attack, its length and its first bytes:",
    ...trace,
    ...problems,
    `npm run fuzz -- --seed ${seed} --minutes ${minutes}`,
    "The same attacks come in the same order; not at the same moments. One alone: --attack NUMBER",
  ];
}

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (text !== "" && Number.isFinite(number) && number >= 0) return number;
  throw new Error(`--${name} takes a number, not "${text}"`);
}
