/** `npm test [-- jest's arguments]`: all tests. The last line counts them: see jest-reporter.mjs. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureInstalled } from "./install.mjs";

ensureInstalled();
const { bundleClient } = await import("./bundle.mjs");
const { findBrowser } = await import("./find-browser.mjs");
// Here, and not in a test: unpacking takes seconds, and two tests may want it at once.
await Promise.all([bundleClient(), findBrowser()]);

const root = join(import.meta.dirname, "..");
const { status } = spawnSync(
  process.execPath,
  [
    "--experimental-vm-modules",
    "--disable-warning=ExperimentalWarning",
    fileURLToPath(import.meta.resolve("jest/bin/jest")),
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: "inherit" },
);
process.exitCode = status ?? 1;
