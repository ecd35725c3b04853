export { mapMedium, storeFaults } from "./map-medium.ts";
export type { StoreFault } from "./map-medium.ts";
export { storeContract } from "./store-contract.ts";
export type { StoreCheck, StoreMedium } from "./store-contract.ts";
