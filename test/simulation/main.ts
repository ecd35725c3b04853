import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { describe } from "./process.ts";
import { hasNeeds, needsNamed, type Need } from "./scenario.ts";
import { simulate, type Result } from "./simulation.ts";

/**
 * Runs seeds: `--seeds N` of them `--from S`, or one `--seed S` with all of its trace. Stops at the
 * first that fails. `--budget MS` stops earlier, when so much real time has gone. `--needs A,B` skips
 * seeds whose scenario lacks one of these. `--json` prints one line for other programs.
 */
interface Arguments {
  readonly seeds: number;
  readonly from: number;
  readonly budgetMs: number;
  readonly needs: readonly Need[];
  readonly isJson: boolean;
  readonly isPrinting: boolean;
}

/** Each so many seeds, one is run twice: it must do the same again. */
const TWICE_EVERY = 10;

const options = parse(process.argv.slice(2));
const startedAt = performance.now();
let uncaught: unknown;
process.on("unhandledRejection", (error) => (uncaught ??= error));
process.on("uncaughtException", (error) => (uncaught ??= error));

let writes = 0;
let commits = 0;
let checks = 0;
let runs = 0;
let hash = "";
const seen = new Map<string, number>();
let failed: Result | undefined;
for (let seed = options.from; runs < options.seeds; seed++) {
  if (performance.now() - startedAt > options.budgetMs) break;
  if (!hasNeeds(seed, options.needs)) continue;
  const result = await runSeed(seed);
  runs += 1;
  hash = createHash("sha256").update(hash).update(result.traceHash).digest("hex");
  writes += result.writes;
  commits += result.commits;
  checks += result.checks;
  for (const [what, times] of result.seen) seen.set(what, (seen.get(what) ?? 0) + times);
  if (result.violation === undefined) continue;
  failed = result;
  break;
}
report();

async function runSeed(seed: number): Promise<Result> {
  const result = await simulate(seed, options.isPrinting);
  if (uncaught !== undefined) {
    const message = `uncaught: ${describe(uncaught)}`;
    return { ...result, violation: { guarantee: "G20", message } };
  }
  if (seed % TWICE_EVERY !== 0 || result.violation !== undefined) return result;
  const again = await simulate(seed);
  if (again.traceHash === result.traceHash) return result;
  const message = `one run has the trace ${result.traceHash}, the other ${again.traceHash}`;
  return { ...result, violation: { guarantee: "G22", message } };
}

function report(): void {
  const seconds = (performance.now() - startedAt) / 1_000;
  if (options.isJson) {
    const { seed, violation, traceTail } = failed ?? {};
    const counts = { runs, writes, commits, checks, seen: Object.fromEntries(seen) };
    console.log(JSON.stringify({ ...counts, hash, seconds, seed, violation, traceTail }));
  } else {
    const rate = (runs / seconds).toFixed(1);
    console.log(
      `${runs} seeds, ${writes} writes, ${commits} commits, ${checks} checks in ${seconds.toFixed(1)} s (${rate} seeds/s)`,
    );
    console.log([...seen].map(([what, times]) => `${times} ${what}`).join(", "));
    if (failed !== undefined) console.log(describeFailure(failed));
  }
  process.exitCode = failed === undefined ? 0 : 1;
}

function describeFailure({ seed, violation, traceTail }: Result): string {
  return [
    ...(options.isPrinting ? [] : traceTail),
    "",
    `seed ${seed} violates ${String(violation?.guarantee)}: ${String(violation?.message)}`,
    `npm run simulate -- --seed ${seed}`,
  ].join("\n");
}

function parse(args: string[]): Arguments {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args,
    options: {
      ...{ seeds: text, seed: text, from: text, budget: text, needs: text },
      json: { type: "boolean" },
    },
  });
  const number = (name: "seeds" | "seed" | "from" | "budget", otherwise: number): number => {
    const value = values[name];
    if (value === undefined) return otherwise;
    if (!/^\d+$/.test(value)) throw new Error(`--${name} wants a number, not "${value}"`);
    return Number(value);
  };
  const isSingle = values.seed !== undefined;
  const isJson = values.json === true;
  return {
    seeds: isSingle ? 1 : number("seeds", 200),
    from: isSingle ? number("seed", 1) : number("from", 1),
    budgetMs: number("budget", Infinity),
    needs: needsNamed(values.needs ?? ""),
    isJson,
    isPrinting: isSingle && !isJson,
  };
}
