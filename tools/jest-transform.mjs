import { transformSync } from "esbuild";

const options = { loader: "ts", format: "esm", target: "node20", sourcemap: "inline" };

export default {
  process: (source, sourcefile) => transformSync(source, { ...options, sourcefile }),
};
