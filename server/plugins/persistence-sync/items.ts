import { SyncError, type ObjectChange, type SyncObject } from "../../index.ts";
import type { Resource } from "./options.ts";

/** One entry of a POST, understood. */
export interface PostedItem {
  /** As the world calls it. */
  readonly id: string;
  readonly isRemoved: boolean;
  readonly changes: Readonly<Record<string, unknown>>;
}

/** What clients say about an item, and is no property of it. */
const MARKS = ["id", "_lastChange", "_removed"];
/** More than any write may have, by the server's limits; handlers are asked about all of them before that. */
const ITEMS_MAX = 10_000;
const MILLISECONDS_FROM = 1e12;

/** Throws a SyncError that says which entry is wrong, and how. */
export function parseItems(body: unknown, resource: Resource): PostedItem[] {
  if (!Array.isArray(body)) throw invalid("the body must be an array of objects");
  if (body.length > ITEMS_MAX) {
    const message = `a body has at most ${String(ITEMS_MAX)} entries`;
    throw new SyncError("limit_exceeded", message);
  }
  return body.map((item: unknown, i) => {
    if (typeof item !== "object" || item === null || Array.isArray(item)) {
      throw invalid(`entry ${String(i)} must be an object`);
    }
    const { id, _removed: isRemoved = false } = item as { id?: unknown; _removed?: unknown };
    if (typeof isRemoved !== "boolean") {
      throw invalid(`entry ${String(i)}: _removed must be true or false`);
    }
    const changes = Object.fromEntries(
      Object.entries(item).filter(([name]) => !MARKS.includes(name)),
    );
    return { id: toWorldId(id, i, resource), isRemoved, changes };
  });
}

function toWorldId(id: unknown, index: number, { namespace, ids }: Resource): string {
  const refuse = (reason: string): SyncError =>
    new SyncError("invalid_id", `entry ${String(index)}: ${reason}`, {
      id: typeof id === "string" ? id.slice(0, 64) : undefined,
    });
  if (typeof id !== "string" || id === "") throw refuse("an id must be a text");
  const start = `${namespace}:`;
  if (ids === "whole") {
    if (id.startsWith(start) && id.length > start.length) return id;
    throw refuse(`an id here begins with ${start}`);
  }
  if (id.includes(":")) throw refuse("an id here has no colon: it is of this resource's namespace");
  return start + id;
}

function toClientId(id: string, { namespace, ids }: Resource): string {
  return ids === "whole" ? id : id.slice(namespace.length + 1);
}

/** What a client is told of an object that is there. */
export function toItem(
  { id, object }: ObjectChange,
  stamp: number,
  resource: Resource,
): Record<string, unknown> {
  const item: Record<string, unknown> = {};
  // A property that is called as a mark would be taken for one: the object for destroyed.
  for (const [name, value] of Object.entries(object ?? {}))
    if (!MARKS.includes(name)) item[name] = toJson(value);
  return { ...item, id: toClientId(id, resource), _lastChange: stamp };
}

export function toRemoved(id: string, resource: Resource): Record<string, unknown> {
  return { id: toClientId(id, resource), _removed: true };
}

/** A date in seconds, as persistence.js writes it, but with its milliseconds; bytes in base64. */
function toJson(value: unknown): unknown {
  if (value instanceof Date) return value.getTime() / 1_000;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  return value;
}

/** What is written of an item: where the object has a date or bytes, so are what comes for them. */
export function toChanges(
  { id, changes }: PostedItem,
  object: SyncObject | undefined,
): Record<string, unknown> & { id: string } {
  const written: Record<string, unknown> & { id: string } = { ...changes, id };
  for (const [name, current] of Object.entries(object ?? {})) {
    if (Object.hasOwn(changes, name)) written[name] = fromJson(changes[name], current);
  }
  return written;
}

function fromJson(value: unknown, current: unknown): unknown {
  if (current instanceof Date && typeof value === "number") {
    // persistence.js rounds to seconds what it has not changed.
    if (Math.round(current.getTime() / 1_000) === value) return current;
    return new Date(value >= MILLISECONDS_FROM ? value : value * 1_000);
  }
  if (current instanceof Uint8Array && typeof value === "string") {
    return new Uint8Array(Buffer.from(value, "base64"));
  }
  return value;
}

function invalid(message: string): SyncError {
  return new SyncError("invalid_payload", message);
}
