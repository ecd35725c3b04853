export { ObjectSync } from "./object-sync.ts";
export { SyncError } from "../lib/errors.ts";
export type { Callback } from "../lib/callback.ts";
export type { Conflict, Resolution } from "../lib/conflict.ts";
export type { WriteCheck } from "../lib/change-check.ts";
export type { Collision, ErrorCode } from "../lib/errors.ts";
export type { ClientLimits } from "../lib/limits.ts";
export type { Changes, ObjectId, Properties, SyncObject, Value } from "../lib/object.ts";
export type { Operation } from "../lib/operation.ts";
export type { References } from "../lib/references.ts";
export type { Topic } from "../lib/topics.ts";
export type { ConflictHandler, ConflictResolver } from "./conflict-desk.ts";
export type { ObjectEventSource } from "./event-hub.ts";
export type { Explicit } from "./explicit.ts";
export type { Status } from "./connection.ts";
export type {
  EventName,
  ObjectEventName,
  RejectedWrite,
  SyncListener,
  UncertainWrite,
} from "./events.ts";
export type {
  AnyModels,
  ChangesOf,
  ModelTransaction,
  NewObject,
  ObjectOf,
  SavedObject,
} from "./models.ts";
export type { NamespaceOptions, Namespaces } from "./namespaces.ts";
export type { ObjectSyncLike } from "./object-sync.ts";
export type { ObjectSyncOptions, Transport } from "./options.ts";
export type { Persistence } from "./persistence.ts";
export type { ClientStorage } from "./storage/storage.ts";
export type { Unsubscribe } from "./read-calls.ts";
export type { SyncProgress, SyncResult } from "./progress.ts";
export type { WriteHandle, WriteStage } from "./write-handle.ts";
