import { SyncError } from "./errors.ts";

/** `(error)` or `(null, result)`, once. */
export type Callback<Result> = (error: SyncError | null, result?: Result) => void;

/**
 * Gives a result to a callback besides the promise. The promise counts as handled, so that a write
 * which nobody waits for can fail without ending the process. `guard` calls application code.
 */
export function withCallback<Result>(
  promise: Promise<Result>,
  callback: Callback<Result> | undefined,
  guard: (call: () => void) => void,
): Promise<Result> {
  if (callback !== undefined && typeof callback !== "function") {
    promise.catch(() => undefined);
    const refused = Promise.reject<Result>(
      new SyncError("invalid_payload", "a callback must be a function"),
    );
    refused.catch(() => undefined);
    return refused;
  }
  promise.then(
    (result) => {
      if (callback !== undefined) guard(() => callback(null, result));
    },
    (error: unknown) => {
      if (callback !== undefined) guard(() => callback(error as SyncError));
    },
  );
  return promise;
}
