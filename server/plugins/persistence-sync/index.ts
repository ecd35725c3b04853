export { persistenceSync } from "./persistence-sync.ts";
export type { PersistenceSyncOptions, SyncResource } from "./options.ts";
