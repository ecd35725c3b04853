import { SyncError } from "../../index.ts";

/** What is answered instead, as JSON with an `error` for people and a `reason` for programs. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, reason: string, error: string, more: object = {}) {
    super(error);
    this.status = status;
    this.body = { error, ...more, reason };
  }
}

export function badRequest(error: string): Refusal {
  return new Refusal(400, "badrequest", error);
}

export function denied(permission: string): Refusal {
  const error = `this account does not have the permission ${permission} there`;
  return new Refusal(403, "permission", error, { authorized: false, permission });
}

/** What a SyncError is over HTTP, where that is not 400. */
const STATUS: Readonly<Record<string, number>> = {
  unauthenticated: 401,
  not_found: 404,
  limit_exceeded: 413,
  too_large: 413,
  rate_limited: 429,
  handler_failed: 500,
  store_contract: 500,
  store_corrupt: 500,
  closed: 503,
  deposed: 503,
  unavailable: 503,
  timeout: 504,
};

/** Whatever was thrown, as what is answered; undefined when it is nobody's fault but ours. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (!(error instanceof SyncError)) return undefined;
  const own: unknown = (error as { status?: unknown }).status; // what is wrong with a request as such
  const status = typeof own === "number" ? own : (STATUS[error.code] ?? 400);
  const { retryAfterMs } = error;
  return new Refusal(status, error.code, error.message, retryAfterMs ? { retryAfterMs } : {});
}
