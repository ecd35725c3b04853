import { persist } from "../keeping/persist.ts";
import type { Persistence } from "../persistence.ts";
import { webStorage as makeStorage, type WebStorageOptions } from "../storage/web/index.ts";

export type { WebStorageOptions };

/** Keeps writes and view in the page's localStorage, or in the `area` given: some megabytes. */
export function webStorage(options: WebStorageOptions = {}): Persistence {
  return persist(() => makeStorage(options));
}
