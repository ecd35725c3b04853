export { Lease, Leases } from "./leases.ts";
export type { LockOptions } from "./leases.ts";
