/** `npm run build`: dist/ as it is published, compiled by tsc, and the client bundled for browsers. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureInstalled } from "./install.mjs";

const root = join(import.meta.dirname, "..");

ensureInstalled();
rmSync(join(root, "dist"), { recursive: true, force: true });

const tsc = fileURLToPath(import.meta.resolve("typescript/bin/tsc"));
const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (status !== 0) process.exit(1);

const { bundleClient } = await import("./bundle.mjs");
await bundleClient();
