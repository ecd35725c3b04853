import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build, stop } from "esbuild";
import { minify } from "terser";

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
  write: false,
  outdir: "dist/browser",
  logLevel: "warning",
  plugins: [slimSocketIo],
};

/** For a plain <script>: the one global `ObjectSync` is the class itself. */
export const clientScript = `
  import { ObjectSync } from "./client/index.ts";
  globalThis.ObjectSync = ObjectSync;
`;

const storages = `
  import { indexedDbStorage } from "./client/offline/indexeddb.ts";
  import { memoryStorage } from "./client/offline/memory.ts";
  import { webStorage } from "./client/offline/web.ts";
`;
const storageModule = `${storages} export { indexedDbStorage, memoryStorage, webStorage };`;

/** For a plain <script>: the one global `ObjectSyncStorage` has the functions. */
export const storageScript = `
  ${storages}
  globalThis.ObjectSyncStorage = { indexedDbStorage, memoryStorage, webStorage };
`;

const offlineModule = `
  export { explicit } from "./client/explicit/index.ts";
  export * from "./client/conflicts/index.ts";
`;

/** For a plain <script>: the one global `ObjectSyncOffline` has what docs/OFFLINE.md imports. */
export const offlineScript = `
  import { explicit } from "./client/explicit/index.ts";
  import * as conflicts from "./client/conflicts/index.ts";
  globalThis.ObjectSyncOffline = { explicit, ...conflicts };
`;

/**
 * The client, its storages, and what explicit sync and conflicts take, as a page can load them:
 * dist/browser/client.js and client.mjs, storage.js and storage.mjs, offline.js and offline.mjs.
 */
export async function bundleClient() {
  /** @param {string} contents @param {string} name */
  const source = (contents, name) => ({ contents, resolveDir: root, sourcefile: name });
  await Promise.all([
    bundle({ stdin: source(clientScript, "client.js"), format: "iife" }, "client.js"),
    bundle({ entryPoints: ["client/index.ts"], format: "esm" }, "client.mjs"),
    bundle({ stdin: source(storageScript, "storage.js"), format: "iife" }, "storage.js"),
    bundle({ stdin: source(storageModule, "storage.mjs"), format: "esm" }, "storage.mjs"),
    bundle({ stdin: source(offlineScript, "offline.js"), format: "iife" }, "offline.js"),
    bundle({ stdin: source(offlineModule, "offline.mjs"), format: "esm" }, "offline.mjs"),
  ]);
  await stop(); // esbuild's own process would stay as long as a server that runs in this one
}

/**
 * @param {import("esbuild").BuildOptions} options
 * @param {string} name
 */
async function bundle(options, name) {
  const { outputFiles = [] } = await build({ ...forBrowsers, ...options });
  const [map, code] = ["map", "js"].map((end) =>
    outputFiles.find(({ path }) => path.endsWith(end)),
  );
  const { code: small = "", map: smallMap = "" } = await minified(code?.text ?? "", {
    content: map?.text ?? "",
    filename: name,
    url: `${name}.map`,
  });
  const path = join(root, "dist/browser", name);
  await mkdir(dirname(path), { recursive: true });
  await Promise.all([
    writeFile(path, small),
    writeFile(`${path}.map`, typeof smallMap === "string" ? smallMap : JSON.stringify(smallMap)),
  ]);
}

/**
 * Terser makes 3 % less of what esbuild has minified.
 * @param {string} code
 * @param {import("terser").SourceMapOptions} [sourceMap]
 */
function minified(code, sourceMap) {
  return minify(code, {
    ecma: 2020,
    compress: { passes: 3, pure_getters: true },
    ...(sourceMap !== undefined && { sourceMap }),
  });
}

/**
 * What a page that starts with this source has to load, minified.
 * @param {string} source
 * @param {import("esbuild").Plugin[]} plugins
 */
export async function bundleInMemory(source, plugins = forBrowsers.plugins ?? []) {
  const stdin = { contents: source, resolveDir: root };
  const options = { ...forBrowsers, plugins, stdin, sourcemap: false };
  const { outputFiles } = await build({ ...options, format: "iife" });
  return Buffer.from((await minified(outputFiles?.[0]?.text ?? "")).code ?? "");
}
