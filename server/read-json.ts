import type { IncomingMessage } from "node:http";
import { SyncError } from "../lib/errors.ts";
import { TIMER_MAX_MS } from "./environment.ts";
import { RequestError } from "./http-errors.ts";
import { excessOf } from "./json-shape.ts";
import { ownTurn } from "./own-turn.ts";

export interface ReadJsonOptions {
  /** More of a body is refused; 1 MiB unless given. */
  readonly bytesMax?: number;
  /** A body that takes longer to come is not waited for; 30 s unless given. */
  readonly timeoutMs?: number;
  /** More values in it, those in other values among them, are refused; 100,000 unless given. */
  readonly valuesMax?: number;
}

/** What is larger is parsed, and then looked at, in turns of the loop in which no other body is. */
const SMALL_BYTES = 65_536;
/** What is too large is read on, and dropped, up to so many times as much: so its sender hears why. */
const PATIENCE_FACTOR = 4;
/** An object's values are 32 deep at most; a body has room for what they are packed in. */
const DEPTH_MAX = 64;
const IS_JSON = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/**
 * The body of a request, which must be JSON and say so. A page of any origin can send JSON as
 * `text/plain`, without asking the server first: that is refused, as 415. Throws a SyncError, for
 * `http()` to answer: `unsupported` (415, also of what is compressed), `too_large` (413), `timeout` (408),
 * `invalid_payload` and `too_deep` (400).
 */
export async function readJson(
  request: IncomingMessage,
  { bytesMax = 1_048_576, timeoutMs = 30_000, valuesMax = 100_000 }: ReadJsonOptions = {},
): Promise<unknown> {
  if (!IS_JSON.test(request.headers["content-type"] ?? "")) {
    throw new RequestError(415, "unsupported", "the body must be application/json");
  }
  if (!/^(?:identity)?$/i.test(request.headers["content-encoding"] ?? "")) {
    throw new RequestError(415, "unsupported", "the body must not be compressed");
  }
  const body = await readBody(request, bytesMax, timeoutMs);
  if (body.length <= SMALL_BYTES) return parsed(body, valuesMax);
  await ownTurn();
  const value = parsed(body, valuesMax);
  await ownTurn();
  return value;
}

function parsed(body: Buffer, valuesMax: number): unknown {
  checkShape(body, valuesMax);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw new SyncError("invalid_payload", "the body is no JSON", { cause });
  }
}

function checkShape(json: Buffer, valuesMax: number): void {
  const excess = excessOf(json, { valuesMax, depthMax: DEPTH_MAX });
  if (excess === "depth") {
    throw new SyncError("too_deep", `a body is nested at most ${String(DEPTH_MAX)} deep`);
  }
  if (excess === undefined) return;
  throw new RequestError(413, "too_large", `a body has at most ${String(valuesMax)} values`);
}

function readBody(request: IncomingMessage, bytesMax: number, timeoutMs: number): Promise<Buffer> {
  const tooLarge = (): RequestError =>
    new RequestError(413, "too_large", `a body has at most ${String(bytesMax)} bytes`);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const slow = setTimeout(
      () => end(() => reject(new RequestError(408, "timeout", "the body did not come in time"))),
      Math.min(timeoutMs, TIMER_MAX_MS),
    );
    const end = (settle: () => void): void => {
      clearTimeout(slow);
      request.off("data", take).pause();
      settle();
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= bytesMax) chunks.push(chunk);
      else if (bytes > bytesMax * PATIENCE_FACTOR) end(() => reject(tooLarge()));
    };
    request.on("data", take);
    request.on("end", () =>
      end(() => (bytes > bytesMax ? reject(tooLarge()) : resolve(Buffer.concat(chunks)))),
    );
    const cut = (): void =>
      end(() => reject(new SyncError("invalid_payload", "the request was cut off")));
    request.on("error", cut);
    request.on("close", cut); // nothing, after the end
  });
}
