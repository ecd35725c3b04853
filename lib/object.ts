import { atMost, SyncError } from "./errors.ts";
import type { CommonLimits } from "./limits.ts";

declare const brand: unique symbol;

/** A checked id: 1 to 256 bytes of UTF-8 without NUL. */
export type ObjectId = string & { readonly [brand]: "ObjectId" };

/** What a property can hold: JSON, and besides `Date` and `Uint8Array`. */
export type Value =
  | null
  | boolean
  | number
  | string
  | Date
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value };

/** Properties as they are: none is undefined. */
export type Properties = Record<string, Value>;

/** Properties as they are written: undefined removes one. */
export type Changes = Record<string, Value | undefined>;

/** An object: an id and arbitrary properties. Read it; change it through `save`. */
export interface SyncObject {
  readonly id: string;
  readonly [property: string]: Value;
}

/** The same, for those who own it. */
export type OwnedObject = { id: string } & Properties;

/** A property's value. No value is a function: one that shows up is the prototype's. */
export function propertyOf(object: SyncObject, name: string): Value | undefined {
  const value: unknown = object[name];
  return typeof value === "function" ? undefined : (value as Value | undefined);
}

export function setProperty(object: OwnedObject, name: string, value: Value | undefined): void {
  if (value === undefined) Reflect.deleteProperty(object, name);
  else object[name] = value;
}

/** An object as it is after these changes; it stays as it is itself. */
export function withChanges(object: SyncObject, changes: Changes): OwnedObject {
  const changed: OwnedObject = { ...object };
  for (const [name, value] of Object.entries(changes)) setProperty(changed, name, value);
  return changed;
}

// These would reach an object's prototype in a reader that is less careful than this one.
const RESERVED_NAMES: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

export function isReservedName(name: string): boolean {
  return RESERVED_NAMES.has(name);
}

/** Checks an id that comes from outside. Throws `invalid_id`. */
export function checkId(id: unknown, limits: CommonLimits): ObjectId {
  if (typeof id !== "string") {
    const hint = typeof id === "number" ? `; write "${String(id)}"` : "";
    throw new SyncError("invalid_id", `an id is a string, not ${describe(id)}${hint}`);
  }
  const problem = idProblem(id, limits);
  if (problem !== undefined) {
    throw new SyncError("invalid_id", `an id ${problem}`, { id: id.slice(0, 64) });
  }
  return id as ObjectId;
}

/** What stands before the first colon of an id; of one without a colon, nothing. */
export function namespaceOf(id: string): string {
  return id.slice(0, Math.max(0, id.indexOf(":")));
}

/** Not a Map or a Date either: what they hold are no properties. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === "[object Object]";
}

/** Whether it says something by namespace: by one with its colon, as "task:", nothing would ever be found. */
export function isByNamespace(value: unknown): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && !Object.keys(value).join("").includes(":");
}

// With the u flag, half a surrogate pair is a code point of its own, and a whole pair is not.
const NUL_OR_HALF_PAIR = /[\0\p{Surrogate}]/u;

function idProblem(id: string, limits: CommonLimits): string | undefined {
  if (id === "") return "must not be empty";
  if (isLonger(id, limits.idBytesMax)) return `has at most ${limits.idBytesMax} bytes`;
  if (NUL_OR_HALF_PAIR.test(id)) return "contains NUL or half a surrogate pair";
  return undefined;
}

/** A UTF-16 unit takes at most three bytes, so that short texts need no counting. */
function isLonger(text: string, bytesMax: number): boolean {
  return text.length * 3 > bytesMax && utf8Bytes(text) > bytesMax;
}

/** Checks a property's name that comes from outside. Throws `reserved_key`, `limit_exceeded`. */
export function checkName(name: string, limits: CommonLimits, id?: string): string {
  if (isReservedName(name)) {
    throw new SyncError("reserved_key", `a property cannot be named ${name}`, {
      id,
      property: name,
    });
  }
  const { propertyNameBytesMax } = limits;
  if (isLonger(name, propertyNameBytesMax)) {
    const details = { id, property: name.slice(0, 64) };
    throw atMost("a property's name", propertyNameBytesMax, "bytes", details);
  }
  return name;
}

/**
 * A copy of an object's properties that nobody else can change, checked; the id is left out.
 * Throws `invalid_payload`, `invalid_value`, `reserved_key`, `too_deep`, `limit_exceeded`, naming
 * the property.
 */
export function copyChanges(source: object, limits: CommonLimits, id?: string): Changes {
  const changes: Changes = {};
  let count = 0;
  for (const [name, value] of Object.entries(source) as [string, unknown][]) {
    if (name === "id") continue;
    checkName(name, limits, id);
    if (++count > limits.propertiesPerObjectMax) {
      const details = { id, property: name };
      throw atMost("an object", limits.propertiesPerObjectMax, "properties", details);
    }
    changes[name] = value === undefined ? undefined : copyValue(value, limits, id, name, 0);
  }
  return changes;
}

/** One value, copied and checked in the same way. */
export function copyValue(
  value: unknown,
  limits: CommonLimits,
  id: string | undefined,
  property: string,
  depth: number,
): Value {
  const invalid = (what: string): SyncError =>
    new SyncError("invalid_value", `${property}: ${what} cannot be a value`, { id, property });
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (!isStorableNumber(value)) throw invalid(String(value));
      return value === 0 ? 0 : value; // no -0: it would not survive JSON
    case "object":
      break;
    default:
      throw invalid(describe(value));
  }
  if (value === null) return null;
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw invalid("an invalid date");
    return new Date(value);
  }
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  // Counted on the way down, so that neither depth nor a cycle can exhaust the stack.
  if (depth >= limits.depthMax) {
    throw new SyncError(
      "too_deep",
      `${property} is nested deeper than ${limits.depthMax} levels, or contains itself`,
      { id, property },
    );
  }
  if (Array.isArray(value)) {
    return Array.from(value, (item: unknown) => {
      if (item === undefined) throw invalid("undefined in an array");
      return copyValue(item, limits, id, property, depth + 1);
    });
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw invalid(describe(value));
  }
  const copy: Properties = {};
  for (const [key, item] of Object.entries(value) as [string, unknown][]) {
    if (isReservedName(key)) {
      throw new SyncError("reserved_key", `${property}: a key cannot be named ${key}`, {
        id,
        property,
      });
    }
    if (item !== undefined) copy[key] = copyValue(item, limits, id, property, depth + 1);
  }
  return copy;
}

/** Finite, and if it is whole, one that a double can tell from its neighbours. */
export function isStorableNumber(value: number): boolean {
  if (!Number.isFinite(value)) return false;
  return !Number.isInteger(value) || Number.isSafeInteger(value);
}

/** Whether two values are the same, however deep. */
export function equalValues(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Date || b instanceof Date) {
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  }
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    if (!(a instanceof Uint8Array && b instanceof Uint8Array)) return false;
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  }
  if (isArray(a) || isArray(b)) {
    if (!(isArray(a) && isArray(b)) || a.length !== b.length) return false;
    return a.every((item, i) => equalValues(item, b[i]));
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && equalValues(a[key], b[key]));
}

/** `Array.isArray`, which does not know of lists that are read-only. */
export function isArray(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** About how many bytes a value takes as it travels; never less than it does. */
export function valueBytes(value: Value): number {
  switch (typeof value) {
    case "string":
      return textBytes(value);
    case "number":
      return 9;
    case "boolean":
      return 1;
    default:
      break;
  }
  if (value === null) return 1;
  if (value instanceof Date) return 10;
  if (value instanceof Uint8Array) return 5 + value.length;
  let bytes = 5;
  if (isArray(value)) for (const item of value) bytes += valueBytes(item);
  else
    for (const key of Object.keys(value)) bytes += textBytes(key) + valueBytes(value[key] ?? null);
  return bytes;
}

/** The same for a text with its length. */
export function textBytes(text: string): number {
  return utf8Bytes(text) + (text.length < 16 ? 1 : 5);
}

/** How many bytes a text takes; half a surrogate pair takes three. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i) ?? 0;
    if (code < 0x80) continue;
    bytes += code < 0x800 ? 1 : 2;
    if (code > 0xffff) i += 1; // both halves of a pair are counted by now
  }
  return bytes;
}

function describe(value: unknown): string {
  if (typeof value !== "object" || value === null) return value === null ? "null" : typeof value;
  return `a ${(value.constructor as { name?: string } | undefined)?.name ?? "bare object"}`;
}
