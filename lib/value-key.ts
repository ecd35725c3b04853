import { isArray, type Value } from "./object.ts";

/** A text that two values share if and only if they are equal: every kind told apart, keys sorted. */
export function valueKey(value: Value): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Date) return `@${value.getTime()}`;
  if (value instanceof Uint8Array) return `#(${value.join()})`;
  if (isArray(value)) return `[${value.map(valueKey).join()}]`;
  const fields = Object.entries(value).map(([key, item]) => [JSON.stringify(key), item] as const);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, item]) => `${key}:${valueKey(item)}`).join()}}`;
}
