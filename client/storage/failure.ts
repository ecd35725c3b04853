import { SyncError } from "../../lib/index.ts";

/** What a storage that cannot go on rejects with. `cause` is what the medium said, if it did. */
export function storageFailed(storage: string, why: string, cause?: unknown): SyncError {
  if (cause instanceof SyncError) return cause;
  const said = (cause as Partial<Error> | undefined)?.message;
  const message = `the storage ${storage} ${why}${said === undefined ? "" : `: ${said}`}`;
  return new SyncError("storage_failed", message, { cause });
}

export function storageClosed(): SyncError {
  return new SyncError("closed", "the storage was closed");
}
