import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { build, type Plugin } from "esbuild";

const ROOT = join(import.meta.dirname, "..", "..");

/** One place in the source code, and what to write there instead. */
export interface Patch {
  /** From the project's root. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** Bundles the simulation with the code that it runs, as it is or with patches, into `outfile`. */
export async function bundleSimulation(
  outfile: string,
  patches: readonly Patch[] = [],
): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: ["test/simulation/main.ts"],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    sourcemap: "inline",
    logLevel: "warning",
    plugins: [patching(patches)],
  });
}

function patching(patches: readonly Patch[]): Plugin {
  return {
    name: "patching",
    setup: (building) => {
      const files = new Map(patches.map((patch) => [patch.file, patch]));
      const applied = new Set<string>();
      building.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const file = relative(ROOT, path).replaceAll("\\", "/");
        if (!files.has(file)) return null;
        let contents = await readFile(path, "utf8");
        for (const patch of patches) if (patch.file === file) contents = apply(patch, contents);
        applied.add(file);
        return { contents, loader: "ts" };
      });
      building.onEnd(() => {
        for (const file of files.keys()) {
          if (!applied.has(file)) throw new Error(`${file} is not part of the simulation`);
        }
      });
    },
  };
}

function apply({ file, find, replace }: Patch, contents: string): string {
  const occurrences = contents.split(find).length - 1;
  if (occurrences !== 1) throw new Error(`${file} has ${occurrences} times: ${find}`);
  return contents.replace(find, () => replace);
}
