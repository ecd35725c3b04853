import { ByteWriter, malformed, type ByteReader } from "./bytes.ts";
import type { Change, Delta, ObjectCreated, ObjectUpdated } from "./delta.ts";
import { SyncError } from "./errors.ts";
import type { CommonLimits } from "./limits.ts";
import { checkId, type Value } from "./object.ts";
import { PROTOCOL } from "./protocol.ts";
import { writeInlineShape, type ShapeDictionary } from "./shape-codec.ts";
import type { PropertySet } from "./shape.ts";
import { fromZigzag, readValue, toZigzag, writeValue } from "./value-codec.ts";

const CHANGE = PROTOCOL.change;

/** A delta as the bytes that every receiver of it shares, and the shapes it must know for them. */
export interface EncodedDelta {
  readonly from: number;
  readonly to: number;
  readonly bytes: Uint8Array;
  readonly shapes: ReadonlySet<PropertySet>;
}

/**
 * Encodes a delta as runs of changes of the same kind and shape, so that each change itself is
 * hardly more than its values: see PROTOCOL.md, "Delta". Several deltas may share changes, and encode
 * each once: `bodies` has their bytes from one call to the next.
 */
export function encodeDelta(delta: Delta, bodies?: Map<Change, Uint8Array>): EncodedDelta {
  return encodeDeltaWithin(Infinity, delta, bodies) as EncodedDelta;
}

/** The same, or undefined, as soon as it is known, when it is more than so many bytes. */
export function encodeDeltaWithin(
  bytesMax: number,
  delta: Delta,
  bodies?: Map<Change, Uint8Array>,
): EncodedDelta | undefined {
  const writer = new ByteWriter();
  const shapes = new Set<PropertySet>();
  writer.varint(delta.from);
  writer.varint(delta.to - delta.from);
  const { changes } = delta;
  for (let start = 0; start < changes.length;) {
    const first = changes[start] as Change;
    const end = runEnd(changes, start, first);
    writer.varint(end - start);
    writer.varint(runCode(first));
    if (first.kind !== "destroy") {
      if (first.shape.number === 0) writeInlineShape(writer, first.shape);
      else shapes.add(first.shape);
    }
    let handle = 0;
    for (let i = start; i < end; i++) {
      const change = changes[i] as Change;
      writeHandle(writer, change, handle);
      if (change.kind !== "destroy") writeBody(writer, change, bodies);
      if (writer.length > bytesMax) return undefined;
      ({ handle } = change);
    }
    start = end;
  }
  return { from: delta.from, to: delta.to, bytes: writer.take(), shapes };
}

function runEnd(changes: readonly Change[], start: number, first: Change): number {
  let end = start + 1;
  if (first.kind !== "destroy" && first.shape.number === 0) return end;
  const code = runCode(first);
  while (end < changes.length && runCode(changes[end] as Change) === code) end += 1;
  return end;
}

function runCode(change: Change): number {
  const kind = CHANGE[change.kind] + (change.silent ? CHANGE.silent : 0);
  return change.kind === "destroy" ? kind : kind + change.shape.number * CHANGE.shapeUnit;
}

function writeHandle(writer: ByteWriter, { kind, handle }: Change, handleBefore: number): void {
  // In a snapshot mostly one more than that of the object before.
  if (kind === "create") writer.varint(toZigzag(handle - handleBefore));
  else writer.varint(handle);
}

function writeBody(
  writer: ByteWriter,
  change: ObjectCreated | ObjectUpdated,
  bodies: Map<Change, Uint8Array> | undefined,
): void {
  const known = bodies?.get(change);
  if (known !== undefined) {
    writer.raw(known);
    return;
  }
  const start = writer.length;
  if (change.kind === "create") writer.text(change.id);
  for (const value of change.values) writeValue(writer, value);
  bodies?.set(change, writer.copy(start));
}

/** Reads a delta to the end of the message. */
export function readDelta(
  reader: ByteReader,
  dictionary: ShapeDictionary,
  limits: CommonLimits,
): Delta {
  const from = reader.varint();
  const to = from + reader.varint();
  const changes: Change[] = [];
  while (reader.left > 0) {
    const count = reader.count();
    const code = reader.varint();
    const kind = code & CHANGE.kindMask;
    const silent = (code & CHANGE.silent) !== 0;
    if (kind === CHANGE.destroy) {
      for (let i = 0; i < count; i++)
        changes.push({ kind: "destroy", handle: reader.varint(), silent });
      continue;
    }
    if (kind > CHANGE.destroy) throw malformed("a change is of no known kind");
    const number = Math.floor(code / CHANGE.shapeUnit);
    const shape = number === 0 ? dictionary.readInlineShape(reader) : dictionary.shape(number);
    let handle = 0;
    for (let i = 0; i < count; i++) {
      if (kind === CHANGE.create) {
        handle += fromZigzag(reader.varint());
        if (handle < 0) throw malformed("a handle is below 0");
        const id = checkId(reader.text(), limits);
        const values = readValues(reader, shape, limits);
        changes.push({ kind: "create", handle, id, shape, values, silent });
      } else {
        changes.push({
          kind: "update",
          handle: reader.varint(),
          shape,
          values: readValues(reader, shape, limits),
          silent,
        });
      }
    }
  }
  return { from, to, changes };
}

/** Reads a value for each name. An error about one says which, and of which object. */
export function readValues(
  reader: ByteReader,
  shape: PropertySet,
  limits: CommonLimits,
  id?: string,
): (Value | undefined)[] {
  // Of its final length at once: a list that grows, from integers to floats, is copied twice.
  const values = new Array<Value | undefined>(shape.names.length);
  let i = 0;
  try {
    for (; i < values.length; i++) values[i] = readValue(reader, limits);
  } catch (error) {
    if (!(error instanceof SyncError)) throw error;
    const property = shape.names[i];
    throw new SyncError(error.code, error.message, { id, property, cause: error });
  }
  return values;
}
