export { webStorage } from "./web-storage.ts";
export type { WebStorageOptions } from "./web-storage.ts";
