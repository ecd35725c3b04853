/** `npm run crash -- [--rounds N]`: kills a server under load, N times (200): see test/integration/durable.test.ts. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureInstalled } from "./install.mjs";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "200" } } });
ensureInstalled();
const jest = join(import.meta.dirname, "..", "node_modules", "jest", "bin", "jest.js");
const { status } = spawnSync(
  process.execPath,
  ["--experimental-vm-modules", jest, "test/integration/durable", "-t", "kill -9"],
  { stdio: "inherit", env: { ...process.env, CRASH_ROUNDS: values.rounds } },
);
process.exitCode = status ?? 1;
