export { Accounts } from "./accounts.ts";
export type { Account, AccountsOptions } from "./accounts.ts";
