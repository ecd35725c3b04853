export { indexedDbStorage } from "./indexeddb-storage.ts";
export type { IndexedDbStorageOptions } from "./indexeddb-storage.ts";
