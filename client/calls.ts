import type { Callback } from "../lib/callback.ts";
import { SyncError } from "../lib/errors.ts";
import { checkFunction, type EventHub } from "./event-hub.ts";

export type Settle<Result> = (error: SyncError | undefined, result?: Result) => void;

/** What a promise is made of, be it a plain one or one that tells more. */
type Maker<Result, Made> = new (
  executor: (resolve: (result: Result) => void, reject: (error: SyncError) => void) => void,
) => Made;

/** Calls that settle later, by promise and callback. */
export class Calls {
  readonly #hub: EventHub;
  readonly #tellSoon: (news: () => void) => void;

  constructor(hub: EventHub, tellSoon: (news: () => void) => void) {
    this.#hub = hub;
    this.#tellSoon = tellSoon;
  }

  /** What `begin` throws is how it settles; `onThrow` hears first. */
  call<Result, Made extends Promise<Result>>(
    Made: Maker<Result, Made>,
    callback: Callback<Result> | undefined,
    begin: (settle: Settle<Result>) => void,
    onThrow?: (error: SyncError) => void,
  ): Made {
    const promise = new Made((resolve, reject) => {
      const settle: Settle<Result> = (error, result) => {
        if (typeof callback === "function") {
          this.#hub.call(callback, error === undefined ? [null, result] : [error]);
        }
        if (error === undefined) resolve(result as Result);
        else reject(error);
      };
      try {
        if (callback !== undefined) checkFunction(callback, "callback");
        begin(settle);
      } catch (cause) {
        const error = toSyncError(cause);
        this.#tellSoon(() => {
          onThrow?.(error);
          settle(error);
        });
      }
    });
    promise.catch(() => undefined); // whoever is interested catches it as well
    return promise;
  }
}

/** What the application's own code threw within a call: a getter, or a transaction's function. */
function toSyncError(cause: unknown): SyncError {
  if (cause instanceof SyncError) return cause;
  return new SyncError("invalid_payload", `the call failed: ${String(cause)}`, { cause });
}
