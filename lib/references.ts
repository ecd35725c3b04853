import type { Changes, ObjectId, Properties, Value } from "./object.ts";
import { isByNamespace, namespaceOf } from "./object.ts";
import type { Operation } from "./operation.ts";

/** By namespace: the properties that hold the id of another object, or a list of such ids. */
export type References = Readonly<Record<string, readonly string[]>>;

export function isReferences(value: unknown): value is References {
  const isList = (names: unknown): boolean =>
    Array.isArray(names) && names.every((name) => typeof name === "string" && name !== "");
  return isByNamespace(value) && Object.values(value).every(isList);
}

/** The ids of other objects that an operation puts into an object. */
export function idsReferredTo(operation: Operation, references: References): readonly ObjectId[] {
  return idsIn(writtenBy(operation), namesOf(operation.id, references));
}

/** The same, and of an object without a namespace, which a handler may give it yet, what may be one then. */
export function idsPerhapsReferredTo(
  operation: Operation,
  references: References,
): readonly ObjectId[] {
  return idsIn(writtenBy(operation), perhapsNamesOf(operation.id, references));
}

/** The ids of other objects that these properties of an object hold. */
export function referencesIn(
  id: ObjectId,
  properties: Changes,
  references: References,
): readonly ObjectId[] {
  return idsIn(properties, namesOf(id, references));
}

function writtenBy(operation: Operation): Changes {
  if (operation.kind === "destroy") return {};
  return operation.kind === "create" ? operation.properties : operation.changes;
}

function idsIn(properties: Changes, names: readonly string[]): readonly ObjectId[] {
  const ids: ObjectId[] = [];
  for (const name of names) {
    const value = Object.hasOwn(properties, name) ? properties[name] : undefined;
    for (const one of Array.isArray(value) ? (value as readonly Value[]) : [value])
      if (typeof one === "string") ids.push(one as ObjectId);
  }
  return ids;
}

/** The same operation, with other ids wherever it refers to objects, perhaps: the very same, if it does not. */
export function withReferences(
  operation: Operation,
  references: References,
  idOf: (id: ObjectId) => ObjectId,
): Operation {
  const names = perhapsNamesOf(operation.id, references);
  if (names.length === 0 || operation.kind === "destroy") return operation;
  let others = 0;
  const renamed = (value: Value | undefined): Value | undefined => {
    if (typeof value !== "string") return value;
    const id = idOf(value as ObjectId);
    if (id !== value) others += 1;
    return id;
  };
  const written: Changes = { ...writtenBy(operation) };
  for (const name of names) {
    if (!Object.hasOwn(written, name)) continue;
    const value = written[name];
    written[name] = Array.isArray(value)
      ? value.map((one: Value) => renamed(one) as Value)
      : renamed(value);
  }
  if (others === 0) return operation;
  if (operation.kind === "create") return { ...operation, properties: written as Properties };
  return { ...operation, changes: written };
}

function namesOf(id: ObjectId, references: References): readonly string[] {
  const namespace = namespaceOf(id);
  return (Object.hasOwn(references, namespace) && references[namespace]) || [];
}

function perhapsNamesOf(id: ObjectId, references: References): readonly string[] {
  return id.includes(":") ? namesOf(id, references) : Object.values(references).flat();
}
