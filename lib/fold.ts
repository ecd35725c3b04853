import type { Changes, ObjectId, OwnedObject } from "./object.ts";
import { setProperty } from "./object.ts";
import type { Operation } from "./operation.ts";

/** An object as far as a replica knows: null does not exist, undefined may or may not. */
export type State = OwnedObject | null | undefined;

/**
 * What undecided writes make of the states that `read` gives, for the objects they touch. A write
 * that the server would refuse on these states changes nothing, as a whole.
 */
export function foldWrites(
  writes: Iterable<{ readonly operations: readonly Operation[] }>,
  read: (id: ObjectId) => State,
): Map<ObjectId, State> {
  const states = new Map<ObjectId, State>();
  for (const { operations } of writes) {
    const draft = new Map<ObjectId, State>();
    const current = (id: ObjectId): State =>
      draft.has(id) ? draft.get(id) : states.has(id) ? states.get(id) : read(id);
    if (!operations.every((operation) => applyTo(draft, operation, current(operation.id))))
      continue;
    for (const [id, state] of draft) states.set(id, state);
  }
  return states;
}

/** Applies one operation to the draft, or tells that it would be refused. */
function applyTo(draft: Map<ObjectId, State>, operation: Operation, current: State): boolean {
  const { id } = operation;
  switch (operation.kind) {
    case "create":
      if (current) return false;
      draft.set(id, { id, ...operation.properties });
      return true;
    case "update":
      if (current === null) return false;
      if (current !== undefined) draft.set(id, changedCopy(current, operation.changes));
      return true;
    case "destroy":
      if (current) draft.set(id, null);
      return true;
  }
}

function changedCopy(object: OwnedObject, changes: Changes): OwnedObject {
  const copy = { ...object };
  for (const name of Object.keys(changes)) setProperty(copy, name, changes[name]);
  return copy;
}
