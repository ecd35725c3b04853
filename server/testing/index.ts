export { storeContract } from "./store-contract.ts";
export type { StoreCheck, StoreMedium } from "./store-contract.ts";
