export { Accounts } from "./accounts.ts";
export type { Account } from "./accounts.ts";
export type { AccountsOptions } from "./accounts-options.ts";
export type { Grant } from "./grants.ts";
