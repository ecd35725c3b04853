/**
 * `npm start`: the demo, from source. One process: what is sent to it (Ctrl-C, SIGTERM) reaches the
 * server itself.
 */
import { register } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureInstalled } from "./install.mjs";

ensureInstalled();
const { bundleClient } = await import("./bundle.mjs");
await bundleClient();

process.env["TS_NODE_TRANSPILE_ONLY"] = "1";
process.setSourceMapsEnabled(true);
register("ts-node/esm", import.meta.url);

const server = join(import.meta.dirname, "..", "demo", "server.ts");
process.argv[1] = server;
await import(pathToFileURL(server).href);
