/**
 * `npm start`: installs what is missing, bundles the client, and runs the demo from source.
 * `npm run tasks` does so with the task list.
 */
import { register } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureInstalled } from "./install.mjs";

ensureInstalled();
console.log("Building the client and starting the demo ...");
const { bundleClient } = await import("./bundle.mjs");
await bundleClient();

endWithNpm();
process.setSourceMapsEnabled(true);
register("ts-node/esm", import.meta.url);

// In this process: Ctrl-C and SIGTERM reach the server itself.
const server = join(import.meta.dirname, "..", "demo", process.argv[2] ?? "", "server.ts");
process.argv[1] = server;
await import(pathToFileURL(server).href);

/** A SIGTERM to npm ends the shell between npm and us, and nobody else tells us. */
function endWithNpm() {
  if (!["start", "tasks"].includes(process.env["npm_lifecycle_event"] ?? "")) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, "SIGTERM");
  }, 200);
  timer.unref();
}
