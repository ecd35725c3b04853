export { backup, exportWorld, importWorld, newEpoch, restore } from "./operations.ts";
export type { PutOptions, WorldSummary } from "./operations.ts";
export type { Archive, WorldCopy } from "../stores/archive.ts";
