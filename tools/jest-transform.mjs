import { transformSync } from "esbuild";

/** @type {import("esbuild").TransformOptions} */
const options = { loader: "ts", format: "esm", target: "node20", sourcemap: "inline" };

export default {
  /** @type {(source: string, sourcefile: string) => { code: string }} */
  process: (source, sourcefile) => transformSync(source, { ...options, sourcefile }),
};
