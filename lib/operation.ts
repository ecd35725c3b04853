import type { Changes, ObjectId, Properties } from "./object.ts";

export interface CreateOperation {
  readonly kind: "create";
  readonly id: ObjectId;
  readonly properties: Properties;
  /** False when the id was drawn for lack of one: then a handler may put its own in its place. */
  readonly chosen: boolean;
}

export interface UpdateOperation {
  readonly kind: "update";
  readonly id: ObjectId;
  /** Only what is given changes; undefined removes. */
  readonly changes: Changes;
}

export interface DestroyOperation {
  readonly kind: "destroy";
  readonly id: ObjectId;
}

/** One step of a mutation. */
export type Operation = CreateOperation | UpdateOperation | DestroyOperation;

/** What one client sends as one atomic step. */
export interface Mutation {
  /** 1, 2, 3, ... for each client. */
  readonly n: number;
  /** The `seq` that the writer had seen when it wrote. */
  readonly seen: number;
  readonly operations: readonly Operation[];
}

/** Undefined properties are nothing in an object that does not exist yet. */
export function toProperties(changes: Changes): Properties {
  const properties: Properties = {};
  for (const [name, value] of Object.entries(changes)) {
    if (value !== undefined) properties[name] = value;
  }
  return properties;
}
