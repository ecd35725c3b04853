import type { ObjectRecord } from "../lib/entry.ts";
import type { Changes, Properties } from "../lib/object.ts";
import { differences, type SchemaVersions } from "./schema-versions.ts";
import type { Store, StoreBatch, StoredWorld } from "./stores/store.ts";
import { isThenable } from "./thenable.ts";

/**
 * A stored world as the present schema has it: in the store first, in one batch, and then for
 * everyone. Its clients are told of what has become of the objects as of any other change. Throws
 * `schema_version` and `migration_failed`, and the store is left as it is.
 */
export function raiseWorld(
  stored: StoredWorld,
  name: string,
  store: Store,
  versions: SchemaVersions,
): StoredWorld | Promise<StoredWorld> {
  const { schemaVersion, seq, term, nextHandle, horizon, ledgerHorizon } = stored;
  if (seq === 0 || schemaVersion === versions.current) return stored;
  versions.checkStored(schemaVersion, name);
  const kept: ObjectRecord[] = [];
  const raised: ObjectRecord[] = [];
  let newest = horizon;
  for (const record of stored.objects) {
    newest = Math.max(newest, record.revision);
    const changes = changesOf(record, schemaVersion, versions);
    if (Object.keys(changes).length === 0) kept.push(record);
    else raised.push(changed(record, changes, seq + 1));
  }
  raised.sort((a, b) => a.handle - b.handle);
  // Where there was more than is recorded, the world must go on to see that (lib/world.ts).
  const to = raised.length === 0 ? seq : seq + (seq > newest ? 2 : 1);
  const batch: StoreBatch = {
    term,
    expectedSeq: seq,
    seq: to,
    nextHandle,
    horizon,
    ledgerHorizon,
    schemaVersion: versions.current,
    objects: () => raised,
    decided: [],
    settled: () => [],
    forgotten: [],
  };
  const now = { ...stored, seq: to, objects: [...kept, ...raised] };
  const storing: unknown = store.commit(name, batch);
  return isThenable(storing) ? Promise.resolve(storing).then(() => now) : now;
}

function changesOf(
  { id, properties }: ObjectRecord,
  from: number,
  versions: SchemaVersions,
): Changes {
  if (properties === null || !versions.concerns(id, from)) return {};
  return differences(properties, versions.up({ ...properties, id }, from));
}

/** With those that were removed among the names, as of any record. */
function changed(record: ObjectRecord, changes: Changes, revision: number): ObjectRecord {
  const properties: Properties = { ...record.properties };
  const revisions = new Map(record.names.map((name, i) => [name, record.revisions[i] ?? 0]));
  for (const [name, value] of Object.entries(changes)) {
    revisions.set(name, revision);
    if (value === undefined) Reflect.deleteProperty(properties, name);
    else properties[name] = value;
  }
  return {
    ...record,
    revision,
    properties,
    names: [...revisions.keys()],
    revisions: [...revisions.values()],
  };
}
