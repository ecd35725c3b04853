import { existsSync, rmSync } from "node:fs";
import { nanoid } from "nanoid";
import { openDatabase, transaction, type Database } from "./database.ts";
import { toKey } from "./text.ts";

/**
 * Who holds names for one opening. The operating system tells whether it still exists: beside the
 * storage it has a file of its own, on which it has SQLite's exclusive lock until it ends. A row of
 * the table `locks` counts as long as the file of its holder is locked.
 *
 * An id is used once, and whoever looks at other holders' files does so in a transaction, one at a
 * time: so the file of a holder that is gone can be removed.
 */
export class Holder {
  readonly #database: Database;
  readonly #file: string;
  readonly #id = nanoid();
  #own: Database | undefined;

  constructor(database: Database, file: string) {
    this.#database = database;
    this.#file = file;
  }

  /** Whether the name was free. Throws what SQLite says when it cannot tell. */
  take(name: string): boolean {
    return transaction(this.#database, () => {
      this.#own ??= lockFile(this.#fileOf(this.#id));
      this.#forgetTheDead();
      const { changes } = this.#database
        .prepare("INSERT INTO locks (name, holder) VALUES (?, ?) ON CONFLICT DO NOTHING")
        .run(toKey(name), this.#id);
      return Number(changes) === 1;
    });
  }

  giveBack(name: string): void {
    this.#database
      .prepare("DELETE FROM locks WHERE name = ? AND holder = ?")
      .run(toKey(name), this.#id);
  }

  giveBackAll(): void {
    if (this.#own === undefined) return;
    this.#own.close(); // from here on the rows do not count
    this.#own = undefined;
    this.#forget(this.#id);
  }

  #forgetTheDead(): void {
    const rows = this.#database
      .prepare("SELECT DISTINCT holder FROM locks WHERE holder <> ?")
      .all(this.#id) as { readonly holder: string }[];
    for (const { holder } of rows) if (!isLocked(this.#fileOf(holder))) this.#forget(holder);
  }

  #forget(holder: string): void {
    this.#database.prepare("DELETE FROM locks WHERE holder = ?").run(holder);
    rmSync(this.#fileOf(holder), { force: true });
  }

  #fileOf(holder: string): string {
    return `${this.#file}-holder-${holder}`;
  }
}

/** The lock goes with the connection, and so with the process. Nothing is ever written to the file. */
function lockFile(file: string): Database {
  const database = openDatabase(file);
  try {
    database.exec("PRAGMA journal_mode = MEMORY; PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

const SQLITE_BUSY = 5;

function isLocked(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    lockFile(file).close();
    return false;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return true;
    throw error;
  }
}
