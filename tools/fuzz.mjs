/** `npm run fuzz -- [--minutes N] [--seed S]`: attacks a server at random, see test/fuzz/main.ts. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled } from "./install.mjs";

ensureInstalled();
const root = join(import.meta.dirname, "..");
const runner = join(root, "test", "support", "run-from-source.mjs");
const { status } = spawnSync(
  process.execPath,
  [runner, join(root, "test", "fuzz", "main.ts"), ...process.argv.slice(2)],
  { cwd: root, stdio: "inherit" },
);
process.exitCode = status ?? 1;
