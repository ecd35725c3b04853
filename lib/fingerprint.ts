import type { Value } from "./object.ts";
import type { Operation } from "./operation.ts";

const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

const float = new Float64Array(1);
const halves = new Uint32Array(float.buffer);

/**
 * A number above 0 by which a mutation is told from another that claims its place. 32 bits of
 * FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/) over what it does: against mistakes, not
 * against malice, which could only fool its own client.
 */
export function fingerprint(operations: readonly Operation[]): number {
  let hash = OFFSET;
  for (const operation of operations) {
    hash = mixText(hash, operation.kind);
    hash = mixText(hash, operation.id);
    if (operation.kind === "create") hash = mixValue(hash, operation.properties);
    if (operation.kind === "update") hash = mixFields(hash, operation.changes);
  }
  return hash >>> 0 || 1;
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, PRIME);
  // FNV takes bytes. A word's high bits, as the sign of a number, would else reach no others.
  return mixed ^ (mixed >>> 15);
}

function mixText(hash: number, text: string): number {
  let mixed = mix(hash, text.length);
  for (let i = 0; i < text.length; i++) mixed = mix(mixed, text.charCodeAt(i));
  return mixed;
}

function mixNumber(hash: number, value: number): number {
  float[0] = value;
  return mix(mix(hash, halves[0] ?? 0), halves[1] ?? 0);
}

function mixFields(hash: number, fields: Readonly<Record<string, Value | undefined>>): number {
  let mixed = hash;
  for (const name of Object.keys(fields)) mixed = mixValue(mixText(mixed, name), fields[name]);
  return mixed;
}

function mixValue(hash: number, value: Value | undefined): number {
  switch (typeof value) {
    case "number":
      return mixNumber(mix(hash, 1), value);
    case "string":
      return mixText(mix(hash, 2), value);
    case "boolean":
      return mix(hash, value ? 3 : 4);
    case "undefined":
      return mix(hash, 5);
    default:
      break;
  }
  if (value === null) return mix(hash, 6);
  if (value instanceof Date) return mixNumber(mix(hash, 7), value.getTime());
  if (value instanceof Uint8Array) return value.reduce(mix, mix(hash, 8));
  if (Array.isArray(value)) {
    return (value as readonly Value[]).reduce<number>(mixValue, mix(hash, 9));
  }
  return mixFields(mix(hash, 10), value as Readonly<Record<string, Value>>);
}
