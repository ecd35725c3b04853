import { SyncError } from "../lib/errors.ts";

/** What a storage failed with, as a SyncError: it may be somebody else's storage. */
export function storageError(cause: unknown): SyncError {
  if (cause instanceof SyncError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new SyncError("storage_failed", message, { cause });
}
