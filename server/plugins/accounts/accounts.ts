import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { SyncObject } from "../../../lib/index.ts";
import {
  SyncError,
  type Credentials,
  type HostedWorld,
  type ObjectSyncServer,
} from "../../index.ts";
import { checkOptions, type AccountsOptions } from "./accounts-options.ts";
import { Attempts } from "./attempts.ts";
import { allowing, Grants, type Grant } from "./grants.ts";
import { DEFAULT_COST, hashSecret, isSecret, type HashedSecret } from "./hashed-secret.ts";
import { Remembered } from "./remembered.ts";

/** An account, and the identity of who has signed in. An id is never used again, a name may be. */
export interface Account {
  readonly id: string;
  readonly name: string;
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
  readonly #remembered: Remembered;
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
      rememberMs = 0,
      addressOf = ({ address }: Credentials): string => address,
    } = checkOptions(options);
    this.#options = { world, cost, failuresPerMinuteMax, rememberMs, addressOf };
    this.#remembered = new Remembered(rememberMs);
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
    const known = await this.#recall(name, secret);
    if (known !== undefined) return known;
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

  /** Makes an account and gives it permissions, as one step. Throws `exists` when there is one of this name. */
  async create(name: string, secret: string, grants: readonly Grant[] = []): Promise<Account> {
    checkName(name);
    checkSecret(secret);
    const world = await this.#opened();
    const account = { id: randomUUID(), name };
    const granted = Grants.objectOf(account.id, grants);
    const hashed = await this.#hash(secret);
    await world.transaction((steps) => {
      steps.create({ id: idOf(name), account: account.id, ...hashed });
      if (grants.length > 0) steps.create(granted);
    });
    return account;
  }

  /** Gives an account another secret, and ends its sessions. Throws `not_found`. */
  async setSecret(name: string, secret: string): Promise<void> {
    checkSecret(secret);
    const account = await this.#find(name);
    const hashed = await this.#hash(secret);
    const world = await this.#opened();
    // That takes a while, in which it may have been removed, and its name be another's.
    if (keptOf(world.get(idOf(name)))?.id !== account.id) throw noAccount(name);
    await world.update({ id: idOf(name), ...hashed });
    this.#server?.endSessions(account.id);
  }

  /** Removes an account, and ends its sessions. Throws `not_found`. */
  async remove(name: string): Promise<void> {
    const account = await this.#find(name);
    const world = await this.#opened();
    await world.destroy(idOf(name));
    await new Grants(world).removeAll(account.id);
    this.#server?.endSessions(account.id);
  }

  /**
   * Gives an account a permission on a resource, or another value to one that it has. "*" stands for
   * every permission; "*" and "foo*" for every resource, and those that begin with "foo".
   */
  async grant(name: string, permission: string, resource: string, value = "Yes"): Promise<void> {
    const { id } = await this.#find(name);
    await new Grants(await this.#opened()).add(id, { permission, resource, value });
  }

  /** Takes back what was granted in these very words. Throws `not_found`. */
  async revoke(name: string, permission: string, resource: string): Promise<void> {
    const { id } = await this.#find(name);
    await new Grants(await this.#opened()).remove(id, permission, resource);
  }

  /** All that an account was granted. */
  async grants(name: string): Promise<Grant[]> {
    const { id } = await this.#find(name);
    return new Grants(await this.#opened()).of(id);
  }

  /** The grant by which an account has this permission on this resource; undefined if it has not. */
  async permits(name: string, permission: string, resource: string): Promise<Grant | undefined> {
    return allowing(await this.grants(name), permission, resource);
  }

  /** All accounts, by name. */
  async list(): Promise<Account[]> {
    const world = await this.#opened();
    const objects = [...world.allObjects().values()].filter(({ id }) => id.startsWith(idOf("")));
    const all = objects.map(keptOf).filter((kept) => kept !== undefined);
    const accounts = all.map(({ id, name }) => ({ id, name }));
    return accounts.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** An account whose secret was right a moment ago, and is so still. */
  async #recall(name: string, secret: string): Promise<Account | undefined> {
    const kept = keptOf((await this.#opened()).get(idOf(name)));
    if (kept === undefined) return undefined;
    const isRight = this.#remembered.has(name, secret, kept.secret.hash, performance.now());
    return isRight ? { id: kept.id, name } : undefined;
  }

  async #check(name: string, secret: string): Promise<Account> {
    const world = await this.#opened();
    const kept = keptOf(world.get(idOf(name)));
    const compared = kept?.secret ?? (await this.#nobody);
    const isRight = await this.#inTurn(() => isSecret(secret, compared));
    if (!isRight || kept === undefined) throw refused();
    // It may have been removed, or have got another secret, meanwhile.
    if (keptOf(world.get(idOf(name)))?.secret.hash !== kept.secret.hash) throw refused();
    this.#remembered.add(name, secret, kept.secret.hash, performance.now());
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
    if (kept === undefined) throw noAccount(name);
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

function noAccount(name: string): SyncError {
  return new SyncError("not_found", `there is no account ${name}`);
}

function refused(): SyncError {
  return new SyncError("unauthenticated", "there is no such account, or its secret is another");
}
