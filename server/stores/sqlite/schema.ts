import { SyncError } from "../../../lib/index.ts";
import type { Database } from "./database.ts";

/** "objs": by which a file is known to be ours. */
const APPLICATION_ID = 0x6f626a73;

/**
 * What brings a file from each version to the next. Never changed, only added to. Whole numbers below
 * 2^53; `properties` is null in a tombstone; texts that are lists are JSON.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE worlds (
    name TEXT PRIMARY KEY,
    epoch TEXT NOT NULL,
    term INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    horizon INTEGER NOT NULL,
    next_handle INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE objects (
    world TEXT NOT NULL,
    handle INTEGER NOT NULL,
    id TEXT NOT NULL,
    created INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    forgotten INTEGER NOT NULL,
    properties TEXT,
    names TEXT NOT NULL,
    revisions TEXT NOT NULL,
    PRIMARY KEY (world, handle)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tombstones ON objects (world, revision) WHERE properties IS NULL;
  CREATE TABLE decisions (
    world TEXT NOT NULL,
    client_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    owner TEXT,
    outcome TEXT NOT NULL,
    PRIMARY KEY (world, client_id, n)
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${String(APPLICATION_ID)};`,
  // Of what was decided before, the latest that it can be of is known, and no time: it begins to age.
  `
  ALTER TABLE worlds ADD COLUMN ledger_horizon INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE decisions ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE decisions ADD COLUMN decided_at INTEGER NOT NULL DEFAULT 0;
  UPDATE decisions SET seq = (SELECT worlds.seq FROM worlds WHERE name = decisions.world);`,
  `
  ALTER TABLE worlds ADD COLUMN schema_version INTEGER NOT NULL DEFAULT 1;`,
];

/** Whether the file is new or ours, whole, and not from a later version. Throws `bad_option` if not. */
export function checkSchema(database: Database, file: string): void {
  const refuse = (why: string, cause?: unknown): SyncError =>
    new SyncError("bad_option", `the store ${file} ${why}`, { cause });
  let damage: unknown;
  let version: number;
  try {
    const { count } = database.prepare("SELECT count(*) AS count FROM sqlite_schema").get() as {
      count: number;
    };
    // In this order: another process that makes the file meanwhile makes all of it in one transaction.
    if (pragma(database, "application_id") !== APPLICATION_ID) {
      if (count > 0) throw refuse("is a database of something else");
      return;
    }
    version = pragma(database, "user_version");
    damage = Object.values(database.prepare("PRAGMA quick_check(1)").get() as object)[0];
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    throw refuse("is no SQLite database, or is damaged", cause);
  }
  if (version > MIGRATIONS.length) {
    throw refuse(`was written by a later version (${String(version)}): update object-sync`);
  }
  if (damage !== "ok") throw refuse(`is damaged: ${String(damage)}; restore a backup`);
}

/** Whether the file has this version's tables, and the journal that a store keeps. */
export function isCurrent(database: Database): boolean {
  const { journal_mode: journal } = database.prepare("PRAGMA journal_mode").get() as {
    journal_mode: string;
  };
  return versionOf(database) === MIGRATIONS.length && journal === "wal";
}

/** Makes the tables of a new file, or brings those of an older version to this one: in a transaction. */
export function migrate(database: Database): void {
  for (const migration of MIGRATIONS.slice(versionOf(database))) database.exec(migration);
  database.exec(`PRAGMA user_version = ${String(MIGRATIONS.length)}`);
}

function versionOf(database: Database): number {
  const isOurs = pragma(database, "application_id") === APPLICATION_ID;
  return isOurs ? pragma(database, "user_version") : 0;
}

function pragma(database: Database, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() as object)[0]);
}
