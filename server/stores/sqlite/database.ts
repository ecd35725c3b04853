import { createRequire } from "node:module";
import { SyncError } from "../../../lib/index.ts";

export type SqlValue = null | number | string;

/** The part that is needed here of the database that Node has built in. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

export interface Statement {
  run(...values: SqlValue[]): unknown;
  get(...values: SqlValue[]): unknown;
  all(...values: SqlValue[]): unknown[];
}

interface SqliteModule {
  readonly DatabaseSync: new (file: string) => Database;
}

/** Node 20 has no SQLite of its own. */
const STAND_IN = "@photostructure/sqlite";

/** Opens a database file, and makes it when there is none. Throws `bad_option` for what is no path. */
export function openDatabase(file: string): Database {
  if (typeof (file as unknown) !== "string" || file === "") {
    throw new SyncError("bad_option", "the path of a file must be given", { property: "file" });
  }
  const { DatabaseSync } = sqliteModule();
  return new DatabaseSync(file);
}

function sqliteModule(): SqliteModule {
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
