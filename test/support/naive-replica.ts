import type { Value } from "../../lib/object.ts";
import type { PendingWrite } from "../../lib/replica.ts";
import { canonical } from "./canonical.ts";

export type Fields = ReadonlyMap<string, Value>;

/** What a replica knows: by id, an object's properties; null is known not to exist. */
export type Known = ReadonlyMap<string, Fields | null>;

/** The confirmed state with the pending writes on top: all of it computed anew. */
export function fold(confirmed: Known, pending: Iterable<PendingWrite>): Map<string, Fields> {
  let states = new Map(confirmed);
  for (const write of pending) {
    if (write.optimistic) states = applied(states, write) ?? states;
  }
  const view = new Map<string, Fields>();
  for (const [id, fields] of states) if (fields !== null) view.set(id, fields);
  return view;
}

function applied(states: Known, { operations }: PendingWrite): Map<string, Fields | null> | null {
  const draft = new Map(states);
  for (const operation of operations) {
    const state = draft.get(operation.id);
    if (operation.kind === "create") {
      if (state) return null;
      draft.set(operation.id, new Map(Object.entries(operation.properties)));
    } else if (operation.kind === "destroy") {
      if (state) draft.set(operation.id, null);
    } else {
      if (state === null) return null;
      if (state === undefined) continue;
      const fields = new Map(state);
      for (const [name, value] of Object.entries(operation.changes)) {
        if (value === undefined) fields.delete(name);
        else fields.set(name, value);
      }
      draft.set(operation.id, fields);
    }
  }
  return draft;
}

export function fieldsOf(object: Readonly<Record<string, Value>>): Map<string, Value> {
  return new Map(Object.entries(object).filter(([name]) => name !== "id"));
}

export function viewText(view: ReadonlyMap<string, Fields>): string {
  const ids = [...view.keys()].sort();
  return ids.map((id) => `${JSON.stringify(id)} ${fieldsText(view.get(id))}`).join("\n");
}

export function fieldsText(fields: Fields | undefined): string {
  return canonical(Object.fromEntries(fields ?? []));
}
