import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { SyncObject } from "../../../lib/index.ts";
import {
  SyncError,
  type Credentials,
  type HostedWorld,
  type ObjectSyncServer,
} from "../../index.ts";
import { Attempts } from "./attempts.ts";
import {
  DEFAULT_COST,
  hashSecret,
  isSecret,
  type HashedSecret,
  type ScryptCost,
} from "./hashed-secret.ts";

/** An account, and the identity of who has signed in. An id is never used again, a name may be. */
export interface Account {
  readonly id: string;
  readonly name: string;
}

export interface AccountsOptions {
  /** The private world that the accounts are kept in; "accounts" unless given. */
  readonly world?: string;
  /** What a new hash costs, by scrypt's own names; { N: 32768, r: 8, p: 3 } unless given. */
  readonly cost?: ScryptCost;
  /** Sign-ins that may fail a minute, from one address and for one account each; 10 unless given. */
  readonly failuresPerMinuteMax?: number;
  /** Where credentials come from; their `address` unless given. Behind a proxy, it knows. */
  readonly addressOf?: (credentials: Credentials) => string;
}

interface Kept extends Account {
  readonly secret: HashedSecret;
}

const NAME_LENGTH_MAX = 64;
const SECRET_LENGTH_MIN = 8;
const SECRET_LENGTH_MAX = 1_024;
/** Names and addresses whose failures are remembered. */
const FAILURES_KEPT_MAX = 10_000;
/** Hashes that are computed at once: each has a thread of Node's four, and much memory. */
const HASHES_MAX = 2;
/** Sign-ins that wait for their turn: those that would be in time. */
const WAITING_MAX = 40;
const RETRY_AFTER_MS = 5_000;

/**
 * Accounts with a name and a secret, kept in a private world of the server's own store.
 *
 * ```ts
 * const accounts = new Accounts();
 * const sync = new ObjectSyncServer({ store, authenticate: accounts.authenticate });
 * sync.use(accounts.plugin);
 * await accounts.create("ann", "correct horse battery staple");
 * // a client: new ObjectSync(url, { auth: { name: "ann", secret: "..." } })
 * ```
 */
export class Accounts {
  readonly #options: Required<AccountsOptions>;
  readonly #byName: Attempts;
  readonly #byAddress: Attempts;
  readonly #waiting: (() => void)[] = [];
  #hashing = 0;
  /** Compared with where there is no account, which must not be told from how long it takes. */
  readonly #nobody: Promise<HashedSecret>;
  #server: ObjectSyncServer | undefined;

  /** Throws `bad_option`. */
  constructor(options: AccountsOptions = {}) {
    const {
      world = "accounts",
      cost = DEFAULT_COST,
      failuresPerMinuteMax = 10,
      addressOf = ({ address }: Credentials): string => address,
    } = checked(options);
    this.#options = { world, cost, failuresPerMinuteMax, addressOf };
    this.#nobody = hashSecret("nobody's secret", cost);
    this.#nobody.catch(() => undefined); // whoever signs in hears
    this.#byName = new Attempts(failuresPerMinuteMax, FAILURES_KEPT_MAX);
    this.#byAddress = new Attempts(failuresPerMinuteMax, FAILURES_KEPT_MAX);
  }

  /** For `sync.use(...)`. */
  readonly plugin = (server: ObjectSyncServer): void => {
    server.world(this.#options.world, { private: true });
    this.#server = server;
  };

  /**
   * For the option `authenticate`: the account of these credentials, `{ name, secret }`. Throws
   * `unauthenticated`, `rate_limited` after too many failures, and `unavailable` when too many wait.
   */
  readonly authenticate = async (credentials: Credentials): Promise<Account> => {
    const { name, secret } = credentialsOf(credentials.auth);
    const address = this.#options.addressOf(credentials);
    this.#count(name, address);
    try {
      const account = await this.#check(name, secret);
      this.#uncount(name, address);
      return account;
    } catch (error) {
      const isFailure = error instanceof SyncError && error.code === "unauthenticated";
      if (!isFailure) this.#uncount(name, address);
      throw error;
    }
  };

  /** Throws `exists` when there is an account of this name. */
  async create(name: string, secret: string): Promise<Account> {
    checkName(name);
    checkSecret(secret);
    const world = await this.#opened();
    const account = { id: randomUUID(), name };
    const hashed = await this.#hash(secret);
    await world.create({ id: idOf(name), account: account.id, ...hashed });
    return account;
  }

  /** Gives an account another secret, and ends its sessions. Throws `not_found`. */
  async setSecret(name: string, secret: string): Promise<void> {
    checkSecret(secret);
    const account = await this.#find(name);
    const hashed = await this.#hash(secret);
    await (await this.#opened()).update({ id: idOf(name), ...hashed });
    this.#server?.endSessions(account.id);
  }

  /** Removes an account, and ends its sessions. Throws `not_found`. */
  async remove(name: string): Promise<void> {
    const account = await this.#find(name);
    await (await this.#opened()).destroy(idOf(name));
    this.#server?.endSessions(account.id);
  }

  /** All accounts, by name. */
  async list(): Promise<Account[]> {
    const world = await this.#opened();
    const all = [...world.allObjects().values()].map(keptOf).filter((kept) => kept !== undefined);
    const accounts = all.map(({ id, name }) => ({ id, name }));
    return accounts.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async #check(name: string, secret: string): Promise<Account> {
    const world = await this.#opened();
    const kept = keptOf(world.get(idOf(name)));
    const compared = kept?.secret ?? (await this.#nobody);
    const isRight = await this.#inTurn(() => isSecret(secret, compared));
    if (!isRight || kept === undefined) throw refused();
    // It may have been removed, or have got another secret, meanwhile.
    if (keptOf(world.get(idOf(name)))?.secret.hash !== kept.secret.hash) throw refused();
    return { id: kept.id, name };
  }

  async #opened(): Promise<HostedWorld> {
    if (this.#server === undefined) {
      throw new SyncError("unavailable", "the accounts have no server: call sync.use()");
    }
    const world = this.#server.world(this.#options.world, { private: true });
    await world.opened();
    return world;
  }

  async #find(name: string): Promise<Account> {
    const kept = keptOf((await this.#opened()).get(idOf(checkName(name))));
    if (kept === undefined) throw new SyncError("not_found", `there is no account ${name}`);
    return kept;
  }

  #hash(secret: string): Promise<HashedSecret> {
    return this.#inTurn(() => hashSecret(secret, this.#options.cost));
  }

  /** An attempt counts before it is known to fail, or many could be made at once. */
  #count(name: string, address: string): void {
    const now = performance.now();
    const waitMs = Math.max(this.#byAddress.take(address, now), this.#byName.take(name, now));
    if (waitMs === 0) return;
    const retryAfterMs = Math.ceil(waitMs);
    throw new SyncError("rate_limited", "too many sign-ins have failed", { retryAfterMs });
  }

  #uncount(name: string, address: string): void {
    this.#byName.giveBack(name);
    this.#byAddress.giveBack(address);
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#hashing >= HASHES_MAX) {
      if (this.#waiting.length >= WAITING_MAX) {
        const retryAfterMs = RETRY_AFTER_MS;
        throw new SyncError("unavailable", "too many are signing in", { retryAfterMs });
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#hashing += 1;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift(); // takes this one's place
      if (next === undefined) this.#hashing -= 1;
      else next();
    }
  }
}

const NAMES: ReadonlySet<string> = new Set<keyof AccountsOptions>([
  "world",
  "cost",
  "failuresPerMinuteMax",
  "addressOf",
]);

function checked(options: AccountsOptions): AccountsOptions {
  const strange = Object.keys(options).find((name) => !NAMES.has(name));
  if (strange !== undefined) throw bad(strange, "is none");
  const { world, cost, failuresPerMinuteMax = 1, addressOf } = options;
  if (world !== undefined && typeof world !== "string") throw bad("world", "must be a text");
  if (cost !== undefined && !isCost(cost)) {
    throw bad("cost", "must have whole numbers N, r and p, and N must be a power of two");
  }
  if (!isAbove0(failuresPerMinuteMax)) {
    throw bad("failuresPerMinuteMax", "must be a whole number above 0");
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

function credentialsOf(auth: unknown): { name: string; secret: string } {
  const { name, secret } = (typeof auth === "object" && auth !== null ? auth : {}) as {
    name?: unknown;
    secret?: unknown;
  };
  if (!isName(name) || typeof secret !== "string" || secret.length > SECRET_LENGTH_MAX) {
    throw refused();
  }
  return { name, secret };
}

function isName(name: unknown): name is string {
  return typeof name === "string" && /^[^\p{C}]+$/u.test(name) && name.length <= NAME_LENGTH_MAX;
}

function checkName(name: unknown): string {
  if (isName(name)) return name;
  const message = `a name is a text of 1 to ${String(NAME_LENGTH_MAX)} characters that can be seen`;
  throw new SyncError("invalid_value", message, { property: "name" });
}

function checkSecret(secret: unknown): void {
  const length = typeof secret === "string" ? secret.length : 0;
  if (length >= SECRET_LENGTH_MIN && length <= SECRET_LENGTH_MAX) return;
  const range = `${String(SECRET_LENGTH_MIN)} to ${String(SECRET_LENGTH_MAX)}`;
  const message = `a secret is a text of ${range} characters`;
  throw new SyncError("invalid_value", message, { property: "secret" });
}

function idOf(name: string): string {
  return `account:${name}`;
}

function keptOf(object: SyncObject | undefined): Kept | undefined {
  if (object === undefined) return undefined;
  const { id, account, ...secret } = object as SyncObject & { account: string } & HashedSecret;
  return { id: account, name: id.slice(idOf("").length), secret };
}

function refused(): SyncError {
  return new SyncError("unauthenticated", "there is no such account, or its secret is another");
}

function bad(property: string, reason: string): SyncError {
  return new SyncError("bad_option", `Accounts' option ${property} ${reason}`, { property });
}
