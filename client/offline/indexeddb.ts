import { checkOptions, isName } from "../keeping/options.ts";
import { persist } from "../keeping/persist.ts";
import type { Persistence } from "../persistence.ts";
import {
  indexedDbStorage as makeStorage,
  type IndexedDbStorageOptions,
} from "../storage/indexeddb/index.ts";

export type { IndexedDbStorageOptions };

/** Keeps writes and view in an IndexedDB database of the browser. Throws `bad_option`. */
export function indexedDbStorage(options: IndexedDbStorageOptions = {}): Persistence {
  checkOptions(options, { name: isName });
  return persist(() => makeStorage(options));
}
