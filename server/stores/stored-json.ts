import type { Properties, Value } from "../../lib/index.ts";
import type { DecidedMutation, ObjectId, ObjectRecord, Outcome } from "./store.ts";

/*
 * What databases keep as JSON. Of properties, what JSON lacks is an object with one key:
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
function propertiesFromJson(text: string): Properties {
  const fields = JSON.parse(text) as Record<string, Json>;
  const properties: Properties = {};
  for (const [name, value] of Object.entries(fields)) properties[name] = decode(value);
  return properties;
}

function encode(value: Value): Json {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return { $date: value.toISOString() };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return (value as readonly Value[]).map(encode);
  const entries = Object.entries(value as Properties).map(
    ([key, item]) => [key, encode(item)] as const,
  );
  const object = Object.fromEntries(entries);
  return isTagged(Object.keys(object)) ? { $object: object } : object;
}

function decode(json: Json): Value {
  if (typeof json !== "object" || json === null) return json;
  if (Array.isArray(json)) return json.map(decode);
  const keys = Object.keys(json);
  if (isTagged(keys)) return untag(keys[0] ?? "", json);
  return decodeObject(json);
}

function decodeObject(json: Record<string, Json>): Properties {
  return Object.fromEntries(Object.entries(json).map(([key, item]) => [key, decode(item)]));
}

function isTagged(keys: readonly string[]): boolean {
  return keys.length === 1 && keys[0]?.startsWith("$") === true;
}

function untag(tag: string, json: Record<string, Json>): Value {
  const content = json[tag];
  if (tag === "$date" && typeof content === "string") return new Date(content);
  if (tag === "$bytes" && typeof content === "string") {
    return Uint8Array.from(Buffer.from(content, "base64"));
  }
  if (tag === "$object") return decodeObject(content as Record<string, Json>);
  throw new Error(`a value cannot be ${tag}`);
}

interface KeptOutcome {
  readonly error?: Extract<Outcome, { kind: "rejected" }>["error"];
  readonly renamed?: readonly (readonly [ObjectId, ObjectId])[];
}

/** `{}` is plainly accepted. */
export function outcomeToJson(outcome: Outcome): string {
  const kept: KeptOutcome =
    outcome.kind === "rejected"
      ? { error: outcome.error }
      : outcome.renamed === undefined
        ? {}
        : { renamed: [...outcome.renamed] };
  return JSON.stringify(kept);
}

function outcomeFromJson(text: string): Outcome {
  const { error, renamed } = JSON.parse(text) as KeptOutcome;
  if (error !== undefined) return { kind: "rejected", error };
  return renamed === undefined
    ? { kind: "accepted" }
    : { kind: "accepted", renamed: new Map(renamed) };
}

/** A text and a number are different owners. */
export function ownerToJson(owner: DecidedMutation["owner"]): string | null {
  return owner === undefined ? null : JSON.stringify(owner);
}

function ownerFromJson(text: string | null): DecidedMutation["owner"] {
  return text === null ? undefined : (JSON.parse(text) as string | number);
}

/** What a database gives of an object: some give whole numbers as text. */
export interface ObjectRow {
  readonly id: string;
  readonly handle: number | string;
  readonly created: number | string;
  readonly revision: number | string;
  readonly forgotten: number | string;
  readonly properties: string | null;
  readonly names: string;
  readonly revisions: string;
}

export interface DecisionRow {
  readonly client_id: string;
  readonly n: number | string;
  readonly fingerprint: number | string;
  readonly owner: string | null;
  readonly outcome: string;
}

export function toRecord(row: ObjectRow): ObjectRecord {
  return {
    id: row.id as ObjectId,
    handle: Number(row.handle),
    created: Number(row.created),
    revision: Number(row.revision),
    forgotten: Number(row.forgotten),
    properties: row.properties === null ? null : propertiesFromJson(row.properties),
    names: JSON.parse(row.names) as string[],
    revisions: JSON.parse(row.revisions) as number[],
  };
}

export function toDecision(row: DecisionRow): DecidedMutation {
  return {
    clientId: row.client_id,
    n: Number(row.n),
    fingerprint: Number(row.fingerprint),
    owner: ownerFromJson(row.owner),
    outcome: outcomeFromJson(row.outcome),
  };
}
