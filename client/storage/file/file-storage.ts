import { statSync } from "node:fs";
import { resolve } from "node:path";
import { storageClosed, storageFailed } from "../failure.ts";
import type { ClientStorage } from "../storage.ts";
import { openDatabase, sqliteModule, transaction, type Database } from "./database.ts";
import { Holder } from "./holder.ts";
import { prepareSchema } from "./schema.ts";
import { fromKey, fromValue, toKey, toValue } from "./text.ts";

/**
 * Keeps what it is given in one SQLite file, which is made when there is none: for Node. A write is on
 * the disk before it resolves (WAL, full sync). Several processes may use the file at the same time.
 *
 * Throws `unsupported` when this Node has no SQLite: use Node 22.13 or later, or install
 * `@photostructure/sqlite`. A file that is damaged, of something else or of a later version is left as
 * it is, and every call rejects with `storage_failed`.
 */
export function fileStorage(path: string): ClientStorage {
  sqliteModule();
  return new FileStorage(resolve(path));
}

type Change = readonly [key: string, value: string | undefined];

/** A write that waits for the transaction it goes with. */
interface Waiting {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Opened {
  readonly database: Database;
  readonly holder: Holder;
  /** By which it is seen that somebody has put another file in its place, or none. */
  readonly inode: bigint;
}

class FileStorage implements ClientStorage {
  readonly #file: string;
  #opened: Opened | undefined;
  #waiting: Waiting[] = [];
  #isClosed = false;

  constructor(file: string) {
    this.#file = file;
  }

  async read(prefix: string): Promise<readonly (readonly [string, string])[]> {
    this.#flush();
    const { database } = await Promise.resolve(this.#use());
    return this.#attempt("cannot be read", () => readEntries(database, prefix));
  }

  write(changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw storageClosed();
      const waiting = { changes: [...changes], resolve, reject };
      // What comes in one turn of the event loop shares a transaction, as the sync is what takes long.
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push(waiting);
    });
  }

  async lock(name: string): Promise<(() => void) | undefined> {
    const { holder } = await Promise.resolve(this.#use());
    const isFree = this.#attempt("cannot take a name", () => holder.take(name));
    if (!isFree) return undefined;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      try {
        if (!this.#isClosed) holder.giveBack(name);
      } catch {
        // Then it goes with this opening.
      }
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    const opened = this.#opened;
    await Promise.resolve();
    if (opened === undefined) return;
    this.#attempt("cannot be closed", () => {
      try {
        opened.holder.giveBackAll();
        opened.database.exec("PRAGMA wal_checkpoint(TRUNCATE)"); // so that the file is all there is
      } finally {
        opened.database.close();
      }
    });
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    try {
      const { database } = this.#use();
      this.#attempt("cannot keep this", () =>
        transaction(database, () => {
          for (const { changes } of waiting) putEntries(database, changes);
        }),
      );
    } catch (error) {
      for (const { reject } of waiting) reject(error);
      return;
    }
    for (const { resolve } of waiting) resolve();
  }

  /** The file, opened if need be; after a failure it is tried again. */
  #use(): Opened {
    if (this.#isClosed) throw storageClosed();
    this.#opened ??= this.#attempt("cannot be opened", () => open(this.#file));
    const isThere =
      statSync(this.#file, { bigint: true, throwIfNoEntry: false })?.ino === this.#opened.inode;
    if (!isThere) throw storageFailed(this.#file, "was removed or replaced meanwhile");
    return this.#opened;
  }

  #attempt<Result>(failing: string, action: () => Result): Result {
    try {
      return action();
    } catch (cause) {
      throw storageFailed(this.#file, failing, cause);
    }
  }
}

function open(file: string): Opened {
  const database = openDatabase(file);
  try {
    database.exec("PRAGMA busy_timeout = 5000");
    prepareSchema(database, file);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    database.exec("PRAGMA secure_delete = ON"); // what a user signs out from is on a shared device
    const { ino: inode } = statSync(file, { bigint: true });
    return { database, inode, holder: new Holder(database, file) };
  } catch (error) {
    database.close();
    throw error;
  }
}

function readEntries(database: Database, prefix: string): (readonly [string, string])[] {
  const rows = database
    .prepare(
      "SELECT key, value FROM entries WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1 ORDER BY key",
    )
    .all(toKey(prefix)) as { readonly key: Uint8Array; readonly value: string | Uint8Array }[];
  return rows.map(({ key, value }) => [fromKey(key), fromValue(value)]);
}

function putEntries(database: Database, changes: readonly Change[]): void {
  const put = database.prepare("INSERT OR REPLACE INTO entries (key, value) VALUES (?, ?)");
  const remove = database.prepare("DELETE FROM entries WHERE key = ?");
  for (const [key, value] of changes) {
    if (value === undefined) remove.run(toKey(key));
    else put.run(toKey(key), toValue(value));
  }
}
