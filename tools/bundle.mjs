import { join } from "node:path";
import { build, stop } from "esbuild";

const root = join(import.meta.dirname, "..");

/**
 * Files of socket.io-client and engine.io-client that others take the place of, so that a page need
 * not load 1.4 kB for nothing.
 */
const replacements = {
  // No WebTransport, which our servers do not offer.
  "engine.io-client/build/esm/transports/index.js": `
    import { XHR } from "./polling-xhr.js";
    import { WS } from "./websocket.js";
    export const transports = { websocket: WS, polling: XHR };
  `,
  // None of the ways to find a Manager that is shared.
  "socket.io-client/build/esm/index.js": `export { Manager } from "./manager.js";`,
  // Never asked for a delay: coming back is our own business.
  "socket.io-client/build/esm/contrib/backo2.js": `
    export class Backoff { setMin() {} setMax() {} setJitter() {} reset() {} }
  `,
};

/** @type {import("esbuild").Plugin} */
const slimSocketIo = {
  name: "slim-socket-io",
  setup(bundling) {
    for (const [file, contents] of Object.entries(replacements)) {
      const path = file.replaceAll(".", "\\.").replaceAll("/", "[\\\\/]");
      bundling.onLoad({ filter: new RegExp(`[\\\\/]${path}$`) }, () => ({ contents }));
    }
  },
};

/** @type {import("esbuild").BuildOptions} */
const forBrowsers = {
  absWorkingDir: root,
  bundle: true,
  platform: "browser",
  target: "es2022",
  minify: true,
  sourcemap: true,
  logLevel: "warning",
  plugins: [slimSocketIo],
};

/** For a plain <script>: the one global `ObjectSync` is the class itself. */
export const clientScript = `
  import { ObjectSync } from "./client/index.ts";
  globalThis.ObjectSync = ObjectSync;
`;

/** The client as a page can load it: dist/browser/client.js and client.mjs. */
export async function bundleClient() {
  await Promise.all([
    build({
      ...forBrowsers,
      stdin: { contents: clientScript, resolveDir: root, sourcefile: "client.js" },
      format: "iife",
      outfile: "dist/browser/client.js",
    }),
    build({
      ...forBrowsers,
      entryPoints: ["client/index.ts"],
      format: "esm",
      outfile: "dist/browser/client.mjs",
    }),
  ]);
  await stop(); // esbuild's own process would stay as long as a server that runs in this one
}

/**
 * What a page that starts with this source has to load, minified.
 * @param {string} source
 * @param {import("esbuild").Plugin[]} plugins
 */
export async function bundleInMemory(source, plugins = forBrowsers.plugins ?? []) {
  const stdin = { contents: source, resolveDir: root };
  const { outputFiles } = await build({
    ...forBrowsers,
    plugins,
    stdin,
    format: "iife",
    sourcemap: false,
    write: false,
  });
  return Buffer.concat(outputFiles.map((file) => file.contents));
}
