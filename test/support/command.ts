import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
export const RUNNER = join(import.meta.dirname, "run-from-source.mjs");
export const COMMAND = join(root, "cli/main.ts");

/** For who runs it from source in another folder. */
export const FROM_SOURCE = { TS_NODE_PROJECT: join(root, "tsconfig.json") };

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `object-sync` with these arguments in a process of its own. */
export async function objectSync(args: readonly string[], input = ""): Promise<Ran> {
  const env = { ...process.env, NODE_OPTIONS: "", NODE_NO_WARNINGS: "1" };
  const child = spawn(process.execPath, [RUNNER, COMMAND, ...args], { cwd: root, env });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (said.stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (said.stderr += String(chunk)));
  child.stdin.end(input);
  await once(child, "close");
  return { code: child.exitCode, ...said };
}
