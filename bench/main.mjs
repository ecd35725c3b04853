/**
 * `npm run bench`: builds object-sync, installs the peers, and runs what is in runner/. Everything is
 * compiled before anything is measured.
 */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
const root = join(here, "..");
/** What this run measures: whoever builds or measures something else meanwhile does not change it. */
const workshop = join(here, ".cache", `run-${process.pid}`);

run("npm", ["run", "--silent", "build"], root);
installPeers();
copyObjectSync();
await compile();

const runner = spawn(
  process.execPath,
  ["--enable-source-maps", join(workshop, "runner.js"), ...process.argv.slice(2)],
  { stdio: "inherit" },
);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => runner.kill());
runner.on("exit", (code) => {
  rmSync(workshop, { recursive: true, force: true });
  process.exitCode = code ?? 1;
});

/** When they are missing, or other ones are wanted since. */
function installPeers() {
  const stamp = join(here, "node_modules", ".installed-for");
  const wanted = readFileSync(join(here, "package.json"), "utf8");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  console.log("Installing the peers (once) ...");
  run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], here);
  writeFileSync(stamp, wanted);
}

/** As it is published. */
function copyObjectSync() {
  const target = join(workshop, "node_modules", "object-sync");
  for (const name of ["package.json", "dist"]) {
    cpSync(join(root, name), join(target, name), { recursive: true });
  }
}

/** The runner and the two processes that it starts. */
async function compile() {
  const { build } = await import("esbuild");
  await build({
    entryPoints: {
      runner: join(here, "runner", "main.ts"),
      server: join(here, "processes", "server.ts"),
      crowd: join(here, "processes", "crowd.ts"),
    },
    outdir: workshop,
    bundle: true,
    splitting: true,
    packages: "external",
    // Not the paths of tsconfig.json: what runs is the copy.
    tsconfigRaw: { compilerOptions: { target: "ES2022" } },
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: true,
    logLevel: "warning",
  });
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 */
function run(command, args, cwd) {
  const { status } = spawnSync(command, args, {
    cwd,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (status !== 0) process.exit(1);
}
