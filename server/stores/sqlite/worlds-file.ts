import { openDatabase, type Database } from "./database.ts";
import { checkSchema, isCurrent, migrate } from "./schema.ts";
import { prepareAll } from "./statements.ts";
import type { WorldCopy } from "../archive.ts";
import type { StoredWorld } from "../store.ts";
import type { DecisionRow, ObjectRow } from "../stored-json.ts";
import { toCopy, toWorld, type NamedWorldRow, type WorldRow } from "../stored-world.ts";

/** A SQLite file with worlds in it, open. Its transactions are on the disk when they return. */
export class WorldsFile {
  readonly database: Database;
  readonly statements: ReturnType<typeof prepareAll>;

  /** As `SqliteStore` says. */
  constructor(file: string) {
    this.database = openDatabase(file);
    try {
      // First of all: another process may be making the file, or closing it.
      this.database.exec("PRAGMA busy_timeout = 5000");
      checkSchema(this.database, file);
      this.database.exec("PRAGMA synchronous = FULL");
      this.#bringUpToDate();
      this.statements = prepareAll(this.database);
    } catch (error) {
      this.database.close();
      throw error;
    }
  }

  /** Does all of `work`, or nothing. `mode` DEFERRED is for who only reads. */
  transaction<Result>(work: () => Result, mode: "IMMEDIATE" | "DEFERRED" = "IMMEDIATE"): Result {
    this.database.exec(`BEGIN ${mode}`);
    try {
      const result = work();
      this.database.exec("COMMIT");
      return result;
    } catch (error) {
      this.rollBack();
      throw error;
    }
  }

  /** After an error SQLite may have done so itself. */
  rollBack(): void {
    try {
      this.database.exec("ROLLBACK");
    } catch {
      // There is no transaction any more.
    }
  }

  /** Throws `store_corrupt`. */
  read(name: string, row: WorldRow): StoredWorld {
    return toWorld(name, row, ...rowsOf(this.statements, name));
  }

  /** Throws `store_corrupt`. */
  copy(row: NamedWorldRow): WorldCopy {
    return toCopy(row, ...rowsOf(this.statements, row.name));
  }

  close(): void {
    this.database.exec("PRAGMA wal_checkpoint(TRUNCATE)"); // so that the file is all there is
    this.database.close();
  }

  /** What is about to be changed as a whole is read as a whole first, and left alone if it is damaged. */
  #bringUpToDate(): void {
    if (isCurrent(this.database)) return;
    this.transaction(() => {
      migrate(this.database);
      const statements = prepareAll(this.database);
      for (const row of statements.worlds.all() as NamedWorldRow[]) {
        toCopy(row, ...rowsOf(statements, row.name));
      }
    });
    this.database.exec("PRAGMA journal_mode = WAL");
  }
}

function rowsOf(
  { objects, decisions }: ReturnType<typeof prepareAll>,
  name: string,
): [ObjectRow[], DecisionRow[]] {
  return [objects.all(name) as ObjectRow[], decisions.all(name) as DecisionRow[]];
}
