/**
 * Every error that object-sync reports, by code. A code never changes its meaning; messages may.
 * `retryable` says whether the same call may succeed later without being changed.
 */
export const ERROR_CODES = {
  bad_option: { retryable: false, meaning: "an option has a value that cannot be used" },
  closed: { retryable: false, meaning: "this client, server or world has been closed" },
  disconnected: { retryable: true, meaning: "the connection ended before the answer came" },
  exists: { retryable: false, meaning: "an object with this id exists already" },
  forbidden: { retryable: false, meaning: "this client may not do that" },
  gone: { retryable: false, meaning: "the object was destroyed" },
  handler_failed: { retryable: true, meaning: "the application's handler threw an error" },
  invalid_id: { retryable: false, meaning: "this cannot be an object's id" },
  invalid_payload: { retryable: false, meaning: "a message or an argument is malformed" },
  invalid_value: { retryable: false, meaning: "this cannot be a property's value" },
  limit_exceeded: { retryable: false, meaning: "a documented limit was exceeded" },
  mutation_mismatch: {
    retryable: false,
    meaning: "this write's number was used for another write",
  },
  not_found: { retryable: false, meaning: "there is no such object" },
  out_of_order: { retryable: true, meaning: "a write arrived before the one that precedes it" },
  rate_limited: { retryable: true, meaning: "too much was sent in too short a time" },
  refused: { retryable: false, meaning: "the application's handler refused the write" },
  reserved_key: { retryable: false, meaning: "this name cannot be a property's name" },
  slow_client: { retryable: true, meaning: "the client did not read for too long" },
  superseded: { retryable: false, meaning: "the same client connected again elsewhere" },
  timeout: { retryable: true, meaning: "the answer did not come in time" },
  too_deep: { retryable: false, meaning: "a value is nested too deeply, or in itself" },
  too_large: { retryable: false, meaning: "a write or an object is too large" },
  unauthenticated: { retryable: false, meaning: "the server does not accept these credentials" },
  unavailable: { retryable: true, meaning: "the server or its store cannot do this now" },
  unknown_world: { retryable: false, meaning: "the server has no world of this name" },
  unsupported: {
    retryable: false,
    meaning: "the other side does not know this message or version",
  },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorDetails {
  /** The object that the error is about. */
  readonly id?: string | undefined;
  /** The property that the error is about. */
  readonly property?: string | undefined;
  /** How long to wait before trying again, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** How an error travels: plain data, without stack or cause. */
export interface ErrorData extends Omit<ErrorDetails, "cause"> {
  readonly code: ErrorCode;
  readonly message: string;
}

/** The one class of every error that object-sync throws, reports or sends. */
export class SyncError extends Error {
  override readonly name = "SyncError";
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly id?: string;
  readonly property?: string;
  readonly retryAfterMs?: number;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = ERROR_CODES[code].retryable;
    if (details.id !== undefined) this.id = details.id;
    if (details.property !== undefined) this.property = details.property;
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs;
  }

  static from(data: ErrorData): SyncError {
    return new SyncError(data.code, data.message, data);
  }

  toData(): ErrorData {
    return {
      code: this.code,
      message: this.message,
      ...(this.id !== undefined && { id: this.id }),
      ...(this.property !== undefined && { property: this.property }),
      ...(this.retryAfterMs !== undefined && { retryAfterMs: this.retryAfterMs }),
    };
  }
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERROR_CODES, code);
}
