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
 * Whether a client may make a change: true or false, and a SyncError that it throws says more. It must
 * not be async.
 */
export type Authorize = (request: WriteRequest) => boolean;

/** Who wants to be asked about every write of a client: the application, and plugins. */
export class Authorizers {
  readonly #all = new Set<{ readonly authorize: (request: WriteRequest) => unknown }>();

  /** Returns its undo. */
  add(authorize: Authorize): () => void {
    const added = { authorize };
    this.#all.add(added);
    return () => void this.#all.delete(added);
  }

  get areGiven(): boolean {
    return this.#all.size > 0;
  }

  /** Throws as `judge` does, if one of them refuses. */
  judge(request: WriteRequest, onError: (error: SyncError) => void): void {
    for (const { authorize } of this.#all) judge(authorize, request, onError);
  }
}

/**
 * Asks the application whether a client may do this. Throws `forbidden`, or the SyncError with which
 * it refused. Anything but `true` is a refusal; what looks like a mistake in the application's code,
 * a promise or another error that was thrown, is told to `onError` as well.
 */
function judge(
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
