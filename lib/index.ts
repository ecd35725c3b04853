export { ERROR_CODES, SyncError } from "./errors.ts";
export type { ErrorCode, ErrorData, ErrorDetails } from "./errors.ts";
export type { Cancel, Clock, Environment, Random, Scheduler } from "./environment.ts";
export { DEFAULT_LIMITS } from "./limits.ts";
export type { Limits } from "./limits.ts";
export { equalValues } from "./object.ts";
export type { Changes, ObjectId, Properties, SyncObject, Value } from "./object.ts";
export { PROTOCOL } from "./protocol.ts";
export { TokenBucket } from "./token-bucket.ts";
