/*
 * Every error that object-sync reports, by code. A code never changes its meaning, which
 * docs/ERRORS.md tells; messages may.
 */

/** After these the same call may succeed later without being changed. */
const RETRYABLE_CODES = [
  "handler_failed",
  "out_of_order",
  "rate_limited",
  "slow_client",
  "storage_failed",
  "timeout",
  "token_expired",
  "unavailable",
] as const;

const FINAL_CODES = [
  "bad_option",
  "closed",
  "deposed",
  "exists",
  "forbidden",
  "forbidden_field",
  "gone",
  "invalid_id",
  "invalid_payload",
  "invalid_query",
  "invalid_value",
  "limit_exceeded",
  "migration_failed",
  "mutation_mismatch",
  "not_found",
  "refused",
  "reserved_key",
  "schema_version",
  "schema_violation",
  "signed_out",
  "store_contract",
  "store_corrupt",
  "superseded",
  "too_deep",
  "too_large",
  "unauthenticated",
  "uncertain",
  "unknown_world",
  "unsupported",
] as const;

export type ErrorCode = (typeof RETRYABLE_CODES)[number] | (typeof FINAL_CODES)[number];

/** Every code, and whether it is retryable. `__PURE__`: a page that does not read it loads only half. */
export const ERROR_CODES = /* @__PURE__ */ tableOfCodes();

function tableOfCodes(): Readonly<Record<ErrorCode, boolean>> {
  const retryable = RETRYABLE_CODES.map((code) => [code, true] as const);
  const final = FINAL_CODES.map((code) => [code, false] as const);
  return Object.fromEntries([...retryable, ...final]) as Record<ErrorCode, boolean>;
}

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
    this.retryable = (RETRYABLE_CODES as readonly string[]).includes(code);
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
