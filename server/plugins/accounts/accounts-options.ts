import { SyncError, type Credentials } from "../../index.ts";
import type { ScryptCost } from "./hashed-secret.ts";

export interface AccountsOptions {
  /** The private world that the accounts are kept in; "accounts" unless given. */
  readonly world?: string;
  /** What a new hash costs, by scrypt's own names; { N: 32768, r: 8, p: 3 } unless given. */
  readonly cost?: ScryptCost;
  /** Sign-ins that may fail a minute, from one address and for one account each; 10 unless given. */
  readonly failuresPerMinuteMax?: number;
  /**
   * For how long a secret that was right is taken again without computing its hash, in milliseconds; 0
   * unless given. For clients that show it with every request.
   */
  readonly rememberMs?: number;
  /** Where credentials come from; their `address` unless given. Behind a proxy, it knows. */
  readonly addressOf?: (credentials: Credentials) => string;
}

const NAMES: ReadonlySet<string> = new Set<keyof AccountsOptions>([
  "world",
  "cost",
  "failuresPerMinuteMax",
  "rememberMs",
  "addressOf",
]);

/** Throws `bad_option`, naming the option. */
export function checkOptions(options: AccountsOptions): AccountsOptions {
  const strange = Object.keys(options).find((name) => !NAMES.has(name));
  if (strange !== undefined) throw bad(strange, "is none");
  const { world, cost, failuresPerMinuteMax = 1, rememberMs = 0, addressOf } = options;
  if (world !== undefined && typeof world !== "string") throw bad("world", "must be a text");
  if (cost !== undefined && !isCost(cost)) {
    throw bad("cost", "must have whole numbers N, r and p, and N must be a power of two");
  }
  if (!isAbove0(failuresPerMinuteMax)) {
    throw bad("failuresPerMinuteMax", "must be a whole number above 0");
  }
  if (!Number.isSafeInteger(rememberMs) || rememberMs < 0) {
    throw bad("rememberMs", "must be a whole number of milliseconds");
  }
  if (addressOf !== undefined && typeof addressOf !== "function") {
    throw bad("addressOf", "must be a function");
  }
  return options;
}

function isCost(cost: unknown): boolean {
  const { N, r, p, ...others } = Object(cost) as Partial<ScryptCost>;
  const areRight = [N, r, p].every(isAbove0) && Object.keys(others).length === 0;
  return areRight && Number(N) >= 2 && (Number(N) & (Number(N) - 1)) === 0;
}

function isAbove0(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function bad(property: string, reason: string): SyncError {
  return new SyncError("bad_option", `Accounts' option ${property} ${reason}`, { property });
}
