import type { ServerResponse } from "node:http";
import { SyncError, type ErrorCode } from "../lib/errors.ts";

/** What is wrong with a request as such, with HTTP's own word for it. */
export class RequestError extends SyncError {
  readonly status: number;

  constructor(status: number, code: ErrorCode, message: string) {
    super(code, message);
    this.status = status;
  }
}

/** What a SyncError is over HTTP, where that is not 400: the caller's mistake. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  unauthenticated: 401,
  token_expired: 401,
  forbidden: 403,
  forbidden_field: 403,
  not_found: 404,
  unknown_world: 404,
  exists: 409,
  out_of_date: 409,
  refused: 409,
  gone: 410,
  too_large: 413,
  rate_limited: 429,
  handler_failed: 500,
  migration_failed: 500,
  store_contract: 500,
  store_corrupt: 500,
  closed: 503,
  deposed: 503,
  unavailable: 503,
  timeout: 504,
};

/**
 * Answers a request with an error, as `{ status: "error", code, message, id?, property? }`. One whose
 * answer had begun is cut off, so that nobody takes the half of it for the whole.
 */
export function answerError(response: ServerResponse, error: SyncError): void {
  if (response.headersSent) {
    if (!response.writableEnded) response.destroy();
    return;
  }
  const status = error instanceof RequestError ? error.status : (STATUS[error.code] ?? 400);
  const { retryAfterMs } = error;
  if (retryAfterMs !== undefined) {
    response.setHeader("Retry-After", String(Math.ceil(retryAfterMs / 1_000)));
  }
  if (!response.req.complete) response.setHeader("Connection", "close"); // the rest is not waited for
  response.writeHead(status, { "Content-Type": "application/json; charset=utf-8" });
  response.end(JSON.stringify({ status: "error", ...error.toData() }));
}
