/**
 * Every error that object-sync reports, by code, and whether the same call may succeed later without
 * being changed. A code never changes its meaning, which docs/ERRORS.md tells; messages may.
 */
export const ERROR_CODES = {
  bad_option: false,
  closed: false,
  disconnected: true,
  exists: false,
  forbidden: false,
  gone: false,
  handler_failed: true,
  invalid_id: false,
  invalid_payload: false,
  invalid_value: false,
  limit_exceeded: false,
  mutation_mismatch: false,
  not_found: false,
  out_of_order: true,
  rate_limited: true,
  refused: false,
  reserved_key: false,
  slow_client: true,
  superseded: false,
  timeout: true,
  too_deep: false,
  too_large: false,
  unauthenticated: false,
  unavailable: true,
  unknown_world: false,
  unsupported: false,
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
  declare readonly id?: string;
  declare readonly property?: string;
  declare readonly retryAfterMs?: number;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = ERROR_CODES[code];
    Object.assign(this, definedDetails(details));
  }

  static from(data: ErrorData): SyncError {
    return new SyncError(data.code, data.message, data);
  }

  toData(): ErrorData {
    return { code: this.code, message: this.message, ...definedDetails(this) };
  }
}

/** What can travel of an error's details. */
function definedDetails({ id, property, retryAfterMs }: ErrorDetails): ErrorDetails {
  const details = Object.entries({ id, property, retryAfterMs });
  return Object.fromEntries(details.filter(([, value]) => value !== undefined));
}

/** A limit that was exceeded; "too_large" and others may say so more exactly. */
export function atMost(
  what: string,
  max: number,
  unit: string,
  details?: ErrorDetails,
  code: ErrorCode = "limit_exceeded",
): SyncError {
  return new SyncError(code, `${what} has at most ${max} ${unit}`, details);
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(ERROR_CODES, code);
}
