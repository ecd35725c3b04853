import type { Migrations } from "../../lib/migrations.ts";
import type { SyncObject } from "../../lib/object.ts";
import { toProperties } from "../../lib/operation.ts";
import type { KeptWrite } from "../outbox.ts";
import type { Kept } from "../persistence.ts";

/**
 * What never leaves the device, of what a client with an earlier schema has left, by its place there and
 * as it is now: no server gives it anew. What cannot be brought here stays as it is.
 */
export function formerLocal(
  { schema, writes }: Kept,
  migrations: Migrations | undefined,
): ReadonlyMap<number, KeptWrite> {
  const raised = new Map<number, KeptWrite>();
  if (migrations === undefined || schema < migrations.oldest || schema >= migrations.version)
    return raised;
  for (const [place, write] of writes.entries()) {
    const [operation] = write.operations;
    if (!write.isLocal || operation?.kind !== "create") continue;
    const properties = raise({ ...operation.properties, id: operation.id }, schema, migrations);
    if (properties !== undefined)
      raised.set(place, { ...write, operations: [{ ...operation, properties }] });
  }
  return raised;
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
