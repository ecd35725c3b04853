/** `node run-from-source.mjs file.ts ...`: runs TypeScript, as quickly as a test wants it. */
import { register } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

process.setSourceMapsEnabled(true);
register("./typescript-loader.mjs", import.meta.url);

const [file = ""] = process.argv.splice(2, 1);
process.argv[1] = resolve(file);
await import(pathToFileURL(resolve(file)).href);
