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
/** How long a server with each of the planted faults is attacked; it ends when something is found. */
const CONTROL_MINUTES: Readonly<Record<Fault, number>> = {
  throw: 0.15,
  spin: 0.15, // what comes first does not count, as it is slow anyway
  grow: 0.15, // the heap is measured after each of some waves
  tell: 0.15,
  hold: 0.05, // looked for when all is over
};
/** Besides the minute: to begin, and for all that is left to be gone; so many times. */
const TEST_TIMEOUT_MS = 900_000;

/** A turn that is too long because of what else this machine does is not so long again: the server's own is. */
const TRIES = 3;

const root = join(import.meta.dirname, "..", "..");
const runner = join(root, "test", "support", "run-from-source.mjs");

/** How the problem begins that each of the planted faults must be. */
const FOUND_AS: Readonly<Record<Fault, string>> = {
  throw: "end: ",
  tell: "leak: ",
  grow: "growth: ",
  hold: "left behind: ",
  spin: "stall: ",
};

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
    const env = { ...process.env, NODE_OPTIONS: "" };
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

/** The same attacks again, when a turn was too long and nothing else was wrong. */
async function fuzzRepeatedly(): Promise<FuzzReport> {
  for (let attempt = 1; ; attempt++) {
    const report = await fuzz(MINUTES);
    const isStall = report.problems.every((problem) => problem.startsWith(FOUND_AS.spin));
    if (report.problems.length === 0 || !isStall || attempt === TRIES) return report;
    console.warn([...report.trace, ...report.problems].join("\n"));
  }
}

test(
  "a minute of garbage, over the socket and HTTP, does not end the server, stall it, make it grow or make it tell what is hidden; and who is honest gets along",
  async () => {
    const { problems, trace, attacks, accepted, heapsMiB, heardBytes } = await fuzzRepeatedly();
    if (problems.length > 0) throw new Error([...trace, ...problems].join("\n"));
    expect(ATTACKS.filter(({ name }) => attacks[name] === undefined)).toEqual([]);
    expect(Math.min(...accepted)).toBeGreaterThan(50);
    expect(heapsMiB.length).toBeGreaterThan(5);
    expect(heardBytes).toBeGreaterThan(1_000_000);
  },
  TEST_TIMEOUT_MS,
);

/** Two at a time, as each waits for half of its time; the one alone whose time is measured. */
const CONTROLS: readonly (readonly Fault[])[] = [["throw", "tell"], ["grow", "hold"], ["spin"]];

// A fuzzer that cannot fail proves nothing.
test.each(CONTROLS.map((faults) => [faults.join(" and "), faults] as const))(
  "negative control: the planted %s is found, as what it is",
  async (_names, faults) => {
    const reports = await Promise.all(faults.map((one) => fuzz(CONTROL_MINUTES[one], one)));
    for (const [i, { problems }] of reports.entries()) {
      const fault = faults[i] as Fault;
      const others = problems.filter((problem) => !problem.startsWith(FOUND_AS[fault]));
      expect([FAULTS[fault], others]).toEqual([FAULTS[fault], []]);
      expect([FAULTS[fault], problems.length > 0]).toEqual([FAULTS[fault], true]);
    }
  },
  TEST_TIMEOUT_MS,
);

test("each fault that can be planted is", () => {
  expect(CONTROLS.flat().sort()).toEqual(Object.keys(FAULTS).sort());
});

test("growth is what goes on: neither what comes at first, nor one odd measurement", () => {
  expect(growthBytes([10, 20, 20, 20, 20, 20, 20, 20, 20])).toBeLessThanOrEqual(0);
  expect(growthBytes([10, 10, 10, 10, 10, 10, 10, 10, 90])).toBeLessThanOrEqual(0);
  expect(growthBytes([10, 20, 30, 40, 50, 60, 70, 80, 90])).toBeGreaterThanOrEqual(49);
  expect(growthBytes([10, 90])).toBe(0);
});
