export { leaseRules, leases } from "./leases.ts";
export type { LeasesOptions } from "./leases.ts";
