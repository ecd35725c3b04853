import type { Entry, ObjectRecord } from "../lib/entry.ts";
import type { ObjectId } from "../lib/object.ts";
import type { Decision } from "./job.ts";
import type { DecidedMutation, SettledMutations, Store, StoreBatch } from "./stores/store.ts";
import { isThenable } from "./thenable.ts";

/** Why a batch is not kept. */
export interface Failure {
  readonly cause: unknown;
}

/** The state that a turn leaves behind, once for each object that it touched and that is to be kept. */
export function recordsOf(
  decisions: readonly Decision[],
  isKept: (id: ObjectId) => boolean,
): ObjectRecord[] {
  const entries = new Set<Entry>();
  for (const { commit } of decisions) {
    for (const { entry } of commit?.applied ?? []) if (isKept(entry.id)) entries.add(entry);
  }
  return [...entries].sort((a, b) => a.revision - b.revision).map((entry) => entry.toRecord());
}

/**
 * Up to where clients knew their outcomes when they wrote, in this turn. Only those of which the store
 * gets a later decision: of each, its last must stay there.
 */
export function settledBy(
  decisions: readonly Decision[],
  decided: readonly DecidedMutation[],
): SettledMutations[] {
  const last = new Map(decided.map(({ clientId, n }) => [clientId, n]));
  const settled = new Map<string, number>();
  for (const { job, isRecalled } of decisions) {
    if (job.client === null || job.client.settled === 0 || isRecalled === true) continue;
    if (job.client.settled >= (last.get(job.client.clientId) ?? 0)) continue;
    settled.set(job.client.clientId, job.client.settled);
  }
  return Array.from(settled, ([clientId, n]) => ({ clientId, n }));
}

/**
 * Has a store commit a batch: at once if the store can, and then the answer comes at once. Nothing
 * is thrown or rejected; a failure is the answer.
 */
export function commitBatch(
  store: Store,
  world: string,
  batch: StoreBatch,
): Failure | undefined | Promise<Failure | undefined> {
  let storing: unknown;
  try {
    storing = store.commit(world, batch);
  } catch (cause) {
    return { cause };
  }
  if (!isThenable(storing)) return undefined;
  return Promise.resolve(storing).then(
    () => undefined,
    (cause: unknown) => ({ cause }),
  );
}
