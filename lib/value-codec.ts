import { malformed, type ByteReader, type ByteWriter } from "./bytes.ts";
import { SyncError } from "./errors.ts";
import type { CommonLimits } from "./limits.ts";
import {
  isReservedName,
  isStorableNumber,
  utf8Bytes,
  type Properties,
  type Value,
} from "./object.ts";
import { PROTOCOL } from "./protocol.ts";

const TAG = PROTOCOL.value;
const INT32_MAX = 0x7fffffff;

/** Writes a value, or `undefined` where a property was removed. */
export function writeValue(writer: ByteWriter, value: Value | undefined): void {
  switch (typeof value) {
    case "number":
      writeNumber(writer, value);
      return;
    case "string":
      writeText(writer, value);
      return;
    case "boolean":
      writer.byte(value ? TAG.true : TAG.false);
      return;
    case "undefined":
      writer.byte(TAG.absent);
      return;
    default:
      writeStructure(writer, value);
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (Number.isInteger(value)) {
    const magnitude = Math.abs(value);
    if (magnitude <= TAG.smallIntegerMax) {
      writer.varint(TAG.integer + toZigzag(value));
    } else {
      writer.byte(value < 0 ? TAG.negative : TAG.positive);
      writer.varint(magnitude);
    }
  } else if (Math.fround(value) === value) {
    writer.byte(TAG.float32);
    writer.float32(value);
  } else {
    writer.byte(TAG.float64);
    writer.float64(value);
  }
}

/** Whole numbers around 0 as small ones from 0: 0, -1, 1, -2, 2, ... */
export function toZigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2;
}

export function fromZigzag(zigzag: number): number {
  // Nearly all are small. What comes of a division is in a box of its own for the engine.
  if (zigzag <= INT32_MAX) return (zigzag >>> 1) ^ -(zigzag & 1);
  return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
}

function writeText(writer: ByteWriter, value: string): void {
  const bytes = value.length < TAG.shortTextMax ? utf8Bytes(value) : TAG.shortTextMax;
  if (bytes < TAG.shortTextMax) {
    writer.byte(TAG.shortText + bytes);
    writer.textWithoutLength(value);
  } else {
    writer.byte(TAG.text);
    writer.text(value);
  }
}

function writeStructure(
  writer: ByteWriter,
  value: Exclude<Value, number | string | boolean>,
): void {
  if (value === null) {
    writer.byte(TAG.null);
  } else if (value instanceof Date) {
    writer.byte(TAG.date);
    writeNumber(writer, value.getTime());
  } else if (value instanceof Uint8Array) {
    writer.byte(TAG.bytes);
    writer.varint(value.length);
    writer.raw(value);
  } else if (Array.isArray(value)) {
    const items = value as readonly Value[];
    writer.byte(TAG.array);
    writer.varint(items.length);
    for (const item of items) writeValue(writer, item);
  } else {
    const entries = Object.entries(value as Properties);
    writer.byte(TAG.object);
    writer.varint(entries.length);
    for (const [key, item] of entries) {
      writer.text(key);
      writeValue(writer, item);
    }
  }
}

/**
 * Reads what `writeValue` wrote. Throws `invalid_payload` when it cannot be read, and
 * `invalid_value`, `reserved_key` or `too_deep` when it can but may not be held.
 */
export function readValue(reader: ByteReader, limits: CommonLimits, depth = 0): Value | undefined {
  const header = reader.varint();
  if (header >= TAG.integer) return fromZigzag(header - TAG.integer);
  switch (header) {
    case TAG.absent:
      return undefined;
    case TAG.null:
      return null;
    case TAG.false:
      return false;
    case TAG.true:
      return true;
    case TAG.float64:
      return storable(reader.float64());
    case TAG.float32:
      return storable(reader.float32());
    case TAG.positive:
      return storable(reader.varint());
    case TAG.negative:
      return storable(-reader.varint());
    case TAG.array:
      return readArray(reader, limits, depth);
    case TAG.object:
      return readObject(reader, limits, depth);
    case TAG.date:
      return readDate(reader, limits, depth);
    case TAG.bytes:
      return reader.raw(reader.count());
    case TAG.text:
      return reader.text();
    default:
      // Short texts take all that the kinds leave free below the integers.
      return reader.textOf(header - TAG.shortText);
  }
}

function storable(value: number): number {
  if (isStorableNumber(value)) return value === 0 ? 0 : value;
  throw new SyncError("invalid_value", `${value} cannot be a value`);
}

function readDate(reader: ByteReader, limits: CommonLimits, depth: number): Date {
  // What a date holds can hold nothing more: so dates cannot nest, and exhaust the stack.
  if (depth > limits.depthMax) throw tooDeep(limits);
  const time = readValue(reader, limits, limits.depthMax + 1);
  const date = new Date(typeof time === "number" ? time : NaN);
  if (Number.isNaN(date.getTime())) {
    throw new SyncError("invalid_value", "an invalid date cannot be a value");
  }
  return date;
}

function readArray(reader: ByteReader, limits: CommonLimits, depth: number): Value[] {
  const items: Value[] = [];
  for (let left = nested(reader, limits, depth); left > 0; left--) {
    items.push(present(readValue(reader, limits, depth + 1)));
  }
  return items;
}

function readObject(reader: ByteReader, limits: CommonLimits, depth: number): Properties {
  const object: Properties = {};
  for (let left = nested(reader, limits, depth); left > 0; left--) {
    const key = reader.text();
    if (isReservedName(key)) throw new SyncError("reserved_key", `a key cannot be named ${key}`);
    object[key] = present(readValue(reader, limits, depth + 1));
  }
  return object;
}

/** The count of a structure's parts. Checked before anything is read into it. */
function nested(reader: ByteReader, limits: CommonLimits, depth: number): number {
  if (depth >= limits.depthMax) throw tooDeep(limits);
  return reader.count();
}

function tooDeep({ depthMax }: CommonLimits): SyncError {
  return new SyncError("too_deep", `a value is nested deeper than ${depthMax} levels`);
}

function present(value: Value | undefined): Value {
  if (value !== undefined) return value;
  throw malformed("a value is missing");
}
