/** A promise, of whatever library: what an application returns need not be one of this realm's own. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function"
  );
}

/** The same, where none can be waited for: that it fails is nobody's business, and must not end the process. */
export function isStrayPromise(value: unknown): boolean {
  if (!isThenable(value)) return false;
  void Promise.resolve(value).catch(() => undefined);
  return true;
}
