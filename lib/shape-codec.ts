import { malformed, type ByteReader, type ByteWriter } from "./bytes.ts";
import { atMost, SyncError } from "./errors.ts";
import type { CommonLimits } from "./limits.ts";
import { checkName } from "./object.ts";
import { NAMES_PER_SHAPE, type KnownShapes, type PropertySet } from "./shape.ts";

/** Writes the shapes that the receiver lacks, with the names that it lacks, and notes both. */
export function writeDefinitions(
  writer: ByteWriter,
  missing: readonly PropertySet[],
  known: KnownShapes,
): void {
  writer.varint(missing.length);
  for (const shape of missing) {
    const names = known.missingNames(shape);
    writer.varint(names.length);
    for (const [number, name] of names) {
      writer.varint(number);
      writer.text(name);
    }
    writer.varint(shape.number);
    writer.varint(shape.names.length);
    for (const number of shape.nameNumbers) writer.varint(number);
    known.add(shape);
  }
}

/** The numbers that the other side has given to names and shapes on this connection. */
export class ShapeDictionary {
  readonly #names: string[] = [];
  readonly #shapes: PropertySet[] = [];
  readonly #limits: CommonLimits;
  /** How many more names the other side's shapes may have. */
  #namesLeft: number;

  constructor(limits: CommonLimits) {
    this.#limits = limits;
    this.#namesLeft = limits.shapesMax * NAMES_PER_SHAPE;
  }

  readDefinitions(reader: ByteReader): void {
    for (let left = reader.count(); left > 0; left--) {
      for (let names = reader.count(); names > 0; names--) {
        const number = this.#newNumber(reader);
        this.#names[number] = checkName(reader.text(), this.#limits);
      }
      const number = this.#newNumber(reader);
      const count = this.#propertyCount(reader);
      this.#namesLeft -= count;
      if (this.#namesLeft < 0) throw new SyncError("limit_exceeded", "shapes have too many names");
      const nameNumbers = Array.from({ length: count }, () => reader.varint());
      const names = nameNumbers.map((nameNumber) => {
        const name = this.#names[nameNumber];
        if (name === undefined) throw malformed("a name was never defined");
        return name;
      });
      this.#shapes[number] = { number, names: distinct(names), nameNumbers };
    }
  }

  /** Reads which shape follows: its number, or 0 and its names. */
  readShape(reader: ByteReader): PropertySet {
    const number = reader.varint();
    return number === 0 ? this.readInlineShape(reader) : this.shape(number);
  }

  readInlineShape(reader: ByteReader): PropertySet {
    const names = Array.from({ length: this.#propertyCount(reader) }, () =>
      checkName(reader.text(), this.#limits),
    );
    return { number: 0, names: distinct(names), nameNumbers: [] };
  }

  shape(number: number): PropertySet {
    const shape = this.#shapes[number];
    if (shape === undefined) throw malformed("a shape was never defined");
    return shape;
  }

  #newNumber(reader: ByteReader): number {
    const number = reader.varint();
    if (number === 0 || number > this.#limits.shapesMax) {
      throw new SyncError("limit_exceeded", "a number is too large");
    }
    return number;
  }

  #propertyCount(reader: ByteReader): number {
    const count = reader.count();
    // A shape may also name removed properties.
    const countMax = this.#limits.propertiesPerObjectMax + this.#limits.removedPropertiesMax;
    if (count > countMax) {
      throw atMost("an object", countMax, "properties");
    }
    return count;
  }
}

function distinct(names: readonly string[]): readonly string[] {
  if (names.includes("id")) throw new SyncError("invalid_id", "an object's id cannot be changed");
  if (new Set(names).size === names.length) return names;
  throw malformed("a shape has a name twice");
}

export function writeShape(writer: ByteWriter, shape: PropertySet): void {
  writer.varint(shape.number);
  if (shape.number === 0) writeInlineShape(writer, shape);
}

export function writeInlineShape(writer: ByteWriter, shape: PropertySet): void {
  writer.varint(shape.names.length);
  for (const name of shape.names) writer.text(name);
}
