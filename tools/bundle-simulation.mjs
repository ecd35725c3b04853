import { readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");

/**
 * One place in the source code, and what to put there instead.
 * @typedef {object} Patch
 * @property {string} file from the project's root
 * @property {string} find occurs exactly once in the file
 * @property {string} replace
 */

/**
 * Bundles the simulation with the code that it runs, as it is or with patches.
 * @param {string} outfile
 * @param {readonly Patch[]} [patches]
 */
export async function bundleSimulation(outfile, patches = []) {
  await build({
    absWorkingDir: root,
    entryPoints: ["test/simulation/main.ts"],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    sourcemap: "inline",
    logLevel: "silent", // what is wrong is thrown
    plugins: [patching(patches)],
  });
}

/**
 * @param {readonly Patch[]} patches
 * @returns {import("esbuild").Plugin}
 */
function patching(patches) {
  return {
    name: "patching",
    setup(building) {
      /** @type {Set<string>} */
      const missing = new Set(patches.map(({ file }) => file));
      building.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const file = relative(root, path).replaceAll(sep, "/");
        if (!missing.delete(file)) return null;
        const contents = patches
          .filter((patch) => patch.file === file)
          .reduce(apply, await readFile(path, "utf8"));
        return { contents, loader: "ts" };
      });
      building.onEnd(() => {
        for (const file of missing) throw new Error(`${file} is no part of the simulation`);
      });
    },
  };
}

/**
 * @param {string} contents
 * @param {Patch} patch
 */
function apply(contents, { file, find, replace }) {
  const occurrences = contents.split(find).length - 1;
  if (occurrences !== 1) throw new Error(`${file} has it ${occurrences} times, not once: ${find}`);
  return contents.replace(find, () => replace);
}
