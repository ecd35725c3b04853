import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";

/** From dist/server when installed, from server/ when run from source. */
const BUNDLE_FOLDERS = ["../browser/", "../dist/browser/"];
const FILES = new Map(
  ["client.js", "client.mjs", "storage.js", "storage.mjs"].flatMap((name) => [
    [name, "text/javascript; charset=utf-8"],
    [`${name}.map`, "application/json; charset=utf-8"],
  ]),
);

/**
 * Serves the browser's client at `path`/client.js and `path`/client.mjs, and its storages at
 * `path`/storage.js and `path`/storage.mjs. It stands before every other listener of the HTTP server,
 * socket.io's among them, and leaves the rest to these. Returns its undo: what came later may stand
 * before it, so it stays, and leaves everything to the others.
 */
export function serveClient(http: HttpServer, path: string): () => void {
  const others = http.listeners("request") as ((
    req: IncomingMessage,
    res: ServerResponse,
  ) => void)[];
  let isServing = true;
  const listener = (req: IncomingMessage, res: ServerResponse): void => {
    const name = isServing ? fileNameOf(req.url ?? "", path) : undefined;
    if (name !== undefined) sendFile(name, req, res);
    else for (const other of others) other.call(http, req, res);
  };
  http.removeAllListeners("request");
  http.on("request", listener);
  return () => {
    isServing = false;
  };
}

function fileNameOf(url: string, path: string): string | undefined {
  if (!url.startsWith(`${path}/`)) return undefined;
  const name = url.slice(path.length + 1).split("?", 1)[0] ?? "";
  return FILES.has(name) ? name : undefined;
}

function sendFile(name: string, req: IncomingMessage, res: ServerResponse): void {
  const body = readBundle(name);
  if (body === undefined) {
    res.writeHead(404, { "Content-Type": "text/plain; charset=utf-8" });
    res.end("The client was not built: run npm run build.\n");
    return;
  }
  const etag = `"${createHash("sha256").update(body).digest("base64url")}"`;
  const headers = {
    "Content-Type": FILES.get(name) ?? "",
    "Cache-Control": "no-cache",
    "Access-Control-Allow-Origin": "*", // a module script of another origin, as any public library
    ETag: etag,
  };
  if (req.headers["if-none-match"] === etag) {
    res.writeHead(304, headers);
    res.end();
    return;
  }
  res.writeHead(200, { ...headers, "Content-Length": body.length });
  res.end(req.method === "HEAD" ? undefined : body);
}

/** Read anew each time, at once: what a build has replaced is served, and no open file is left behind. */
function readBundle(name: string): Buffer | undefined {
  for (const folder of BUNDLE_FOLDERS) {
    try {
      return readFileSync(fileURLToPath(new URL(folder + name, import.meta.url)));
    } catch {
      // it is in the other folder, or was not built
    }
  }
  return undefined;
}
