export { PostgresStore } from "./postgres-store.ts";
