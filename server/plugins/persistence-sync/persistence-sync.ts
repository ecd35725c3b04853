import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ownTurn, readJson, SyncError, type Plugin } from "../../index.ts";
import { Exchange, type Updates } from "./exchange.ts";
import {
  checked,
  type CheckedOptions,
  type PersistenceSyncOptions,
  type Resource,
} from "./options.ts";

/** About so many characters of an answer are made at a time; others have their turn in between. */
const CHUNK_LENGTH = 65_536;
const JSON_HEADERS = { "Content-Type": "application/json; charset=utf-8" };

/**
 * The HTTP resources of persistence.sync.js, over the objects of a world.
 *
 * ```ts
 * sync.use(persistenceSync({
 *   resources: { "/taskUpdates": { namespace: "task" }, "/open": { namespace: "task", filter: { done: false } } },
 * }));
 * ```
 *
 * `GET uri?since=STAMP` answers `{ now, updates }`, `POST uri` takes an array of objects and answers
 * `{ status: "ok", now }`: see docs/BRIDGES.md.
 */
export function persistenceSync(options: PersistenceSyncOptions): Plugin {
  const all = checked(options);
  return (server) => {
    const world = server.world(all.world);
    for (const resource of all.resources) {
      const exchange = new Exchange(world, resource, all.audiencesMax);
      server.http(resource.path, (request, response) =>
        answer(request, response, resource, exchange, all),
      );
    }
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  resource: Resource,
  exchange: Exchange,
  options: CheckedOptions,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
  response.setHeader("Cache-Control", "no-store");
  if (pathname !== resource.path) throw new SyncError("not_found", `there is no ${pathname}`);
  const { method } = request;
  if (method !== "GET" && method !== "HEAD" && method !== "POST") {
    response.setHeader("Allow", "GET, HEAD, POST");
    const message = "this resource answers GET and POST";
    sendJson(response, 405, { status: "error", code: "unsupported", message });
    return;
  }
  const identity = await exchange.identityOf(() => options.authenticate(request));
  if (method !== "POST") {
    const since = sinceOf(searchParams.get("since"));
    const updates = await exchange.updatesSince(since, identity);
    if (method === "GET") await sendUpdates(response, updates);
    else response.writeHead(200, JSON_HEADERS).end();
    return;
  }
  if (request.headers["if-match"] !== undefined) {
    const message = "nothing here has an ETag, so none matches";
    sendJson(response, 412, { status: "error", code: "out_of_date", message });
    return;
  }
  const { bodyBytesMax: bytesMax, bodyValuesMax: valuesMax, bodyTimeoutMs: timeoutMs } = options;
  const body = await readJson(request, { bytesMax, valuesMax, timeoutMs });
  sendJson(response, 200, await exchange.post(body, identity));
}

function sinceOf(text: string | null): number {
  const since = Number(text ?? 0);
  if (/^\d+$/.test(text ?? "0") && Number.isSafeInteger(since)) return since;
  const message = "since must be a stamp that an answer gave, or 0";
  throw new SyncError("invalid_payload", message, { property: "since" });
}

/** In parts, made as they are taken: who reads slowly holds no more than one. */
async function sendUpdates(response: ServerResponse, { updates, ...head }: Updates): Promise<void> {
  response.writeHead(200, JSON_HEADERS);
  await pipeline(Readable.from(textOf(head, updates)), response).catch((error: unknown) => {
    if (!response.destroyed) throw error; // who asked has gone, otherwise
  });
}

async function* textOf(head: object, updates: Updates["updates"]): AsyncGenerator<string> {
  await ownTurn();
  let text = `${JSON.stringify(head).slice(0, -1)},"updates":[`;
  let separator = "";
  for (const update of updates) {
    text += separator + JSON.stringify(update);
    separator = ",";
    if (text.length < CHUNK_LENGTH) continue;
    yield text;
    text = "";
    await ownTurn();
  }
  yield `${text}]}`;
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, JSON_HEADERS);
  response.end(JSON.stringify(body));
}
