import type { Entry, ObjectRecord } from "../lib/entry.ts";
import type { Scheduler } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { Commit } from "../lib/world.ts";
import type { Store, StoreBatch } from "./stores/store.ts";

/** Why a batch is not kept. */
export interface Failure {
  readonly cause: unknown;
}

/** The state that a batch leaves behind, once for each object that it touched. */
export function recordsOf(commits: readonly (Commit | undefined)[]): ObjectRecord[] {
  const entries = new Set<Entry>();
  for (const commit of commits) for (const { entry } of commit?.applied ?? []) entries.add(entry);
  return [...entries].sort((a, b) => a.revision - b.revision).map((entry) => entry.toRecord());
}

/**
 * Has a store commit a batch: at once if the store can, and then the answer comes at once. Nothing
 * is thrown or rejected; a failure is the answer, and so is a store that takes too long.
 */
export function commitInTime(
  store: Store,
  world: string,
  batch: StoreBatch,
  timeoutMs: number,
  scheduler: Scheduler,
): Failure | undefined | Promise<Failure | undefined> {
  let storing: void | Promise<void>;
  try {
    storing = store.commit(world, batch);
  } catch (cause) {
    return { cause };
  }
  if (storing === undefined) return undefined;
  const committed = storing;
  return new Promise((resolve) => {
    const cancel = scheduler.after(timeoutMs, () => {
      resolve({ cause: new SyncError("timeout", "the store did not answer in time") });
    });
    const settle = (failure: Failure | undefined): void => {
      cancel();
      resolve(failure);
    };
    committed.then(
      () => settle(undefined),
      (cause: unknown) => settle({ cause }),
    );
  });
}
