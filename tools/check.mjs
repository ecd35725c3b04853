/**
 * `npm run check [-- names]`: what is judged without running it; all of it, or what is named. Two
 * checks at a time. One that fails says why when it ends; one that passes has a line at most.
 */
import { spawn } from "node:child_process";
import { ensureInstalled } from "./install.mjs";

/** The scripts `check:...` of package.json, the slowest first. */
const checks = ["lint", "package", "types", "format", "walls", "unused", "size"];

ensureInstalled();

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !checks.includes(name));
if (unknown.length > 0) {
  console.error(`No such check: ${unknown.join(", ")}. There are: ${checks.join(", ")}`);
  process.exit(1);
}

const queue = asked.length > 0 ? asked : checks;
/** @type {string[]} */
const failed = [];
await Promise.all([worker(), worker()]);
if (failed.length > 0) {
  console.error(`\nFailed: ${failed.join(", ")}`);
  process.exitCode = 1;
}

async function worker() {
  for (let name = queue.shift(); name; name = queue.shift()) {
    const startedAt = Date.now();
    const { ok, output } = await run(name);
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
    console.log(`\n${ok ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
    if (output && (!ok || !output.includes("\n"))) console.log(output);
    if (!ok) failed.push(name);
  }
}

/**
 * @param {string} name
 * @returns {Promise<{ ok: boolean, output: string }>}
 */
function run(name) {
  return new Promise((resolve) => {
    const child = spawn("npm", ["run", "--silent", `check:${name}`], {
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32",
      env: { ...process.env, NO_COLOR: "1" },
    });
    let output = "";
    child.stdout.on("data", (chunk) => (output += String(chunk)));
    child.stderr.on("data", (chunk) => (output += String(chunk)));
    child.on("close", (code) => {
      resolve({ ok: code === 0, output: output.trim() });
    });
  });
}
