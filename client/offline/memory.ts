import { persist } from "../keeping/persist.ts";
import type { Persistence } from "../persistence.ts";
import { memoryStorage as makeStorage, SharedMemory } from "../storage/memory.ts";

export { SharedMemory };

/** Keeps writes and view for as long as the process runs; clients that are given the same memory share it. */
export function memoryStorage(memory = new SharedMemory()): Persistence {
  return persist(() => makeStorage(memory));
}
