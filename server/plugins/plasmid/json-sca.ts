import type { Value } from "../../index.ts";

/** What JSON can carry. */
export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

type Fields = Readonly<Record<string, unknown>>;

/**
 * A value as the published client packs it (JSON/SCA): what JSON has no word for is an object with one
 * key, which says what it is. So it never sends a bare null.
 */
export function packValue(value: Value | undefined): Json {
  if (value === undefined) return { undefined: true };
  if (value === null) return { null: true };
  if (typeof value !== "object") return value;
  if (value instanceof Date) return { date: value.getTime() };
  if (value instanceof Uint8Array) {
    return { blob: { contents: Buffer.from(value).toString("latin1"), properties: { type: "" } } };
  }
  if (Array.isArray(value)) return { array: value.map((item: Value) => packValue(item)) };
  const fields = Object.entries(value as Readonly<Record<string, Value | undefined>>);
  return { object: Object.fromEntries(fields.map(([name, field]) => [name, packValue(field)])) };
}

/** The value again; what is not packed at all stays as it is. */
export function unpackValue(packed: Json): Value | undefined {
  return unpack(packed, new Map()) as Value | undefined;
}

/** The same thing in two places is there once, and `reference` names its `id` in the other. */
function unpack(packed: unknown, known: Map<unknown, unknown>): unknown {
  if (!isFields(packed)) return packed;
  const { id, reference, date, blob, array, object } = packed;
  if (packed["undefined"] === true) return undefined;
  if (packed["null"] === true) return null;
  if (typeof date === "number") return new Date(date);
  if (reference !== undefined) return known.get(keyOf(reference));
  if (isFields(blob) && typeof blob["contents"] === "string") {
    return Uint8Array.from(Buffer.from(blob["contents"], "latin1"));
  }
  if (Array.isArray(array)) {
    const list: unknown[] = [];
    known.set(keyOf(id), list);
    for (const item of array as readonly unknown[]) list.push(unpack(item, known));
    return list;
  }
  if (!isFields(object)) return packed;
  const fields = Object.entries(object).map(([name, field]) => [name, unpack(field, known)]);
  return Object.fromEntries(fields) as unknown;
}

/** It names ids by numbers, and refers to them by texts. */
function keyOf(id: unknown): unknown {
  return typeof id === "number" ? String(id) : id;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
