export { storageContract } from "./storage-contract.ts";
export type { Elsewhere, StorageCheck, StorageMedium } from "./storage-contract.ts";
