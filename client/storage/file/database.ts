import { createRequire } from "node:module";
import { SyncError } from "../../../lib/index.ts";

export type SqlValue = string | Uint8Array;

/** The part that is needed here of the database that Node has built in. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

interface Statement {
  run(...values: SqlValue[]): { readonly changes: number | bigint };
  get(...values: SqlValue[]): unknown;
  all(...values: SqlValue[]): unknown[];
}

interface SqliteModule {
  readonly DatabaseSync: new (file: string) => Database;
}

/** Node 20 has no SQLite of its own. */
const STAND_IN = "@photostructure/sqlite";

/** Opens a database file, and makes it when there is none. */
export function openDatabase(file: string): Database {
  const { DatabaseSync } = sqliteModule();
  return new DatabaseSync(file);
}

/** Throws `unsupported` where there is none. */
export function sqliteModule(): SqliteModule {
  const builtIn = process.getBuiltinModule("node:sqlite" as never) as SqliteModule | undefined;
  if (builtIn !== undefined) return builtIn;
  try {
    return createRequire(import.meta.url)(STAND_IN) as SqliteModule;
  } catch (cause) {
    const remedy = `run "npm install ${STAND_IN}", or use Node 22.13 or later`;
    const message = `this Node (${process.version}) has no SQLite: ${remedy}`;
    throw new SyncError("unsupported", message, { cause });
  }
}

/** Does all of it or nothing, while no other connection to the file writes. */
export function transaction<Result>(database: Database, action: () => Result): Result {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = action();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    try {
      database.exec("ROLLBACK");
    } catch {
      // SQLite has done so itself.
    }
    throw error;
  }
}
