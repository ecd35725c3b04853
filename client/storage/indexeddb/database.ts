import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import { storageFailed } from "../failure.ts";

const VERSION = 1;
export const ENTRIES = "entries";

interface Schema extends DBSchema {
  readonly [ENTRIES]: { readonly key: string; readonly value: string };
}

export type Database = IDBPDatabase<Schema>;

/**
 * Opens a database, and makes it when there is none. `onLoss` is called when it is gone: deleted, with
 * the site's data or by itself, or taken over by a later version. Nobody may use it then.
 */
export function openDatabase(name: string, onLoss: (error: Error) => void): Promise<Database> {
  return new Promise((resolve, reject) => {
    let isTooLate = false;
    const fail = (why: string): void => {
      isTooLate = true;
      reject(storageFailed(name, why));
    };
    const opening = openDB<Schema>(name, VERSION, {
      upgrade: (database) => void database.createObjectStore(ENTRIES),
      blocked: () => fail("is held open by another tab: close it"),
      // In its way, so that others are not kept waiting.
      blocking: (_version, wanted, event) => {
        (event.target as IDBDatabase).close();
        const why = wanted === null ? "was deleted" : "was opened by a later version: reload";
        onLoss(storageFailed(name, why));
      },
      terminated: () => onLoss(storageFailed(name, "was closed by the browser, perhaps deleted")),
    });
    opening.then((database) => {
      if (isTooLate) database.close();
      else resolve(database);
    }, reject);
  });
}

/** The keys that begin with the prefix; undefined for all. Keys are in the order of UTF-16, as `<` has it. */
export function rangeOf(prefix: string): IDBKeyRange | undefined {
  const stem = prefix.replace(/\uffff+$/, "");
  if (stem === "") return prefix === "" ? undefined : IDBKeyRange.lowerBound(prefix);
  const last = stem.length - 1;
  const after = stem.slice(0, last) + String.fromCharCode(stem.charCodeAt(last) + 1);
  return IDBKeyRange.bound(prefix, after, false, true);
}
