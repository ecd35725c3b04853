import { withChanges, type Changes, type ObjectId } from "./object.ts";
import { toProperties, type Operation } from "./operation.ts";
import { idsPerhapsReferredTo, type References } from "./references.ts";

/** What several writes come to that no server has heard of. */
export interface Squashed {
  /** The writes, by their places in the list. */
  readonly places: readonly number[];
  /** Empty when there is nothing left to write. */
  readonly operations: readonly Operation[];
}

interface Group {
  places: number[];
  operations: readonly Operation[];
  readonly optimistic: boolean;
}

type Write = Pick<Group, "operations" | "optimistic">;

/**
 * Makes one write of all on the same object that follow each other, if each is about that object alone:
 * ten changes of a property are the last of them, and what was created and destroyed never was. Writes
 * about several objects stay as they are, for they are atomic, and nothing moves past them. So does what
 * creates an object that may be there (`mayBeThere`): it is refused, and what follows is about that one.
 */
export function squash(
  writes: readonly Readonly<Write>[],
  references: References,
  mayBeThere: (id: ObjectId) => boolean,
): Squashed[] {
  const groups: Group[] = [];
  const open = new Map<ObjectId, Group>();
  /** Where objects are created: what was written before cannot refer to them. */
  const createdAt = new Map<ObjectId, number>();
  /** What is there by what was written so far. */
  const isThere = new Map<ObjectId, boolean>();
  for (const [place, { operations, optimistic }] of writes.entries()) {
    const [operation] = operations;
    if (operations.length !== 1 || operation === undefined) {
      for (const { id } of operations) isThere.set(id, true);
      open.clear();
      groups.push({ places: [place], operations, optimistic });
      continue;
    }
    const before = open.get(operation.id);
    const from = before?.places[0] ?? place;
    const isAhead = idsPerhapsReferredTo(operation, references).some(
      (id) => (createdAt.get(id) ?? -1) > from,
    );
    const { kind, id } = operation;
    const isRefused = kind === "create" && (isThere.get(id) ?? mayBeThere(id));
    if (kind !== "update") isThere.set(id, kind === "create");
    if (kind === "create") createdAt.set(id, place);
    const isAlike = before?.optimistic === optimistic && !isAhead;
    const merged = isAlike ? merge(before.operations[0] as Operation, operation) : undefined;
    if (before === undefined || merged === undefined) {
      const group = { places: [place], operations, optimistic };
      groups.push(group);
      if (isRefused) open.delete(id);
      else open.set(id, group);
      continue;
    }
    before.places.push(place);
    before.operations = merged;
    if (operation.kind !== "destroy") continue;
    // What else was written until then may need the object to be there.
    groups.splice(groups.indexOf(before), 1);
    groups.push(before);
    open.delete(operation.id);
  }
  return groups;
}

/** Undefined when the two cannot be one. */
function merge(before: Operation, operation: Operation): readonly Operation[] | undefined {
  const { id } = operation;
  if (before.kind === "destroy" || operation.kind === "create") return undefined;
  if (operation.kind === "destroy") return before.kind === "create" ? [] : [operation];
  if (before.kind === "create") {
    const changed: Changes = withChanges({ ...before.properties, id }, operation.changes);
    delete changed["id"];
    return [{ ...before, properties: toProperties(changed) }];
  }
  return [{ kind: "update", id, changes: { ...before.changes, ...operation.changes } }];
}
