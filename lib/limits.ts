import { SyncError } from "./errors.ts";

/*
 * Every cap, with its default. The unit comes last in the name; a count has none. In three parts, so
 * that a page does not load those of the server; written out, as a bundler must see that no part of
 * them computes anything.
 */

/** What both sides keep to. */
export const COMMON_LIMITS = {
  /** An object's id, in UTF-8. */
  idBytesMax: 256,
  /** A property's name, in UTF-8. */
  propertyNameBytesMax: 256,
  propertiesPerObjectMax: 1_000,
  /** Nesting of arrays and objects within one property. */
  depthMax: 32,
  /** One mutation as it travels. */
  mutationBytesMax: 524_288,
  operationsPerMutationMax: 1_000,
  /** Writes that one client may have on the way; the rest waits in its outbox. */
  mutationsInFlightMax: 1_000,
  /** Messages that one client may send a second, on average; twice as many in one burst. */
  messagesPerSecondMax: 5_000,
  /** Mutations that one client may send a second, on average; twice as many in one burst. */
  mutationsPerSecondMax: 5_000,
  /** How often a second one client may change what it subscribes to; twice as often in one burst. */
  subscriptionsPerSecondMax: 50,
  fetchIdsMax: 1_000,
  /** What one client may subscribe to, besides single ids. */
  topicsMax: 1_000,
  /** Queries among these: all objects are looked at for each that is new. */
  queriesMax: 100,
  /** Single ids that one client may subscribe to; those that it fetched are among them. */
  topicIdsMax: 10_000,
  /** Fetches and subscriptions of one client that are not answered yet. */
  fetchesInFlightMax: 100,
  /** Removed properties that are remembered, for each object. */
  removedPropertiesMax: 100,
  /**
   * Sets of property names that travel as a number, of 16 names on average at most; further ones
   * travel by name.
   */
  shapesMax: 4_096,
  /** Conditions of a query, all branches together. */
  queryConditionsMax: 32,
  /** Members of all of a query's `$in` and `$nin` together. */
  queryValuesMax: 256,
  /** A query's names and values, as they travel. */
  queryBytesMax: 16_384,
  /** Nesting of `$and`, `$or` and `$not`. */
  queryDepthMax: 4,
} as const;

/** `__PURE__` says that the result may be left out of a bundle; a spread could not say it. */
const joined = <A extends object, B extends object>(a: A, b: B): A & B => ({ ...a, ...b });

export const CLIENT_LIMITS = /* @__PURE__ */ joined(COMMON_LIMITS, {
  /** Writes that a client keeps until they are decided. */
  writesMax: 10_000,
  /** Writes of a client that travel in one message. One mutation may exceed it. */
  outgoingBytes: 65_536,
  /** How long a client waits for the server's welcome before it tries again. */
  connectTimeoutMs: 20_000,
  /** How long a client waits before its first attempt to come back, at most; each time twice as long. */
  retryDelayMinMs: 500,
  retryDelayMaxMs: 5_000,
} as const);

export const SERVER_LIMITS = /* @__PURE__ */ joined(COMMON_LIMITS, {
  /** One object with all its properties, as it travels. */
  objectBytesMax: 524_288,
  /** One message from a client; what is larger closes the connection. */
  messageBytesMax: 1_048_576,
  /** Bytes held for one client that reads too slowly, besides the outcomes of its own writes. */
  waitingBytesMax: 1_048_576,
  /** A page of a snapshot or of what a client missed. One object or mutation may exceed it. */
  pageBytes: 65_536,
  /** Bytes of pages that are sent, to all clients, in one turn of the event loop. */
  pageBytesPerTurn: 262_144,
  /**
   * How often an object is looked at for those who come, ask for something else, or lose a right, in one
   * turn of the event loop: each of a client's queries is a look of its own, and so is each name that it
   * asks for. What is left waits for the next turn.
   */
  looksPerTurn: 8_000,
  /** How long a client may stay behind before it is told to come back. */
  slowClientMs: 60_000,
  /** Destroyed objects that are remembered, so that clients who were away learn of them. */
  tombstonesMax: 10_000,
  /** How long a destroyed object is remembered. */
  tombstoneAgeMs: 3_600_000,
  /** What hidden properties were that may decide who sees an object, so that a `push()` that lacks one is refused. */
  formerBytesMax: 1_048_576,
  /** Clients whose decided writes are remembered; those that are connected always are. */
  ledgerClientsMax: 100_000,
  /** How long they are, after the last write: 30 days, of time for which the world is open. */
  ledgerAgeMs: 2_592_000_000,
  /**
   * Where objects are ephemeral: commits, and objects, by which a world may get ahead of what its
   * store knows of. A restart skips what is left of them.
   */
  reservedCommits: 10_000,
  reservedHandles: 100,
  /** Objects that a world has at once; those that were destroyed do not count. */
  objectsMax: 10_000_000,
  /** Bytes of messages that one client may send a second, on average; twice as many in one burst. */
  bytesPerSecondMax: 8_388_608,
  /** Creates, updates and destroys that one client may send a second; twice as many in one burst. */
  operationsPerSecondMax: 50_000,
  /** All clients of one identity together may send so many times what one client may. */
  clientsWorthPerIdentityMax: 4,
  sessionsMax: 100_000,
  /** Sessions that one identity may have in one world. */
  sessionsPerIdentityMax: 100,
  /** How long a client may be away before its session objects are destroyed. */
  sessionGraceMs: 10_000,
  handlerTimeoutMs: 10_000,
  storeTimeoutMs: 30_000,
  /** How often a store is asked, while clients are connected, whether another server has the world. */
  storeCheckMs: 10_000,
  /** How long `authenticate` may take. */
  authenticateTimeoutMs: 10_000,
  /** How long a request over HTTP may take to come, on a server of its own: then it is answered 408. */
  requestTimeoutMs: 300_000,
  /** How long `close()` waits for what is under way. */
  drainTimeoutMs: 10_000,
} as const);

export const DEFAULT_LIMITS = /* @__PURE__ */ joined(CLIENT_LIMITS, SERVER_LIMITS);

type Caps<Defaults> = { readonly [Name in keyof Defaults]: number };

export type Limits = Caps<typeof DEFAULT_LIMITS>;
export type CommonLimits = Caps<typeof COMMON_LIMITS>;
export type ClientLimits = Caps<typeof CLIENT_LIMITS>;
export type ServerLimits = Caps<typeof SERVER_LIMITS>;

/** The defaults with an application's own caps in their place. Throws `bad_option`. */
export function resolveLimits<Names extends string>(
  given: Partial<Record<Names, number>> | undefined,
  defaults: Readonly<Record<Names, number>>,
): Readonly<Record<Names, number>> {
  if (given !== undefined && Object(given) !== given) {
    throw new SyncError("bad_option", "limits must be an object", { property: "limits" });
  }
  for (const [name, value] of Object.entries(given ?? {})) {
    const isKnown = Object.hasOwn(defaults, name);
    if (isKnown && Number.isSafeInteger(value) && Number(value) > 0) continue;
    const must = isKnown
      ? `must be a whole number above 0, not ${String(value)}`
      : "is not a limit";
    throw new SyncError("bad_option", `limits.${name} ${must}`, { property: name });
  }
  return { ...defaults, ...given };
}
