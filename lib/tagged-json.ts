import type { Properties, Value } from "./object.ts";

/*
 * Properties as JSON, for whatever keeps text. What JSON lacks is an object with one key:
 *
 *   a Date         {"$date": "2026-01-31T12:00:00.000Z"}
 *   a Uint8Array   {"$bytes": "AQID"}                        base64
 *   an object whose only key starts with $                   {"$object": { ... }}
 */

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export function propertiesToJson(properties: Properties): string {
  const fields: Record<string, Json> = {};
  for (const [name, value] of Object.entries(properties)) fields[name] = encode(value);
  return JSON.stringify(fields);
}

/** Reads what `propertiesToJson` has made. Throws on anything else. */
export function propertiesFromJson(text: string): Properties {
  return decodeObject(JSON.parse(text) as Json | undefined);
}

function encode(value: Value): Json {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return { $date: value.toISOString() };
  if (value instanceof Uint8Array) return { $bytes: btoa(binaryText(value)) };
  if (Array.isArray(value)) return (value as readonly Value[]).map(encode);
  const entries = Object.entries(value as Properties).map(
    ([key, item]) => [key, encode(item)] as const,
  );
  const object = Object.fromEntries(entries);
  return isTagged(Object.keys(object)) ? { $object: object } : object;
}

/** A character for each byte. */
function binaryText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function decode(json: Json): Value {
  if (typeof json !== "object" || json === null) return json;
  if (Array.isArray(json)) return json.map(decode);
  const keys = Object.keys(json);
  if (isTagged(keys)) return untag(keys[0] ?? "", json);
  return decodeObject(json);
}

function decodeObject(json: Json | undefined): Properties {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new Error("an object is missing");
  }
  return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, decode(item)]));
}

function isTagged(keys: readonly string[]): boolean {
  return keys.length === 1 && keys[0]?.startsWith("$") === true;
}

function untag(tag: string, json: Record<string, Json>): Value {
  const content = json[tag];
  if (tag === "$date" && typeof content === "string") return decodeDate(content);
  if (tag === "$bytes" && typeof content === "string") {
    return Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  }
  if (tag === "$object") return decodeObject(content);
  throw new Error(`a value cannot be ${tag}`);
}

function decodeDate(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new Error(`${text} is no date`);
  return date;
}
