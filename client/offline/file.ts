import { SyncError } from "../../lib/errors.ts";
import { persist } from "../keeping/persist.ts";
import type { Persistence } from "../persistence.ts";
import { fileStorage as makeStorage } from "../storage/file/index.ts";

/** Keeps writes and view in a file, for clients in Node. Throws `bad_option`. */
export function fileStorage(path: string): Persistence {
  if (typeof (path as unknown) !== "string" || path === "") {
    throw new SyncError("bad_option", "the path of a file must be given", { property: "path" });
  }
  return persist(() => makeStorage(path));
}
