import type { RequestListener } from "node:http";
import type { PageFile } from "./bundle.ts";

/** The page loads nothing from anywhere else, and says so. */
const policy = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Answers requests with the files of a page, and 404 to everything else. */
export function servePages(files: ReadonlyMap<string, PageFile>): RequestListener {
  return (request, response) => {
    const [path = "/"] = (request.url ?? "/").split("?");
    const file = files.get(path);
    if (file === undefined) {
      response.writeHead(404, { "content-type": "text/plain" }).end("Nothing here.\n");
      return;
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return;
    }
    response.writeHead(200, {
      "content-type": file.type,
      "content-length": Buffer.byteLength(file.body),
      // The script is made anew at every start: ask each time.
      "cache-control": "no-cache",
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
    });
    response.end(request.method === "HEAD" ? undefined : file.body);
  };
}
