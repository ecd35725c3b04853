import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Runs before anything is installed: only what Node itself has may be imported here.

const root = join(import.meta.dirname, "..");
const stampFile = join(root, "node_modules", ".installed-for");

/** Installs the dependencies when they are missing, or when other ones are wanted since. */
export function ensureInstalled() {
  const wanted = fingerprint();
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === wanted) return;

  console.log("Installing dependencies (once) ...");
  // Not by NODE_ENV: also what runs in production is built here, from source.
  const options = ["--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status } = spawnSync("npm", ["ci", ...options], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (status !== 0) {
    console.error("Installing the dependencies failed; see npm's message above.");
    process.exit(1);
  }
  writeFileSync(stampFile, wanted);
}

function fingerprint() {
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  /** @type {unknown} */
  const parsed = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const { dependencies, devDependencies, overrides } = /** @type {Record<string, unknown>} */ (
    parsed
  );
  const wanted = JSON.stringify([lock, dependencies, devDependencies, overrides]);
  return createHash("sha256").update(wanted).digest("hex");
}
