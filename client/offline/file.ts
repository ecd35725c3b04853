import { persist } from "../keeping/persist.ts";
import type { Persistence } from "../persistence.ts";
import { fileStorage as makeStorage } from "../storage/file/index.ts";

/** Keeps writes and view in a file, for clients in Node. */
export function fileStorage(path: string): Persistence {
  return persist(() => makeStorage(path));
}
