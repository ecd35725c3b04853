import type { Changes, ObjectId, Value } from "./object.ts";
import { namespaceOf } from "./object.ts";
import type { Operation } from "./operation.ts";

/** By namespace: the properties that hold the id of another object, or a list of such ids. */
export type References = Readonly<Record<string, readonly string[]>>;

export function isReferences(value: unknown): value is References {
  const isList = (names: unknown): boolean =>
    Array.isArray(names) && names.every((name) => typeof name === "string" && name !== "");
  const isRecord = Object.prototype.toString.call(value) === "[object Object]";
  return isRecord && Object.values(value as object).every(isList);
}

/** The ids of other objects that an operation puts into an object. */
export function idsReferredTo(operation: Operation, references: References): readonly ObjectId[] {
  if (operation.kind === "destroy") return [];
  const written = operation.kind === "create" ? operation.properties : operation.changes;
  return referencesIn(operation.id, written, references);
}

/** The ids of other objects that these properties of an object hold. */
export function referencesIn(
  id: ObjectId,
  properties: Changes,
  references: References,
): readonly ObjectId[] {
  const ids: ObjectId[] = [];
  for (const name of namesOf(id, references)) {
    const value = Object.hasOwn(properties, name) ? properties[name] : undefined;
    for (const one of Array.isArray(value) ? (value as readonly Value[]) : [value])
      if (typeof one === "string") ids.push(one as ObjectId);
  }
  return ids;
}

/** The same operation, with other ids wherever it refers to objects: the very same, if it does not. */
export function withReferences(
  operation: Operation,
  references: References,
  idOf: (id: ObjectId) => ObjectId,
): Operation {
  if (operation.kind === "destroy") return operation;
  const isOther = (id: ObjectId): boolean => idOf(id) !== id;
  if (!idsReferredTo(operation, references).some(isOther)) return operation;
  const named = namesOf(operation.id, references);
  const renamed = (value: Value | undefined): Value | undefined =>
    typeof value === "string" ? idOf(value as ObjectId) : value;
  const replace = <Held extends Changes>(properties: Held): Held => {
    const copy: Changes = { ...properties };
    for (const name of named) {
      if (!Object.hasOwn(copy, name)) continue;
      const value = copy[name];
      copy[name] = Array.isArray(value)
        ? value.map((one: Value) => renamed(one) as Value)
        : renamed(value);
    }
    return copy as Held;
  };
  if (operation.kind === "create")
    return { ...operation, properties: replace(operation.properties) };
  return { ...operation, changes: replace(operation.changes) };
}

function namesOf(id: ObjectId, references: References): readonly string[] {
  const namespace = namespaceOf(id);
  return Object.hasOwn(references, namespace) ? (references[namespace] ?? []) : [];
}
