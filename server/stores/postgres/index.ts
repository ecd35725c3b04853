export { PostgresArchive } from "./postgres-archive.ts";
export { PostgresStore } from "./postgres-store.ts";
