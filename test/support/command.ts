import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** The command as one file: many processes need not compile it from source, each anew. */
export const COMMAND = join(root, `.cache/test/object-sync-${process.pid}.mjs`);

/** To be called before the command is run in a test file. */
export function buildCommand(): void {
  const options = ["--bundle", "--platform=node", "--format=esm", "--packages=external"];
  const { status, stderr } = spawnSync(
    join(root, "node_modules/.bin/esbuild"),
    [join(root, "cli/main.ts"), `--outfile=${COMMAND}`, ...options],
    { encoding: "utf8", shell: process.platform === "win32" },
  );
  if (status !== 0) throw new Error(`the command cannot be built: ${stderr}`);
}

export function removeCommand(): void {
  rmSync(COMMAND, { force: true });
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `object-sync` with these arguments in a process of its own. */
export async function objectSync(args: readonly string[], input = ""): Promise<Ran> {
  const env = { ...process.env, NODE_OPTIONS: "", NODE_NO_WARNINGS: "1" };
  const child = spawn(process.execPath, [COMMAND, ...args], { cwd: root, env });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (said.stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (said.stderr += String(chunk)));
  child.stdin.end(input);
  await once(child, "close");
  return { code: child.exitCode, ...said };
}
