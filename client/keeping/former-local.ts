import { FIRST_VERSION, type Migrations } from "../../lib/migrations.ts";
import type { ObjectId, SyncObject } from "../../lib/object.ts";
import { toProperties } from "../../lib/operation.ts";
import type { KeptWrite } from "../outbox.ts";
import type { Kept } from "../persistence.ts";

/**
 * What never leaves the device, of what a client has left, by its place there and as it is now: no server
 * gives it anew. What cannot be brought here stays as it is; so does what is of an id in `taken`.
 */
export function formerLocal(
  { schema, writes }: Kept,
  migrations: Migrations | undefined,
  taken: ReadonlySet<ObjectId>,
): ReadonlyMap<number, KeptWrite> {
  const local = new Map<number, KeptWrite>();
  const { version, oldest } = migrations ?? { version: FIRST_VERSION, oldest: FIRST_VERSION };
  if (schema < oldest || schema > version) return local;
  for (const [place, write] of writes.entries()) {
    const [operation] = write.operations;
    if (!write.isLocal || operation?.kind !== "create" || taken.has(operation.id)) continue;
    const object = { ...operation.properties, id: operation.id };
    const isOfNow = migrations === undefined || schema === version;
    const properties = isOfNow ? operation.properties : raise(object, schema, migrations);
    if (properties !== undefined)
      local.set(place, { ...write, operations: [{ ...operation, properties }] });
  }
  return local;
}

/** The properties of an object as they are now; undefined when it cannot be brought here. */
export function raise(
  object: SyncObject,
  schema: number,
  migrations: Migrations,
): ReturnType<typeof toProperties> | undefined {
  const { id, ...properties } = object;
  if (!migrations.concerns(id, schema)) return toProperties(properties);
  try {
    return toProperties(migrations.up(object, schema));
  } catch {
    return undefined;
  }
}
