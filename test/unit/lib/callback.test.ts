import { expect, test } from "@jest/globals";
import { withCallback } from "../../../lib/callback.ts";
import { SyncError } from "../../../lib/errors.ts";

const guard = (call: () => void): void => call();

/** A callback that keeps what it was called with. */
function recorder(): { calls: unknown[][]; callback: (...args: unknown[]) => void } {
  const calls: unknown[][] = [];
  return { calls, callback: (...args) => void calls.push(args) };
}

test("a result goes to the callback and to the promise, once", async () => {
  const { calls, callback } = recorder();
  const promise = withCallback(Promise.resolve(5), callback, guard);
  await expect(promise).resolves.toBe(5);
  expect(calls).toEqual([[null, 5]]);
});

test("an error goes to the callback and to the promise, once", async () => {
  const error = new SyncError("gone", "gone");
  const { calls, callback } = recorder();
  await expect(withCallback(Promise.reject(error), callback, guard)).rejects.toBe(error);
  expect(calls).toEqual([[error]]);
});

test("a promise that nobody waits for may reject without harm", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  void withCallback(Promise.reject(new SyncError("gone", "gone")), undefined, guard);
  void withCallback(Promise.reject(new SyncError("gone", "gone")), () => undefined, guard);
  void withCallback(Promise.resolve(), 5 as never, guard);
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

test("what is no function is refused as a callback", async () => {
  for (const callback of [null, 5, "done", {}]) {
    const promise = withCallback(Promise.resolve(5), callback as never, guard);
    await expect(promise).rejects.toMatchObject({ code: "invalid_payload" });
  }
});

test("callbacks run under the caller's guard", async () => {
  const fault = new Error("mine");
  const caught: unknown[] = [];
  const guarded = (call: () => void): void => {
    try {
      call();
    } catch (error) {
      caught.push(error);
    }
  };
  const callback = () => {
    throw fault;
  };
  await expect(withCallback(Promise.resolve(5), callback, guarded)).resolves.toBe(5);
  expect(caught).toEqual([fault]);
});
