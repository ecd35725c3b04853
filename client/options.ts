import { SyncError } from "../lib/errors.ts";
import { resolveLimits, type Limits } from "../lib/limits.ts";
import { PROTOCOL } from "../lib/protocol.ts";

export type Transport = "websocket" | "polling" | "webtransport";

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
  /** Whether writes show before the server has accepted them; true unless given. */
  readonly optimistic?: boolean | undefined;
  /** Whether to connect at once; true unless given. */
  readonly autoConnect?: boolean | undefined;
  readonly limits?: Partial<Limits> | undefined;
}

export interface ResolvedOptions {
  readonly world: string;
  readonly auth: unknown;
  readonly path: string;
  readonly namespace: string;
  readonly transports: readonly Transport[];
  readonly optimistic: boolean;
  readonly autoConnect: boolean;
  readonly limits: Limits;
}

const DEFAULTS = {
  world: "default",
  auth: undefined,
  path: PROTOCOL.defaultPath,
  namespace: PROTOCOL.defaultNamespace,
  transports: ["websocket", "polling"],
  optimistic: true,
  autoConnect: true,
  limits: {},
} as const;

interface Rule {
  readonly must: string;
  readonly holds: (value: unknown) => boolean;
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isTransport = (value: unknown): boolean =>
  value === "websocket" || value === "polling" || value === "webtransport";

const TEXT: Rule = { must: "be a text", holds: isText };
const PATH: Rule = {
  must: 'start with "/"',
  holds: (value) => isText(value) && value.startsWith("/"),
};
const SWITCH: Rule = { must: "be true or false", holds: (value) => typeof value === "boolean" };

const RULES: Readonly<Record<keyof ObjectSyncOptions, Rule>> = {
  world: TEXT,
  auth: { must: "be anything", holds: () => true },
  path: PATH,
  namespace: PATH,
  transports: {
    must: "list websocket, polling or webtransport",
    holds: (value) => Array.isArray(value) && value.length > 0 && value.every(isTransport),
  },
  optimistic: SWITCH,
  autoConnect: SWITCH,
  limits: {
    must: "be an object",
    holds: (value) => typeof value === "object" && value !== null,
  },
};

/** The options with the defaults for what is not given. Throws `bad_option`, naming the option. */
export function resolveOptions(given: ObjectSyncOptions): ResolvedOptions {
  const options: ObjectSyncOptions = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  );
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(RULES, name)) throw badOption(name, `there is no option ${name}`);
    const { must, holds } = RULES[name as keyof ObjectSyncOptions];
    if (!holds(value)) throw badOption(name, `the option ${name} must ${must}`);
  }
  const resolved = { ...DEFAULTS, ...options } as Required<typeof DEFAULTS> & ResolvedOptions;
  return { ...resolved, limits: resolveLimits(options.limits) };
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
