/*
 * Every error that object-sync reports, by code. A code never changes its meaning, which
 * docs/ERRORS.md tells; messages may.
 */

/** After these the same call may succeed later without being changed. */
const RETRYABLE_CODES = [
  "handler_failed",
  "locked",
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
  "conflict",
  "deposed",
  "discarded",
  "exists",
  "forbidden",
  "forbidden_field",
  "gone",
  "invalid_id",
  "invalid_payload",
  "invalid_query",
  "invalid_value",
  "lease_lost",
  "limit_exceeded",
  "migration_failed",
  "mutation_mismatch",
  "not_found",
  "out_of_date",
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

/** Where a write and what others have written meanwhile are about the same. */
export interface Collision {
  readonly id: string;
  /** Undefined when it is about the object as a whole, which one side has created or destroyed. */
  readonly property?: string | undefined;
  /** An object that has come to refer to this one, which the write destroys. */
  readonly referredBy?: string | undefined;
  /** What the writer had seen, what it wrote, and what there is now; known to the client alone. */
  readonly base?: unknown;
  readonly mine?: unknown;
  readonly theirs?: unknown;
}

export interface ErrorDetails {
  /** The object that the error is about. */
  readonly id?: string | undefined;
  /** The property that the error is about. */
  readonly property?: string | undefined;
  /** How long to wait before trying again, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** Of a `conflict`: all that collides, and nothing else. */
  readonly collisions?: readonly Collision[] | undefined;
  readonly cause?: unknown;
}

/** How an error travels: plain data, without stack or cause. */
export interface ErrorData extends Omit<ErrorDetails, "cause"> {
  readonly code: ErrorCode;
  readonly message: string;
}

/** The same in every script that has a copy of this module, as each bundle for browsers has. */
const BRAND = Symbol.for("object-sync.SyncError");

/**
 * The one class of every error that object-sync throws, reports or sends. Errors of another copy of it
 * are its instances as well; of a class that extends it, only its own.
 */
export class SyncError extends Error {
  override readonly name = "SyncError";
  readonly code: ErrorCode;
  readonly retryable: boolean;
  declare readonly id?: string;
  declare readonly property?: string;
  declare readonly retryAfterMs?: number;
  declare readonly collisions?: readonly Collision[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = (RETRYABLE_CODES as readonly string[]).includes(code);
    Object.assign(this, definedDetails(details));
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== SyncError) return super[Symbol.hasInstance](value);
    return (value as Partial<SyncError> | null | undefined)?.[BRAND] === true;
  }

  get [BRAND](): true {
    return true;
  }

  static from(data: ErrorData): SyncError {
    return new SyncError(data.code, data.message, data);
  }

  toData(): ErrorData {
    return { code: this.code, message: this.message, ...definedDetails(this) };
  }
}

/** What can travel of an error's details. */
function definedDetails(details: ErrorDetails): ErrorDetails {
  const { id, property, retryAfterMs, collisions } = details;
  const given = Object.entries({ id, property, retryAfterMs, collisions });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
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
