/** Packs the package as it would be published, and has two linters judge the tarball. Run by npm. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
try {
  run("npm", "pack", "--silent", "--pack-destination", folder);
  const tarball = join(folder, readdirSync(folder)[0] ?? "");
  run("publint", "run", tarball, "--strict");
  run("attw", tarball, "--profile", "esm-only");
} finally {
  rmSync(folder, { recursive: true });
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, ...args) {
  const { status } = spawnSync(command, args, {
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (status !== 0) process.exitCode = 1;
}
