export { ObjectSync } from "./object-sync.ts";
export { SyncError } from "../lib/errors.ts";
export type { Callback } from "../lib/callback.ts";
export type { WriteCheck } from "../lib/change-check.ts";
export type { ErrorCode } from "../lib/errors.ts";
export type { ClientLimits } from "../lib/limits.ts";
export type { Changes, ObjectId, Properties, SyncObject, Value } from "../lib/object.ts";
export type { Operation } from "../lib/operation.ts";
export type { Topic } from "../lib/topics.ts";
export type { ObjectEventSource, Unsubscribe } from "./client.ts";
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
export type { ObjectSyncOptions, Transport } from "./options.ts";
export type { Persistence } from "./persistence.ts";
export type { ClientStorage } from "./storage/storage.ts";
export type { WriteHandle, WriteStage } from "./write-handle.ts";
