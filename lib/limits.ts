import { SyncError } from "./errors.ts";

/** Every cap, with its default. The unit comes last in the name; a count has none. */
export const DEFAULT_LIMITS = {
  /** An object's id, in UTF-8. */
  idBytesMax: 256,
  /** A property's name, in UTF-8. */
  propertyNameBytesMax: 256,
  propertiesPerObjectMax: 1_000,
  /** Nesting of arrays and objects within one property. */
  depthMax: 32,
  /** One object with all its properties, as it travels. */
  objectBytesMax: 512 * 1024,
  /** One mutation as it travels. */
  mutationBytesMax: 512 * 1024,
  operationsPerMutationMax: 1_000,
  /** One message from a client; what is larger closes the connection. */
  messageBytesMax: 1024 * 1024,
  /** Writes that one client may have on the way; the rest waits in its outbox. */
  mutationsInFlightMax: 1_000,
  /** Messages that one client may send a second, on average; twice as many in one burst. */
  messagesPerSecondMax: 500,
  /** Mutations that one client may send a second, on average; twice as many in one burst. */
  mutationsPerSecondMax: 5_000,
  /** Writes that a client keeps until they are decided. */
  writesMax: 10_000,
  /** Writes of a client that travel in one message. One mutation may exceed it. */
  outgoingBytes: 64 * 1024,
  /** How long a client waits for the server's welcome before it tries again. */
  connectTimeoutMs: 20_000,
  /** How long a client waits before its first attempt to come back, at most; each time twice as long. */
  retryDelayMinMs: 500,
  retryDelayMaxMs: 5_000,
  fetchIdsMax: 1_000,
  /** Fetches that one client may have under way. */
  fetchesInFlightMax: 100,
  /** Bytes held for one client that reads too slowly. */
  waitingBytesMax: 1024 * 1024,
  /** A page of a snapshot or of what a client missed. One object or mutation may exceed it. */
  pageBytes: 64 * 1024,
  /** How long a client may stay behind before it is told to come back. */
  slowClientMs: 60_000,
  /** Destroyed objects that are remembered, so that clients who were away learn of them. */
  tombstonesMax: 10_000,
  /** How long a destroyed object is remembered. */
  tombstoneAgeMs: 60 * 60_000,
  /** Removed properties that are remembered, for each object. */
  removedPropertiesMax: 100,
  /**
   * Sets of property names that travel as a number, of 16 names on average at most; further ones
   * travel by name.
   */
  shapesMax: 4_096,
  /** Clients whose decided writes are remembered. */
  ledgerClientsMax: 100_000,
  sessionsMax: 100_000,
  handlerTimeoutMs: 10_000,
  storeTimeoutMs: 30_000,
  /** How long `authenticate` may take. */
  authenticateTimeoutMs: 10_000,
  /** How long `close()` waits for what is under way. */
  drainTimeoutMs: 10_000,
} as const;

export type Limits = { readonly [Name in keyof typeof DEFAULT_LIMITS]: number };

/** The defaults with an application's own caps in their place. Throws `bad_option`. */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      throw new SyncError("bad_option", `limits.${name} is not a limit`, { property: name });
    }
    if (!Number.isSafeInteger(value) || value <= 0) {
      throw new SyncError(
        "bad_option",
        `limits.${name} must be a whole number above 0, not ${String(value)}`,
        { property: name },
      );
    }
  }
  return { ...DEFAULT_LIMITS, ...given };
}
