/** `npm run simulate -- [--seeds N] [--from S] [--seed S]`: see test/simulation/main.ts. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureInstalled } from "./install.mjs";

ensureInstalled();
const { bundleSimulation } = await import("./bundle-simulation.mjs");

const outfile = join(import.meta.dirname, "..", ".cache", "simulation.mjs");
await bundleSimulation(outfile);
const { status } = spawnSync(
  process.execPath,
  ["--enable-source-maps", outfile, ...process.argv.slice(2)],
  { stdio: "inherit" },
);
process.exitCode = status ?? 1;
