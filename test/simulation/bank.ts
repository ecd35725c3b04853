/**
 * Accounts that are only ever written all at once, so that their balances add up: whoever sees
 * another sum sees a part of a write.
 */
export const BANK_GROUPS = 2;
export const ACCOUNTS = 4;
export const BANK_TOTAL = 1_000;

export function accountId(group: number, account: number): string {
  return `bank:${group}:${account}`;
}

/** The sum of a group, or undefined when it has no accounts at all. */
export function bankTotal(get: (id: string) => unknown, group: number): number | undefined {
  let total = 0;
  let accounts = 0;
  for (let account = 0; account < ACCOUNTS; account++) {
    const object = get(accountId(group, account));
    if (object === undefined) continue;
    accounts += 1;
    total += Number((object as { balance?: unknown }).balance);
  }
  return accounts === 0 ? undefined : total;
}
