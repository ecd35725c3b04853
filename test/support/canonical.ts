import type { Value } from "../../lib/object.ts";

/**
 * A text that two values share if and only if they are the same: keys sorted, every kind told apart.
 * Written apart from lib's own notion of equality, so that tests can judge that.
 */
export function canonical(value: unknown): string {
  if (value === undefined) return "undefined";
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Date) return `Date(${String(value.getTime())})`;
  if (value instanceof Uint8Array) return `Bytes(${Array.from(value).join()})`;
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value instanceof Map) {
    const entries = [...(value as Map<unknown, unknown>)];
    return `Map{${entries.map(([key, item]) => `${canonical(key)}:${canonical(item)}`).join()}}`;
  }
  if (typeof value !== "object") throw new TypeError(`no value: ${typeof value}`);
  const fields = value as Readonly<Record<string, Value>>;
  const keys = Object.keys(fields).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(fields[key])}`).join()}}`;
}
