export { SqliteArchive } from "./sqlite-archive.ts";
export { SqliteStore } from "./sqlite-store.ts";
