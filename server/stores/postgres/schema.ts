import type { PoolClient } from "pg";
import { SyncError } from "../../../lib/index.ts";

/** One of a kind among the locks of a database: two servers that start at once must not both migrate. */
const LOCK = 0x6f626a73;

/** What brings a database from each version to the next. Never changed, only added to. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE object_sync_worlds (
     name text PRIMARY KEY,
     epoch text NOT NULL,
     term bigint NOT NULL,
     seq bigint NOT NULL,
     horizon bigint NOT NULL,
     next_handle bigint NOT NULL,
     last_batch text
   );
   -- "properties" is null in a tombstone. As json, not jsonb, which cannot hold every text.
   CREATE TABLE object_sync_objects (
     world text NOT NULL,
     handle bigint NOT NULL,
     id text NOT NULL,
     created bigint NOT NULL,
     revision bigint NOT NULL,
     forgotten bigint NOT NULL,
     properties json,
     names json NOT NULL,
     revisions json NOT NULL,
     PRIMARY KEY (world, handle)
   );
   CREATE INDEX object_sync_tombstones ON object_sync_objects (world, revision)
     WHERE properties IS NULL;
   CREATE TABLE object_sync_decisions (
     world text NOT NULL,
     client_id text NOT NULL,
     n bigint NOT NULL,
     fingerprint bigint NOT NULL,
     owner text,
     outcome json NOT NULL,
     PRIMARY KEY (world, client_id, n)
   );`,
  `ALTER TABLE object_sync_worlds ADD COLUMN ledger_horizon bigint NOT NULL DEFAULT 0;
   -- Of what was decided before, the latest that it can be of is known, and no time: it begins to age.
   ALTER TABLE object_sync_decisions
     ADD COLUMN seq bigint NOT NULL DEFAULT 0, ADD COLUMN decided_at bigint NOT NULL DEFAULT 0;
   UPDATE object_sync_decisions SET seq = worlds.seq
   FROM object_sync_worlds AS worlds WHERE worlds.name = world;`,
  `ALTER TABLE object_sync_worlds ADD COLUMN schema_version bigint NOT NULL DEFAULT 1;`,
];

/** Makes the tables, or brings them to this version. Throws `bad_option` when they are of a later one. */
export async function migrate(client: PoolClient): Promise<void> {
  await client.query("BEGIN");
  try {
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
    await client.query("CREATE TABLE IF NOT EXISTS object_sync_schema (version integer NOT NULL)");
    const { rows } = await client.query<{ version: number | string }>(
      "SELECT version FROM object_sync_schema",
    );
    const version = Number(rows[0]?.version ?? 0);
    if (version > MIGRATIONS.length) {
      const message = `the database was used by a later version (${version})`;
      throw new SyncError("bad_option", `${message}: update object-sync`);
    }
    for (const migration of MIGRATIONS.slice(version)) await client.query(migration);
    await client.query("DELETE FROM object_sync_schema");
    await client.query("INSERT INTO object_sync_schema VALUES ($1)", [MIGRATIONS.length]);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}
