import { SyncError } from "../lib/errors.ts";
import { SERVER_LIMITS, resolveLimits, type ServerLimits } from "../lib/limits.ts";
import { isMigrations, type Migrations } from "../lib/migrations.ts";
import type { References } from "../lib/references.ts";
import { PROTOCOL } from "../lib/protocol.ts";
import type { WriteRequest } from "./authorization.ts";
import { checkConflicts, checkReferences } from "./conflict-options.ts";
import type { Conflicts } from "./conflicts.ts";
import { checkFlush, type Flush } from "./flush-policy.ts";
import { bindHandlers, type Handlers } from "./handlers.ts";
import { checkOrigins, type Origins } from "./origins.ts";
import { checkRules, type Rules } from "./rules.ts";
import { checkStore } from "./stores/contract.ts";
import type { Store } from "./stores/store.ts";
import type { ChannelsOf } from "./views/channels.ts";

/** What a client shows when it asks to be let in. */
export interface Credentials {
  /** The client's `auth` option. It is unchecked: anything can come here. */
  readonly auth: unknown;
  readonly world: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly address: string;
}

export interface ServerOptions {
  /** Where worlds are kept. Default: in memory, until the process ends. */
  readonly store?: Store;
  /** Namespaces whose objects never reach the store: they end with the process. */
  readonly ephemeral?: readonly string[];
  /** Namespaces whose objects are ephemeral, and end once the client that created them is gone. */
  readonly sessionObjects?: readonly string[];
  /** The application's own database behind its worlds. */
  readonly handlers?: Handlers;
  /**
   * Gives a client its identity, or throws to turn it away: as `unauthenticated`, for good, or with
   * the code of a thrown SyncError (after `unavailable` the client tries again). What it answers is
   * the identity, or what `authenticated(identity, { expiresAt })` makes of it.
   */
  readonly authenticate?: (credentials: Credentials) => unknown;
  /**
   * Whether a client may make a change; judged at the moment of the commit, so it cannot be async.
   * False, or a throw, refuses it as `forbidden`.
   */
  readonly authorize?: (request: WriteRequest) => boolean;
  /**
   * Who may see and do what, by namespace. What is not said nobody may; without rules everyone may
   * see everything.
   */
  readonly rules?: Rules;
  /**
   * How objects of earlier versions of the application's schema become those of this one, and back:
   * see `migrations` of object-sync/schema.
   */
  readonly migrations?: Migrations;
  /**
   * Whether a client's write about what others have written since it last looked is taken ("merge",
   * the default) or refused as `conflict` ("detect"), for the client to decide; by namespace, or for
   * all objects.
   */
  readonly conflicts?: Conflicts;
  /**
   * By namespace, the properties that hold the id of another object, or a list of ids: they follow when
   * that gets another id, and what is referred to is not destroyed unseen where conflicts are detected.
   */
  readonly references?: References;
  /** Names the channels that an object is in, by which clients can subscribe to it. */
  readonly channels?: ChannelsOf;
  /** Says that everyone may write everything, which production asks to be said. */
  readonly open?: boolean;
  /**
   * Of which pages clients may connect: those of exactly these origins, as "https://example.com", or
   * "*", of any. Default: the server's own. What is no browser may always.
   */
  readonly origins?: Origins;
  /** The HTTP path of socket.io and of the client's files. */
  readonly path?: string;
  /** The socket.io namespace. */
  readonly namespace?: string;
  /** "auto" sends as soon as the machine keeps up; a number of milliseconds is a fixed tick. */
  readonly flush?: Flush;
  readonly limits?: Partial<ServerLimits>;
  /** Worlds that clients may join besides "default". */
  readonly worlds?: readonly string[];
}

type OptionName = keyof ServerOptions;

export interface ResolvedOptions extends Required<
  Omit<
    ServerOptions,
    "authenticate" | "authorize" | "rules" | "migrations" | "channels" | "origins" | "limits"
  >
> {
  readonly authenticate: ServerOptions["authenticate"];
  readonly authorize: ServerOptions["authorize"];
  readonly rules: Rules | undefined;
  readonly migrations: Migrations | undefined;
  readonly channels: ChannelsOf | undefined;
  readonly origins: Origins | undefined;
  readonly limits: ServerLimits;
}

const OPTION_NAMES: ReadonlySet<string> = new Set<OptionName>([
  "store",
  "ephemeral",
  "sessionObjects",
  "handlers",
  "authenticate",
  "authorize",
  "rules",
  "migrations",
  "channels",
  "conflicts",
  "references",
  "open",
  "origins",
  "path",
  "namespace",
  "flush",
  "limits",
  "worlds",
]);

/** Checks what an application asks for, and fills in the rest. Throws `bad_option`, `store_contract`. */
export function resolveOptions(
  options: ServerOptions,
  defaultStore: () => Store,
  isProduction: boolean,
): ResolvedOptions {
  if (typeof (options as unknown) !== "object" || (options as unknown) === null) {
    throw new SyncError("bad_option", "the options must be an object");
  }
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.has(name)) throw badOption(name, "is not an option");
  }
  const { authenticate, authorize, channels, open = false, handlers = {} } = options;
  const { ephemeral = [], sessionObjects = [], worlds = [], flush = "auto" } = options;
  const { path = PROTOCOL.defaultPath, namespace = PROTOCOL.defaultNamespace } = options;
  const rules = options.rules === undefined ? undefined : checkRules(options.rules);
  for (const [name, hook] of Object.entries({ authenticate, authorize, channels })) {
    if (hook !== undefined && typeof hook !== "function")
      throw badOption(name, "must be a function");
  }
  if (typeof (open as unknown) !== "boolean") throw badOption("open", "must be true or false");
  if (isProduction && authorize === undefined && rules === undefined && !open) {
    const reason = "must be true in production when there are no rules: everyone may do everything";
    throw badOption("open", reason);
  }
  return {
    store: storeOf(options.store) ?? defaultStore(),
    ephemeral: checkNamespaces("ephemeral", ephemeral),
    sessionObjects: checkNamespaces("sessionObjects", sessionObjects),
    handlers: bindHandlers(handlers),
    authenticate,
    authorize,
    rules,
    migrations: checkMigrations(options.migrations),
    channels,
    conflicts: checkConflicts(options.conflicts),
    references: checkReferences(options.references),
    open,
    origins: checkOrigins(options.origins),
    path: checkPath(path),
    namespace: checkPlace("namespace", namespace),
    flush: checkFlush(flush),
    limits: resolveLimits(options.limits, SERVER_LIMITS),
    worlds: checkWorlds(worlds),
  };
}

/** Without the slash at its end. Of "/" alone socket.io would make a path of its own. */
function checkPath(given: string): string {
  const path = checkPlace("path", given).replace(/\/$/, "");
  if (path === "") throw badOption("path", `must be more than "/"`);
  return path;
}

function checkPlace(name: OptionName, place: string): string {
  if (typeof place === "string" && /^\/[^\s?#,]*$/.test(place)) return place;
  throw badOption(name, `must be a text that starts with "/"`);
}

function checkWorlds(worlds: readonly string[]): readonly string[] {
  if (Array.isArray(worlds) && worlds.every((name) => typeof name === "string")) return worlds;
  throw badOption("worlds", "must be a list of names");
}

function checkNamespaces(name: OptionName, namespaces: readonly string[]): readonly string[] {
  const isNamespace = (one: unknown): one is string =>
    typeof one === "string" && /^[^:]+$/.test(one);
  if (Array.isArray(namespaces) && namespaces.every(isNamespace)) return namespaces;
  throw badOption(name, "must be a list of namespaces, without their colons");
}

function checkMigrations(migrations: Migrations | undefined): Migrations | undefined {
  if (migrations === undefined || isMigrations(migrations)) return migrations;
  throw badOption("migrations", "must be what migrations() of object-sync/schema has made");
}

/** What is an object may be a store; whether it is one, its contract tells. */
function storeOf(store: unknown): Store | undefined {
  if (store === undefined) return undefined;
  if (typeof store !== "object" || store === null) throw badOption("store", "must be a store");
  return checkStore(store);
}

function badOption(name: string, reason: string): SyncError {
  return new SyncError("bad_option", `the option ${name} ${reason}`, { property: name });
}
