import type { IncomingMessage } from "node:http";
import { matcher } from "../../../lib/index.ts";
import { SyncError, type SyncObject } from "../../index.ts";

/** What one path shows of a world. */
export interface SyncResource {
  /** The objects whose ids begin with this and a colon. */
  readonly namespace: string;
  /**
   * Only those that match: a query, as of `subscribe`, or a function. It decides what a client gets, and is
   * no secret-keeper: what is not for everyone's eyes is for the server's `rules`.
   */
  readonly filter?: object | ((object: SyncObject) => boolean);
  /**
   * What clients call an object: "bare", the default, without the namespace; "whole", as it is called in
   * the world.
   */
  readonly ids?: "bare" | "whole";
}

export interface PersistenceSyncOptions {
  /** By path, as "/taskUpdates". */
  readonly resources: Readonly<Record<string, SyncResource>>;
  /** In which world; "default" unless given. */
  readonly world?: string;
  /**
   * Who asks: the identity by which `rules` and `authorize` judge. Throws to refuse, as `unauthenticated`
   * or with the code of a SyncError. Without it everyone is nobody: undefined.
   */
  readonly authenticate?: (request: IncomingMessage) => unknown;
  /** Of the body of a POST; 1 MiB unless given. */
  readonly bodyBytesMax?: number;
  /** Values in the body of a POST, those in other values among them: they are written in one turn; 50,000 unless given. */
  readonly bodyValuesMax?: number;
  /** How long the body of a POST may take to come; 30 s unless given. */
  readonly bodyTimeoutMs?: number;
  /** Identities of which it is remembered what they were shown, where that is not everything; 1,000 unless given. */
  readonly audiencesMax?: number;
}

/** A resource as it is used. */
export interface Resource {
  readonly path: string;
  readonly namespace: string;
  readonly ids: "bare" | "whole";
  /** Undefined when all objects match. */
  readonly matches: ((object: SyncObject) => boolean) | undefined;
}

export interface CheckedOptions extends Required<
  Omit<PersistenceSyncOptions, "resources" | "authenticate">
> {
  readonly resources: readonly Resource[];
  readonly authenticate: (request: IncomingMessage) => unknown;
}

const NAMES: ReadonlySet<string> = new Set<keyof PersistenceSyncOptions>([
  "resources",
  "world",
  "authenticate",
  "bodyBytesMax",
  "bodyValuesMax",
  "bodyTimeoutMs",
  "audiencesMax",
]);
const RESOURCE_NAMES: ReadonlySet<string> = new Set<keyof SyncResource>([
  "namespace",
  "filter",
  "ids",
]);

/** Throws `bad_option`, naming the option; and what is wrong with a query. */
export function checked(options: PersistenceSyncOptions): CheckedOptions {
  if (!isObject(options)) throw bad("resources", "must be given");
  for (const name of Object.keys(options)) if (!NAMES.has(name)) throw bad(name, "is none");
  const { resources, world = "default", authenticate = () => undefined } = options;
  const { bodyBytesMax = 1_048_576, bodyValuesMax = 50_000, bodyTimeoutMs = 30_000 } = options;
  const { audiencesMax = 1_000 } = options;
  const numbers = { bodyBytesMax, bodyValuesMax, bodyTimeoutMs, audiencesMax };
  if (!isObject(resources) || Object.keys(resources).length === 0) {
    throw bad("resources", "must be an object of resources by path");
  }
  if (typeof world !== "string") throw bad("world", "must be a text");
  if (typeof authenticate !== "function") throw bad("authenticate", "must be a function");
  for (const [name, value] of Object.entries(numbers)) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw bad(name, "must be a whole number above 0");
  }
  const all = Object.entries(resources).map(([path, resource]) => toResource(path, resource));
  return { resources: all, world, authenticate, ...numbers };
}

function toResource(path: string, resource: SyncResource): Resource {
  const what = `resources[${JSON.stringify(path)}]`;
  if (!isObject(resource)) throw bad(what, "must be an object");
  const strange = Object.keys(resource).find((name) => !RESOURCE_NAMES.has(name));
  if (strange !== undefined) throw bad(`${what}.${strange}`, "is none");
  const { namespace, filter, ids = "bare" } = resource;
  if (typeof namespace !== "string" || !/^[^:]+$/.test(namespace)) {
    throw bad(`${what}.namespace`, "must be a namespace, without its colon");
  }
  if (!["bare", "whole"].includes(ids)) throw bad(`${what}.ids`, `must be "bare" or "whole"`);
  return { path, namespace, ids, matches: toMatcher(filter) };
}

function toMatcher(filter: SyncResource["filter"]): Resource["matches"] {
  if (filter === undefined) return undefined;
  return typeof filter === "function" ? (filter as Resource["matches"]) : matcher(filter);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function bad(name: string, reason: string): SyncError {
  const message = `persistenceSync's option ${name} ${reason}`;
  return new SyncError("bad_option", message, { property: name });
}
