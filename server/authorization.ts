import { SyncError } from "../lib/errors.ts";
import type { SyncObject } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import type { SessionInfo } from "./session.ts";
import { isStrayPromise } from "./thenable.ts";

/** A client's wish to change one object. */
export interface WriteRequest {
  readonly session: SessionInfo;
  readonly operation: Operation;
  /** The object as it is; undefined when it does not exist. */
  readonly object: SyncObject | undefined;
}

/**
 * Asks the application whether a client may do this. Throws `forbidden`, or the SyncError with which
 * it refused. Anything but `true` is a refusal; what looks like a mistake in the application's code,
 * a promise or another error that was thrown, is told to `onError` as well.
 */
export function judge(
  authorize: (request: WriteRequest) => unknown,
  request: WriteRequest,
  onError: (error: SyncError) => void,
): void {
  const { id } = request.operation;
  const forbid = (): SyncError => new SyncError("forbidden", "this client may not do that", { id });
  let isAllowed: unknown;
  try {
    isAllowed = authorize(request);
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    onError(new SyncError("handler_failed", "authorize failed", { id, cause }));
    throw forbid();
  }
  if (isAllowed === true) return;
  if (isAllowed !== false) {
    const what = isStrayPromise(isAllowed)
      ? "a promise: it cannot be async"
      : "what is neither true nor false";
    onError(new SyncError("handler_failed", `authorize has answered ${what}`, { id }));
  }
  throw forbid();
}
