import { SyncError } from "../../lib/errors.ts";
import type { ClientStorage } from "../storage/storage.ts";

const METHODS = ["read", "write", "lock", "close"] as const;

/**
 * The same storage, which may be anybody's, or `store_contract`, naming the method that it lacks. What its
 * methods answer is looked at as well; whether they do what they must, only the checks of
 * `object-sync/storage/testing` show.
 */
export function checkedStorage(storage: ClientStorage): ClientStorage {
  const given = Object(storage) as Partial<ClientStorage>;
  for (const name of METHODS) demand(typeof given[name] === "function", name);
  return {
    read: async (prefix) => {
      const entries = await storage.read(prefix);
      demand(Array.isArray(entries) && entries.every(isEntry), "read");
      return entries;
    },
    write: (changes) => storage.write(changes),
    lock: async (name) => {
      const giveBack = await storage.lock(name);
      demand(giveBack === undefined || typeof giveBack === "function", "lock");
      return giveBack;
    },
    close: () => storage.close(),
  };
}

function isEntry(entry: unknown): boolean {
  return Array.isArray(entry) && typeof entry[0] === "string" && typeof entry[1] === "string";
}

function demand(isKept: boolean, property: string): void {
  if (isKept) return;
  const message = `the storage's ${property} is missing, or answers what it may not`;
  throw new SyncError("store_contract", message, { property });
}
