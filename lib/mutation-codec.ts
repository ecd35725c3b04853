import { ByteReader, ByteWriter, malformed } from "./bytes.ts";
import { readValues } from "./delta-codec.ts";
import { atMost, SyncError } from "./errors.ts";
import type { CommonLimits } from "./limits.ts";
import { checkId, type Changes, type ObjectId } from "./object.ts";
import { toProperties, type Mutation, type Operation } from "./operation.ts";
import { PROTOCOL } from "./protocol.ts";
import { writeShape, type ShapeDictionary } from "./shape-codec.ts";
import type { PropertySet, ShapeTable } from "./shape.ts";
import { writeValue } from "./value-codec.ts";

const OPERATION = PROTOCOL.operation;

/** A mutation that could be told apart, but not be accepted: it uses up its number all the same. */
export interface RefusedMutation {
  readonly n: number;
  readonly problem: SyncError;
}

export interface EncodedMutation {
  readonly bytes: Uint8Array;
  readonly shapes: readonly PropertySet[];
}

/**
 * Encodes all of a mutation but its number. `handleOf` tells the small number under which the
 * receiver knows an object, if it does.
 */
export function encodeMutation(
  mutation: Omit<Mutation, "n">,
  table: ShapeTable,
  handleOf: (id: ObjectId) => number | undefined,
): EncodedMutation {
  const writer = new ByteWriter();
  const shapes: PropertySet[] = [];
  writer.varint(mutation.seen);
  writer.varint(mutation.operations.length);
  for (const operation of mutation.operations) {
    writeTarget(writer, operation, handleOf);
    if (operation.kind === "destroy") continue;
    const values = operation.kind === "create" ? operation.properties : operation.changes;
    const shape = table.of(Object.keys(values));
    if (shape.number > 0) shapes.push(shape);
    writeShape(writer, shape);
    for (const name of shape.names) writeValue(writer, values[name]);
  }
  return { bytes: writer.take(), shapes };
}

function writeTarget(
  writer: ByteWriter,
  operation: Operation,
  handleOf: (id: ObjectId) => number | undefined,
): void {
  if (operation.kind === "create") {
    writer.byte(OPERATION.create | (operation.chosen ? OPERATION.chosen : 0));
    writer.text(operation.id);
    return;
  }
  const handle = handleOf(operation.id);
  writer.byte(OPERATION[operation.kind] | (handle === undefined ? 0 : OPERATION.byHandle));
  if (handle === undefined) writer.text(operation.id);
  else writer.varint(handle);
}

/**
 * Reads one mutation. What cannot be accepted for its content is refused by itself; what cannot be
 * read at all throws `invalid_payload`, and with it the whole message is lost.
 */
export function decodeMutation(
  n: number,
  bytes: Uint8Array,
  dictionary: ShapeDictionary,
  limits: CommonLimits,
  idOf: (handle: number) => ObjectId | undefined,
): Mutation | RefusedMutation {
  try {
    if (bytes.length > limits.mutationBytesMax) {
      throw atMost("a write", limits.mutationBytesMax, "bytes", undefined, "too_large");
    }
    const reader = new ByteReader(bytes);
    const seen = reader.varint();
    const count = reader.count();
    if (count > limits.operationsPerMutationMax) {
      throw atMost("a write", limits.operationsPerMutationMax, "operations");
    }
    const operations: Operation[] = [];
    for (let i = 0; i < count; i++)
      operations.push(readOperation(reader, dictionary, limits, idOf));
    if (reader.left > 0) throw malformed("a write has bytes left over");
    return { n, seen, operations };
  } catch (error) {
    if (error instanceof SyncError && error.code !== "invalid_payload")
      return { n, problem: error };
    throw error;
  }
}

function readOperation(
  reader: ByteReader,
  dictionary: ShapeDictionary,
  limits: CommonLimits,
  idOf: (handle: number) => ObjectId | undefined,
): Operation {
  const code = reader.byte();
  const kind = code & OPERATION.kindMask;
  const flag = (code & ~OPERATION.kindMask) === OPERATION.byHandle;
  if (code > (OPERATION.byHandle | OPERATION.destroy) || kind > OPERATION.destroy) {
    throw malformed("a write has an operation of no known kind");
  }
  if (kind === OPERATION.create) {
    const id = checkId(reader.text(), limits);
    const changes = readChanges(reader, dictionary, limits, id);
    return { kind: "create", id, properties: toProperties(changes), chosen: flag };
  }
  const id = flag ? idOf(reader.varint()) : checkId(reader.text(), limits);
  if (id === undefined) throw new SyncError("gone", "the object was destroyed");
  if (kind === OPERATION.destroy) return { kind: "destroy", id };
  return { kind: "update", id, changes: readChanges(reader, dictionary, limits, id) };
}

function readChanges(
  reader: ByteReader,
  dictionary: ShapeDictionary,
  limits: CommonLimits,
  id: ObjectId,
): Changes {
  const shape = dictionary.readShape(reader);
  if (shape.names.length > limits.propertiesPerObjectMax) {
    throw atMost("an object", limits.propertiesPerObjectMax, "properties", { id });
  }
  const values = readValues(reader, shape, limits, id);
  const changes: Changes = {};
  for (const [i, name] of shape.names.entries()) changes[name] = values[i];
  return changes;
}
