import type { WriteCheck } from "../lib/change-check.ts";
import { SyncError } from "../lib/errors.ts";
import { CLIENT_LIMITS, resolveLimits, type ClientLimits } from "../lib/limits.ts";
import { isMigrations, type Migrations } from "../lib/migrations.ts";
import { PROTOCOL } from "../lib/protocol.ts";
import type { Topic } from "../lib/topics.ts";
import { isReferences, type References } from "../lib/references.ts";
import type { ConflictResolver } from "./conflict-desk.ts";
import type { Explicit } from "./explicit.ts";
import { isNamespaces, type Namespaces } from "./namespaces.ts";
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
  /**
   * Whether it stays connected, and is told everything at once; true unless given. With `explicit`, of
   * `object-sync/explicit`, it goes to the server by `pull()`, `push()` and `sync()`.
   */
  readonly live?: true | Explicit | undefined;
  /** Namespaces whose objects do not go both ways, between this client and the server. */
  readonly namespaces?: Namespaces | undefined;
  /** Where writes and the last view outlive the page or process: one of `object-sync/storage/...`. */
  readonly storage?: Persistence | undefined;
  /** Refuses a write before it is applied, by what it throws: as do `schemas(...).check`. */
  readonly check?: WriteCheck | undefined;
  /**
   * The history of the application's schema, by which the server knows what this client's objects are
   * like: what `migrations` of `object-sync/schema` makes. Without it, they are of the first version.
   */
  readonly migrations?: Migrations | undefined;
  /**
   * Decides, now or later, when a write collides with what others have written meanwhile, where the
   * server detects that: `resolveWith(handler)`, of `object-sync/conflicts`. Without it such a write fails
   * as `conflict`.
   */
  readonly onConflict?: ConflictResolver | undefined;
  /** As the server has them: by namespace, the properties that hold ids of other objects. */
  readonly references?: References | undefined;
  readonly limits?: Partial<ClientLimits> | undefined;
}

type Unset = "auth" | "subscribe" | "storage" | "check" | "migrations" | "onConflict";

export type ResolvedOptions = Pick<ObjectSyncOptions, Unset> & {
  readonly [Name in keyof typeof DEFAULTS]: Exclude<ObjectSyncOptions[Name], undefined>;
} & { readonly limits: ClientLimits };

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
const isPlace = (value: unknown): boolean => typeof value === "string" && value.startsWith("/");
/** What brings its code with it, so that who does not use it does not load it. */
const canOpen = (value: unknown): boolean =>
  typeof (Object(value) as Partial<Persistence>).open === "function";
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
  live: (value) => value === true || canOpen(value),
  namespaces: isNamespaces,
  storage: canOpen,
  check: (value) => typeof value === "function",
  migrations: isMigrations,
  onConflict: canOpen,
  references: isReferences,
  limits: () => true, // which `resolveLimits` judges
};

/** What these take, which has to be imported. */
const IMPORTS: Readonly<Partial<Record<keyof ObjectSyncOptions, string>>> = {
  live: "true, or `explicit` of object-sync/explicit",
  onConflict: "`resolveWith(...)` of object-sync/conflicts",
  storage: "one of object-sync/storage/...",
};

/** All others are undefined unless given. */
const DEFAULTS = {
  world: "default",
  path: PROTOCOL.defaultPath,
  namespace: PROTOCOL.defaultNamespace,
  transports: TRANSPORTS,
  optimistic: true,
  autoConnect: true,
  live: true,
  namespaces: {},
  references: {},
} satisfies ObjectSyncOptions;

/** The options with the defaults for what is not given. Throws `bad_option`, naming the option. */
export function resolveOptions(given: ObjectSyncOptions): ResolvedOptions {
  const options: Record<string, unknown> = { ...DEFAULTS };
  for (const [name, value] of Object.entries(given) as [keyof ObjectSyncOptions, unknown][]) {
    if (!Object.hasOwn(CHECKS, name)) throw badOption(name, `there is no option ${name}`);
    if (value === undefined) continue;
    if (!CHECKS[name](value)) {
      const takes = IMPORTS[name];
      const hint = takes === undefined ? "" : `: it takes ${takes}`;
      throw badOption(name, `the option ${name} cannot have this value${hint}`);
    }
    options[name] = value;
  }
  options["limits"] = resolveLimits(given.limits, CLIENT_LIMITS);
  return options as unknown as ResolvedOptions; // which is what CHECKS have judged
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
