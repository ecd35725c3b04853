/** `node run-from-source.mjs file.ts ...`: runs TypeScript as `npm start` does, without its set-up. */
import { register } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

register("ts-node/esm", import.meta.url);

const [file = ""] = process.argv.splice(2, 1);
process.argv[1] = resolve(file);
await import(pathToFileURL(resolve(file)).href);
