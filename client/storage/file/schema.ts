import { storageFailed } from "../failure.ts";
import { transaction, type Database } from "./database.ts";

/** "objc": by which a file is known to be a client's. */
const APPLICATION_ID = 0x6f626a63;
const SCHEMA_VERSION = 1;

/** A key is as `toKey` makes it, as is a name. `holder` is part of the name of a file; see Holder. */
const SCHEMA = `
  CREATE TABLE entries (key BLOB NOT NULL UNIQUE, value ANY NOT NULL) STRICT;
  CREATE TABLE locks (name BLOB PRIMARY KEY, holder TEXT NOT NULL) STRICT;
  PRAGMA application_id = ${String(APPLICATION_ID)};
  PRAGMA user_version = ${String(SCHEMA_VERSION)};
`;

/** Makes the tables in a new file. Throws when the file is not new and not ours, whole and of this version. */
export function prepareSchema(database: Database, file: string): void {
  if (isOurs(database, file)) return;
  transaction(database, () => {
    if (!isOurs(database, file)) database.exec(SCHEMA); // nor made by another process meanwhile
  });
}

/** Only reads: what is refused is left as it is. */
function isOurs(database: Database, file: string): boolean {
  const { count } = database.prepare("SELECT count(*) AS count FROM sqlite_schema").get() as {
    count: number;
  };
  // In this order: another process that makes the file meanwhile makes all of it in one transaction.
  if (pragma(database, "application_id") !== APPLICATION_ID) {
    if (count > 0) throw storageFailed(file, "is a database of something else");
    return false;
  }
  const version = Number(pragma(database, "user_version"));
  if (version > SCHEMA_VERSION) {
    throw storageFailed(file, `was written by a later version (${version}): update object-sync`);
  }
  const damage = pragma(database, "quick_check(1)");
  if (damage !== "ok") throw storageFailed(file, `is damaged (${String(damage)})`);
  return true;
}

function pragma(database: Database, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() as object)[0];
}
