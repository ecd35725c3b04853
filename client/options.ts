import type { WriteCheck } from "../lib/change-check.ts";
import { SyncError } from "../lib/errors.ts";
import { CLIENT_LIMITS, resolveLimits, type ClientLimits } from "../lib/limits.ts";
import { isMigrations, type Migrations } from "../lib/migrations.ts";
import { PROTOCOL } from "../lib/protocol.ts";
import type { Topic } from "../lib/topics.ts";
import type { Persistence } from "./persistence.ts";

const TRANSPORTS = ["websocket", "polling"] as const;

export type Transport = (typeof TRANSPORTS)[number];

export interface ObjectSyncOptions {
  /** Which of the server's worlds; "default" unless given. */
  readonly world?: string | undefined;
  /**
   * What the server's `authenticate` gets: a value that JSON can carry, or a function that returns
   * it or a promise of it, which is asked before each attempt to connect.
   */
  readonly auth?: unknown;
  /** The server's path; "/object-sync" unless given. */
  readonly path?: string | undefined;
  /** The server's socket.io namespace; "/object-sync" unless given. */
  readonly namespace?: string | undefined;
  /** What to try, in this order: WebSocket, then polling where it is blocked, unless given. */
  readonly transports?: readonly Transport[] | undefined;
  /**
   * What the client is shown to begin with; `subscribe` and `fetch` add to it. Everything that it may
   * see, unless given.
   */
  readonly subscribe?: readonly Topic[] | undefined;
  /** Whether writes show before the server has accepted them; true unless given. */
  readonly optimistic?: boolean | undefined;
  /** Whether to connect at once; true unless given. */
  readonly autoConnect?: boolean | undefined;
  /** Where writes and the last view outlive the page or process: one of `object-sync/storage/...`. */
  readonly storage?: Persistence | undefined;
  /** Refuses a write before it is applied, by what it throws: as do `schemas(...).check`. */
  readonly check?: WriteCheck | undefined;
  /**
   * The history of the application's schema, by which the server knows what this client's objects are
   * like: what `migrations` of `object-sync/schema` makes. Without it, they are of the first version.
   */
  readonly migrations?: Migrations | undefined;
  readonly limits?: Partial<ClientLimits> | undefined;
}

export interface ResolvedOptions {
  readonly world: string;
  readonly auth: unknown;
  readonly path: string;
  readonly namespace: string;
  readonly transports: readonly Transport[];
  readonly subscribe: readonly Topic[] | undefined;
  readonly optimistic: boolean;
  readonly autoConnect: boolean;
  readonly storage: Persistence | undefined;
  readonly check: WriteCheck | undefined;
  readonly migrations: Migrations | undefined;
  readonly limits: ClientLimits;
}

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
const isPlace = (value: unknown): boolean => typeof value === "string" && value.startsWith("/");
const isSwitch = (value: unknown): boolean => typeof value === "boolean";

const CHECKS: Readonly<Record<keyof ObjectSyncOptions, (value: unknown) => boolean>> = {
  world: isText,
  auth: () => true,
  path: isPlace,
  namespace: isPlace,
  transports: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((name: Transport) => TRANSPORTS.includes(name)),
  subscribe: Array.isArray,
  optimistic: isSwitch,
  autoConnect: isSwitch,
  storage: (value) => typeof (value as Partial<Persistence> | null)?.open === "function",
  check: (value) => typeof value === "function",
  migrations: isMigrations,
  limits: () => true, // which `resolveLimits` judges
};

/** The options with the defaults for what is not given. Throws `bad_option`, naming the option. */
export function resolveOptions(given: ObjectSyncOptions): ResolvedOptions {
  for (const [name, value] of Object.entries(given) as [keyof ObjectSyncOptions, unknown][]) {
    if (!Object.hasOwn(CHECKS, name)) throw badOption(name, `there is no option ${name}`);
    if (value !== undefined && !CHECKS[name](value)) {
      throw badOption(name, `the option ${name} cannot have this value`);
    }
  }
  const {
    world = "default",
    auth,
    path = PROTOCOL.defaultPath,
    namespace = PROTOCOL.defaultNamespace,
    transports = TRANSPORTS,
    subscribe,
    optimistic = true,
    autoConnect = true,
    storage,
    check,
    migrations,
  } = given;
  const limits = resolveLimits(given.limits, CLIENT_LIMITS);
  return {
    world,
    auth,
    path,
    namespace,
    transports,
    subscribe,
    optimistic,
    autoConnect,
    storage,
    check,
    migrations,
    limits,
  };
}

/** Where the server is. In a page, what is left out is as in the page's own address. */
export function resolveUrl(url: string | URL | undefined): string {
  const base = (globalThis as { location?: { href?: string; origin?: string } }).location;
  const given = url ?? base?.origin;
  if (given === undefined) throw badOption("url", "outside of a browser, a url must be given");
  const address = String(given);
  if (URL.canParse(address, base?.href)) {
    const { protocol, href } = new URL(address, base?.href);
    if (/^(https?|wss?):$/.test(protocol)) return href;
  }
  throw badOption("url", `the url must be like "http://localhost:3000", not "${address}"`);
}

function badOption(name: string, message: string): SyncError {
  return new SyncError("bad_option", message, { property: name });
}
