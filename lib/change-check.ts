import { applied, REFUSED, type State } from "./fold.ts";
import type { ObjectId, SyncObject } from "./object.ts";
import type { CreateOperation, Operation, UpdateOperation } from "./operation.ts";

/** A create or an update, as whoever may refuse it is asked about it. None of it is to be changed. */
export type ObjectChange = (CreateOperation | UpdateOperation) & {
  /** The object as it is, with what comes before in the same write; undefined when there is none. */
  readonly before: SyncObject | undefined;
  /** The object as it would be, with its id. */
  readonly object: SyncObject;
};

/** Throws, if a client must not make this write. `get` finds the objects that it sees now. */
export type WriteCheck = (
  operations: readonly Operation[],
  get: (id: string) => SyncObject | undefined,
) => void;

/**
 * Asks `check` about every create and update of one write, in order, and throws what it throws. An
 * object of which `read` does not know whether it exists (undefined) is not asked about. Where the
 * world refuses a step for reasons of its own, what comes after is not asked about either.
 */
export function checkChanges(
  operations: readonly Operation[],
  read: (id: ObjectId) => SyncObject | null | undefined,
  check: (change: ObjectChange) => void,
): void {
  const states = new Map<ObjectId, State>();
  for (const operation of operations) {
    const { id } = operation;
    const before = states.has(id) ? states.get(id) : (read(id) as State);
    const object = applied(operation, before);
    if (object === REFUSED) return;
    states.set(id, object);
    if (operation.kind !== "destroy" && object)
      check({ ...operation, before: before ?? undefined, object });
  }
}
