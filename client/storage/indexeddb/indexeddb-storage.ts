import { BrowserLocks } from "../browser-locks.ts";
import { storageClosed, storageFailed } from "../failure.ts";
import type { ClientStorage } from "../storage.ts";
import { ENTRIES, openDatabase, rangeOf, type Database } from "./database.ts";

export interface IndexedDbStorageOptions {
  /** Which of the origin's databases; "object-sync" unless given. */
  readonly name?: string | undefined;
}

/**
 * Keeps what it is given in an IndexedDB database, which all tabs of an origin share: the choice for
 * browsers. A write is on the disk before it resolves, where the browser offers that ("strict").
 */
export function indexedDbStorage({
  name = "object-sync",
}: IndexedDbStorageOptions = {}): ClientStorage {
  return new IndexedDbStorage(name);
}

class IndexedDbStorage implements ClientStorage {
  readonly #name: string;
  readonly #locks: BrowserLocks;
  #opening: Promise<Database> | undefined;
  /** Why it can never be used again: what is in its place by now is not what was read before. */
  #loss: Error | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(name: string) {
    this.#name = name;
    this.#locks = new BrowserLocks(`object-sync/indexeddb/${name}`, () => localStorage);
  }

  read(prefix: string): Promise<readonly (readonly [string, string])[]> {
    return this.#inTurn("cannot be read", async (database) => {
      const { store } = database.transaction(ENTRIES);
      const range = rangeOf(prefix);
      const [keys, values] = await Promise.all([store.getAllKeys(range), store.getAll(range)]);
      return keys.map((key, i) => [key, values[i] ?? ""]);
    });
  }

  async write(changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    const taken = [...changes];
    return this.#inTurn("cannot keep this", async (database) => {
      const { store, done } = database.transaction(ENTRIES, "readwrite", { durability: "strict" });
      const requests = taken.map(([key, value]) =>
        value === undefined ? store.delete(key) : store.put(value, key),
      );
      await Promise.all([...requests, done]);
    });
  }

  /** Opens the database as well: who holds a name can use it. */
  lock(name: string): Promise<(() => void) | undefined> {
    return this.#inTurn("cannot take a name", () => this.#locks.take(name));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#last;
    this.#locks.close();
    const database = await this.#opening?.catch(() => undefined);
    database?.close();
  }

  /** Starts at once, or as soon as it is open: IndexedDB itself keeps the order of what overlaps. */
  #inTurn<Result>(
    failing: string,
    action: (database: Database) => Promise<Result>,
  ): Promise<Result> {
    if (this.#isClosed) return Promise.reject(storageClosed());
    const result = this.#attempt(failing, action);
    this.#last = Promise.allSettled([this.#last, result]);
    return result;
  }

  async #attempt<Result>(
    failing: string,
    action: (database: Database) => Promise<Result>,
  ): Promise<Result> {
    try {
      return await action(await this.#open());
    } catch (cause) {
      throw this.#loss ?? storageFailed(this.#name, failing, cause);
    }
  }

  /** After a failure the next call tries again. */
  #open(): Promise<Database> {
    if (this.#loss !== undefined) return Promise.reject(this.#loss);
    if (this.#opening === undefined) {
      const opening = openDatabase(this.#name, (error) => (this.#loss = error));
      this.#opening = opening;
      opening.catch(() => (this.#opening = undefined));
    }
    return this.#opening;
  }
}
