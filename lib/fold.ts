import type { ObjectId, OwnedObject } from "./object.ts";
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
  const current = (id: ObjectId): State => (states.has(id) ? states.get(id) : read(id));
  for (const { operations } of writes) {
    const undo: [ObjectId, State][] = [];
    for (const operation of operations) {
      const before = current(operation.id);
      const after = applied(operation, before);
      if (after === REFUSED) {
        for (const [id, state] of undo.reverse()) states.set(id, state);
        break;
      }
      undo.push([operation.id, before]);
      states.set(operation.id, after);
    }
  }
  return states;
}

export const REFUSED = Symbol("refused");

/** What an operation makes of an object. An update of one that may not be there is left aside. */
export function applied(operation: Operation, state: State): State | typeof REFUSED {
  switch (operation.kind) {
    case "create":
      return state ? REFUSED : { id: operation.id, ...operation.properties };
    case "update": {
      if (!state) return state === null ? REFUSED : state;
      const changed = { ...state };
      const { changes } = operation;
      for (const name of Object.keys(changes)) setProperty(changed, name, changes[name]);
      return changed;
    }
    case "destroy":
      return state && null;
  }
}
