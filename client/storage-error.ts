import { SyncError } from "../lib/errors.ts";

/**
 * What a storage failed with, as an error of this client: a storage may be another script than the
 * client is, with a SyncError class of its own, or somebody else's.
 */
export function storageError(cause: unknown): SyncError {
  if (cause instanceof SyncError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new SyncError("storage_failed", message, { cause });
}
