import { SyncError, type ObjectSyncServer } from "../../index.ts";
import { AccessTokens } from "./access-tokens.ts";
import type { PlasmidAccounts } from "./accounts-contract.ts";
import { checkAccess, checkGrant } from "./checks.ts";
import { Hub } from "./hub.ts";
import { Service } from "./service.ts";

export interface PlasmidOptions {
  /** `new Accounts({ rememberMs: 60_000 })` of object-sync/accounts, or anything like it. */
  readonly accounts: PlasmidAccounts;
  /** Where it answers; ["/v1", "/plasmid"] unless given. */
  readonly paths?: readonly string[];
  /**
   * Whether clients of object-sync can join the databases, as worlds "plasmid:<name>", by the server's own
   * rules; false unless given: then databases are for Plasmid Sync alone, and its grants.
   */
  readonly shared?: boolean;
  /** Whether anybody can make an account; false unless given: that takes the permission CreateAccount. */
  readonly signUp?: boolean;
  /** Databases that there can be; 1,000 unless given. */
  readonly databasesMax?: number;
  /** Bytes of a request's body; 8 MiB unless given. */
  readonly bodyBytesMax?: number;
  /** Values in a request's body, those in other values among them; 50,000 unless given. */
  readonly bodyValuesMax?: number;
  /** How long a body may take to come; 30,000 ms unless given. */
  readonly bodyTimeoutMs?: number;
}

const DEFAULTS = {
  paths: ["/v1", "/plasmid"],
  shared: false,
  signUp: false,
  databasesMax: 1_000,
  bodyBytesMax: 8_388_608,
  bodyValuesMax: 50_000,
  bodyTimeoutMs: 30_000,
};

/**
 * The service of Plasmid Sync, with its published HTTP interface, on a server of object-sync.
 *
 * ```ts
 * const accounts = new Accounts({ rememberMs: 60_000 });
 * const sync = new ObjectSyncServer({ store, authenticate: accounts.authenticate, rules: {} });
 * sync.use(accounts.plugin);
 * sync.use(new Plasmid({ accounts }).plugin);
 * ```
 */
export class Plasmid {
  readonly #options: Required<PlasmidOptions>;
  #hub: Hub | undefined;

  /** Throws `bad_option`, naming the option. */
  constructor(options: PlasmidOptions) {
    this.#options = { ...DEFAULTS, ...checked(options) };
  }

  /** For `sync.use(...)`. */
  readonly plugin = (server: ObjectSyncServer): void => {
    const { accounts, paths } = this.#options;
    const hub = new Hub(server, this.#options);
    this.#hub = hub;
    hub.begin().catch(() => undefined); // a world that cannot be opened is told of by its server
    const tokens = new AccessTokens(accounts, hub);
    const service = new Service({ ...this.#options, hub, tokens });
    for (const path of paths) server.http(path, service.listener(path));
  };

  /** Throws `invalid_value` for a name that an account of the service cannot have. */
  checkAccess(name: string): void {
    checkAccess(name);
  }

  /** Throws `invalid_value` where a permission cannot be granted with this value. */
  checkGrant(permission: string, value: string): void {
    checkGrant(permission, value);
  }

  /** What was noted of the whole service under this name. */
  getMeta(property: string): Promise<string | undefined> {
    return this.#used().getMeta(property);
  }

  setMeta(property: string, value: string): Promise<void> {
    return this.#used().setMeta(property, value);
  }

  #used(): Hub {
    if (this.#hub !== undefined) return this.#hub;
    throw new SyncError("unavailable", "Plasmid has no server: call sync.use()");
  }
}

type Fields = Readonly<Record<string, unknown>>;

function checked(options: PlasmidOptions): PlasmidOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    if (name === "accounts") continue;
    if (!Object.hasOwn(DEFAULTS, name)) throw bad(name, "is none");
    const isNumber = typeof DEFAULTS[name as keyof typeof DEFAULTS] === "number";
    const isWhole = Number.isSafeInteger(value) && Number(value) > 0;
    if (isNumber && !isWhole) throw bad(name, "must be a whole number above 0");
    if (name === "paths") checkPaths(value);
    else if (!isNumber && typeof value !== "boolean") throw bad(name, "must be true or false");
  }
  for (const method of ["authenticate", "create", "grants", "permits", "grant"]) {
    const accounts = (options as { accounts?: unknown }).accounts as Fields | undefined;
    if (typeof accounts?.[method] !== "function") throw bad("accounts", `must have ${method}`);
  }
  return Object.fromEntries(given) as unknown as PlasmidOptions;
}

function checkPaths(paths: unknown): void {
  const isText = (path: unknown): boolean => typeof path === "string";
  if (!Array.isArray(paths) || !paths.every(isText)) throw bad("paths", "must be a list of paths");
}

function bad(property: string, reason: string): SyncError {
  return new SyncError("bad_option", `Plasmid's option ${property} ${reason}`, { property });
}
