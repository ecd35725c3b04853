export { keepAlive, keepBoth, mergeProperties, preferLocal, preferRemote } from "./handlers.ts";
export { resolveWith } from "./resolve-with.ts";
export type { ConflictHandler, ConflictResolver } from "../conflict-desk.ts";
export type { PropertyMerge } from "./handlers.ts";
