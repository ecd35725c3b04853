import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { ATTACKS } from "./attacks/index.ts";
import type { FuzzReport } from "./fuzz.ts";
import { FAULTS, type Fault } from "./planted-fault.ts";
import { growthBytes } from "./verdict.ts";

/** Longer: `npm run fuzz -- --minutes N --seed S`. */
const MINUTES = 1;
const SEED = 1;
const CONTROL_MINUTES = 0.15;
/** Besides the minute: to begin, and for all that is left to be gone. */
const TEST_TIMEOUT_MS = 330_000;
/** Other tests run on the same cores, so only what is far too long counts; `npm run fuzz` asks for 100 ms. */
const STALL_MS_BESIDE_OTHERS = 500;

const root = join(import.meta.dirname, "..", "..");
const runner = join(root, "test", "support", "run-from-source.mjs");

/** In a process of its own, as `npm run fuzz` does it. */
async function fuzz(minutes: number, fault = ""): Promise<FuzzReport> {
  const options = [
    "--minutes",
    String(minutes),
    "--seed",
    String(SEED),
    "--fault",
    fault,
    "--json",
  ];
  const output = await new Promise<string>((resolve, reject) => {
    const args = [runner, join(root, "test", "fuzz", "main.ts"), ...options];
    const env = {
      ...process.env,
      NODE_OPTIONS: "",
      ...(fault === "" && { FUZZ_STALL_MS: String(STALL_MS_BESIDE_OTHERS) }),
    };
    execFile(
      process.execPath,
      args,
      { cwd: root, env, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        const last = stdout.trimEnd().split("\n").at(-1) ?? "";
        if (last.startsWith("{")) resolve(last);
        else reject(new Error(`the fuzzer has failed: ${stdout}${stderr}`, { cause: error }));
      },
    );
  });
  return JSON.parse(output) as FuzzReport;
}

test(
  "a minute of garbage, over the socket and HTTP, does not end the server, stall it, make it grow or make it tell what is hidden; and who is honest gets along",
  async () => {
    const { problems, trace, attacks, accepted, heapsMiB, heardBytes } = await fuzz(MINUTES);
    if (problems.length > 0) throw new Error([...trace, ...problems].join("\n"));
    expect(ATTACKS.filter(({ name }) => attacks[name] === undefined)).toEqual([]);
    expect(Math.min(...accepted)).toBeGreaterThan(50);
    expect(heapsMiB.length).toBeGreaterThan(5);
    expect(heardBytes).toBeGreaterThan(1_000_000);
  },
  TEST_TIMEOUT_MS,
);

/** How the problem begins that each of the planted faults must be. */
const FOUND_AS: Readonly<Record<Fault, string>> = {
  throw: "end: ",
  spin: "stall: ",
  grow: "growth: ",
  tell: "leak: ",
  hold: "left behind: ",
};

// A fuzzer that cannot fail proves nothing.
test.each(Object.entries(FOUND_AS))(
  "negative control: the fault %s is found, as %s",
  async (fault, found) => {
    const { problems } = await fuzz(CONTROL_MINUTES, fault);
    const others = problems.filter((problem) => !problem.startsWith(found));
    expect([FAULTS[fault as Fault], others]).toEqual([FAULTS[fault as Fault], []]);
    expect(problems.length).toBeGreaterThan(0);
  },
  TEST_TIMEOUT_MS,
);

test("growth is what goes on: neither what comes at first, nor one odd measurement", () => {
  expect(growthBytes([10, 20, 20, 20, 20, 20, 20, 20, 20])).toBeLessThanOrEqual(0);
  expect(growthBytes([10, 10, 10, 10, 10, 10, 10, 10, 90])).toBeLessThanOrEqual(0);
  expect(growthBytes([10, 20, 30, 40, 50, 60, 70, 80, 90])).toBeGreaterThanOrEqual(49);
  expect(growthBytes([10, 90])).toBe(0);
});
