import type { Properties, SyncObject } from "../../index.ts";
import { SyncError } from "../../index.ts";

/*
 * What travels, as ordinary objects; docs/LEASES.md tells of them:
 *
 * - `lease-request:<random>`, made and destroyed by the client, `{ name, ttlMs, waitMs?, note? }`. The
 *   server adds `{ owner, ticket }`, and then `fence` when it is granted, or `refusedMs`.
 * - `lease:<name>`, made and destroyed by the server, for as long as somebody has the lease:
 *   `{ holder, fence, ttlMs, note? }`.
 * - `lease-counter:last`, `{ ticket }`: the last ticket. It only grows, and a fence is its request's ticket.
 */
export const COUNTER_ID = "lease-counter:last";
const LEASE = "lease:";
const REQUEST = "lease-request:";
const COUNTER = "lease-counter:";

/** Below this a hiccup of the network would end a lease. */
export const TTL_MIN_MS = 1_000;
const NAME_BYTES_MAX = 256 - LEASE.length;
const NOTE_LENGTH_MAX = 256;
const GIVEN: ReadonlySet<string> = new Set(["name", "ttlMs", "waitMs", "note"]);

export interface LeaseRequest {
  readonly id: string;
  readonly name: string;
  readonly ttlMs: number;
  /** For how long it waits; undefined for as long as it takes. */
  readonly waitMs?: number;
  readonly note?: string;
  /** Its place in the order of all requests, once the server has seen it. */
  readonly ticket?: number;
  /** `client` of the session that made it. */
  readonly owner?: string;
  /** Its ticket, while it has the lease. */
  readonly fence?: number;
  /** It has waited for long enough; the lease ends in so many milliseconds unless it is renewed. */
  readonly refusedMs?: number;
}

export function isRequestId(id: string): boolean {
  return id.startsWith(REQUEST);
}

/** What the server alone writes. */
export function isServersId(id: string): boolean {
  return id.startsWith(LEASE) || id.startsWith(COUNTER);
}

export function leaseIdOf(name: string): string {
  return LEASE + name;
}

/** A request as the world has it: what it holds was checked when it was made. */
export function requestOf(object: SyncObject): LeaseRequest {
  return object as unknown as LeaseRequest;
}

/** Throws `invalid_value` or `forbidden_field`, unless a client may make this request. */
export function checkRequest(id: string, properties: Properties, ttlMaxMs: number): void {
  for (const name of Object.keys(properties)) {
    if (GIVEN.has(name)) continue;
    throw new SyncError("forbidden_field", `only the server gives a request its ${name}`, {
      id,
      property: name,
    });
  }
  const { name, ttlMs, waitMs, note } = properties;
  const demand = (isRight: boolean, property: string, what: string): void => {
    if (!isRight)
      throw new SyncError("invalid_value", `${property} must be ${what}`, { id, property });
  };
  const bytes = String(NAME_BYTES_MAX);
  demand(isName(name), "name", `a text of 1 to ${bytes} bytes that can be part of an id`);
  const range = `${String(TTL_MIN_MS)} to ${String(ttlMaxMs)}`;
  demand(isWithin(ttlMs, TTL_MIN_MS, ttlMaxMs), "ttlMs", `a number of milliseconds from ${range}`);
  demand(waitMs === undefined || isWithin(waitMs, 0, Infinity), "waitMs", "0 or more milliseconds");
  const isNote = note === undefined || (typeof note === "string" && note.length <= NOTE_LENGTH_MAX);
  demand(isNote, "note", `a text of at most ${String(NOTE_LENGTH_MAX)} characters`);
}

function isName(name: unknown): name is string {
  if (typeof name !== "string" || name === "" || /[\0\p{Surrogate}]/u.test(name)) return false;
  return Buffer.byteLength(name) <= NAME_BYTES_MAX;
}

function isWithin(value: unknown, min: number, max: number): boolean {
  return typeof value === "number" && value >= min && value <= max;
}
