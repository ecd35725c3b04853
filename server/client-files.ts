import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";

/** From dist/server when installed, from server/ when run from source. */
const BUNDLE_FOLDERS = ["../browser/", "../dist/browser/"];
const FILES = new Map(
  ["client", "storage", "offline"].flatMap((file) =>
    [`${file}.js`, `${file}.mjs`].flatMap((name) => [
      [name, "text/javascript; charset=utf-8"],
      [`${name}.map`, "application/json; charset=utf-8"],
    ]),
  ),
);

/**
 * Serves the browser's client at `path`/client.js and `path`/client.mjs; so its storages as `storage`,
 * and explicit sync and conflicts as `offline`. Answers whether the request was for one of these.
 */
export function serveClient(path: string, req: IncomingMessage, res: ServerResponse): boolean {
  const name = fileNameOf(req.url ?? "", path);
  if (name === undefined) return false;
  sendFile(name, req, res);
  return true;
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
