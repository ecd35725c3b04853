/**
 * `npm run check [-- names]`: everything that is judged without running it: all checks, or the named
 * ones. Two at a time; what a check says is shown when it ends.
 */
import { spawn } from "node:child_process";
import { ensureInstalled } from "./install.mjs";

/** The slowest first. @type {Record<string, string>} */
const checks = {
  lint: "eslint . --max-warnings 0",
  package: "node tools/check-package.mjs",
  types: "tsc && tsc -p tsconfig.lib.json",
  format: "prettier --check .",
  walls: "depcruise lib server client demo test tools",
  unused: "knip",
  size: "node tools/check-size.mjs",
};

ensureInstalled();

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in checks));
if (unknown.length > 0) {
  console.error(
    `No such check: ${unknown.join(", ")}. There are: ${Object.keys(checks).join(", ")}`,
  );
  process.exit(1);
}

const queue = Object.entries(checks).filter(([name]) => asked.length === 0 || asked.includes(name));
/** @type {string[]} */
const failed = [];
await Promise.all([worker(), worker()]);
if (failed.length > 0) {
  console.error(`\nFailed: ${failed.join(", ")}`);
  process.exitCode = 1;
}

async function worker() {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const [name, command] = next;
    const startedAt = Date.now();
    const { ok, output } = await run(command);
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
    console.log(`\n${ok ? "ok    " : "FAILED"} ${name} (${seconds} s)  ${command}`);
    if (output.trim()) console.log(output.trimEnd());
    if (!ok) failed.push(name);
  }
}

/**
 * npm has put the installed tools on the PATH.
 * @param {string} command
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
function run(command) {
  return new Promise((resolve) => {
    const child = spawn(command, { stdio: ["ignore", "pipe", "pipe"], shell: true });
    let output = "";
    child.stdout.on("data", (chunk) => (output += String(chunk)));
    child.stderr.on("data", (chunk) => (output += String(chunk)));
    child.on("close", (code) => {
      resolve({ ok: code === 0, output });
    });
  });
}
