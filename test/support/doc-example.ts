import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";

const root = join(import.meta.dirname, "../..");
const { resolve } = createRequire(import.meta.url);

/** Where an example's imports lead when it is run on the sources. */
const modules: Readonly<Record<string, string>> = {
  "object-sync/conflicts": join(root, "client/conflicts/index.ts"),
  "object-sync/explicit": join(root, "client/explicit/index.ts"),
  "object-sync/accounts": join(root, "server/plugins/accounts/index.ts"),
  "object-sync/by-namespace": join(root, "client/plugins/by-namespace/index.ts"),
  "object-sync/client": join(root, "client/index.ts"),
  "object-sync/db-to-cloud": join(root, "client/plugins/db-to-cloud/index.ts"),
  "object-sync/client/leases": join(root, "client/plugins/leases/index.ts"),
  "object-sync/jwt": join(root, "server/plugins/jwt/index.ts"),
  "object-sync/leases": join(root, "server/plugins/leases/index.ts"),
  "object-sync/plasmid": join(root, "server/plugins/plasmid/index.ts"),
  "object-sync/operations": join(root, "server/operations/index.ts"),
  "object-sync/persistence-sync": join(root, "server/plugins/persistence-sync/index.ts"),
  "object-sync/schema": join(root, "schema/index.ts"),
  "object-sync/schema/json": join(root, "schema/json/index.ts"),
  "object-sync/server": join(root, "server/index.ts"),
  "object-sync/postgres": join(root, "server/stores/postgres/index.ts"),
  "object-sync/sqlite": join(root, "server/stores/sqlite/index.ts"),
  "db-to-cloud": resolve("db-to-cloud"),
  jose: resolve("jose"),
  "node:http": "node:http",
  pg: resolve("pg"),
  zod: resolve("zod"),
};

/**
 * Writes an example of a document, by the name in the comment above it, into a folder, to be run by
 * ServerProcess. Resolves with the file's path, as seen from the project.
 */
export function writeExample(document: string, name: string, folder: string): string {
  const file = join(folder, name);
  writeFileSync(
    file,
    readExample(document, name).replace(/(?<= from ")[^".][^"]*(?=")/g, urlOfModule),
  );
  return relative(root, file);
}

/** An example of a document as it stands there. */
export function readExample(document: string, name: string): string {
  const text = readFileSync(join(root, document), "utf8");
  const start = text.indexOf(`<!-- example: ${name} -->`);
  const code = /```\w+\n([\s\S]*?)```/.exec(start < 0 ? "" : text.slice(start))?.[1];
  if (code === undefined) throw new Error(`${document} has no example ${name}`);
  return code;
}

function urlOfModule(name: string): string {
  const file = modules[name];
  if (file === name) return name; // Node's own
  if (file === undefined) throw new Error(`an example imports ${name}: say where that is`);
  return pathToFileURL(file).href;
}
