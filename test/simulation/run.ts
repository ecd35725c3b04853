import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { bundleSimulation, type Patch } from "../../tools/bundle-simulation.mjs";
import type { Violation } from "./checks.ts";

/** What `main.ts --json` prints. */
export interface Report {
  readonly runs: number;
  readonly writes: number;
  readonly commits: number;
  readonly checks: number;
  /** What happened, and how often. */
  readonly seen: Readonly<Record<string, number>>;
  /** Of all that happened in all runs. */
  readonly hash: string;
  readonly seconds: number;
  /** The seed that failed, if one did, with what it violates. */
  readonly seed?: number;
  readonly violation?: Violation;
  readonly traceTail?: readonly string[];
}

const CACHE = join(import.meta.dirname, "..", "..", ".cache");

/** Bundles the simulation, with patches if given, under this name. Resolves with the file. */
export async function prepare(name: string, patches: readonly Patch[] = []): Promise<string> {
  const file = join(CACHE, `simulation-${name}.mjs`);
  await mkdir(CACHE, { recursive: true });
  await bundleSimulation(file, patches);
  return file;
}

/** Runs a bundled simulation in a process of its own, where what nobody catches is noticed. */
export async function runSeeds(file: string, args: readonly string[]): Promise<Report> {
  const output = await new Promise<string>((resolve, reject) => {
    const options = { maxBuffer: 2 ** 26 };
    const flags = ["--enable-source-maps", file, ...args, "--json"];
    execFile(process.execPath, flags, options, (error, stdout, stderr) => {
      if (stdout === "")
        reject(new Error(`the simulation ended without a word: ${stderr}`, { cause: error }));
      else resolve(stdout);
    });
  });
  return JSON.parse(output) as Report;
}
