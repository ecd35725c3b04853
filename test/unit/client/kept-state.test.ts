import { expect, test } from "@jest/globals";
import { KeptState } from "../../../client/kept-state.ts";
import type { Write } from "../../../client/outbox.ts";
import type { KeepListener, Keeper, KeepSource } from "../../../client/persistence.ts";

/** A keeper that says so when it is told to. */
class ToldKeeper implements Keeper {
  readonly kept = undefined;
  readonly settled = 0;
  listener: KeepListener | undefined;
  start(_source: KeepSource, listener: KeepListener): void {
    this.listener = listener;
  }
  noteWrites(): void {}
  noteRestart(): void {}
  noteObjects(): void {}
  close(): Promise<void> {
    return Promise.resolve();
  }
}

test("what a keeper was writing when it was forgotten says nothing of what comes after it", () => {
  const state = new KeptState(true);
  const keeper = new ToldKeeper();
  const heard: boolean[] = [];
  state.begin(keeper);
  state.start({} as KeepSource, {
    kept: (...[, isStored]) => heard.push(isStored),
    failed: () => undefined,
  });
  keeper.listener?.kept([], true, 0);
  const write = { isKept: true } as Write;
  expect(state.has(write)).toBe(true);
  void state.forget();
  keeper.listener?.kept([], true, 0);
  state.begin(undefined); // the storage fails
  expect(state.has(write)).toBe(false);
  expect(heard).toEqual([true]);
});
