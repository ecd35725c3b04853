import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../../lib/bytes.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../lib/limits.ts";
import { ShapeDictionary, writeDefinitions, writeShape } from "../../../lib/shape-codec.ts";
import { KnownShapes, makePropertySet, ShapeTable, type PropertySet } from "../../../lib/shape.ts";
import { anyName, RESERVED_NAMES } from "../../support/arbitraries.ts";
import { codeOf } from "../../support/hostile.ts";

/** The two ends of a connection. */
class Ends {
  readonly table: ShapeTable;
  readonly known = new KnownShapes();
  readonly dictionary: ShapeDictionary;

  constructor(limits: Partial<Limits> = {}) {
    const all = { ...DEFAULT_LIMITS, ...limits };
    this.table = new ShapeTable(all.shapesMax, makePropertySet);
    this.dictionary = new ShapeDictionary(all);
  }

  /** Tells the reader what it lacks; gives back how many bytes it took. */
  define(...shapes: PropertySet[]): number {
    const writer = new ByteWriter();
    writeDefinitions(writer, this.known.missing(new Set(shapes)), this.known);
    const reader = new ByteReader(writer.take());
    this.dictionary.readDefinitions(reader);
    expect(reader.left).toBe(0);
    return reader.position;
  }

  send(shape: PropertySet): PropertySet {
    const writer = new ByteWriter();
    writeShape(writer, shape);
    return this.dictionary.readShape(new ByteReader(writer.take()));
  }
}

/** The code of what is wrong with definitions, written as numbers and texts. */
function definitions(parts: (number | string)[], limits: Partial<Limits> = {}): string | undefined {
  const writer = new ByteWriter();
  for (const part of parts) {
    if (typeof part === "number") writer.varint(part);
    else writer.text(part);
  }
  const dictionary = new ShapeDictionary({ ...DEFAULT_LIMITS, ...limits });
  return codeOf(() => dictionary.readDefinitions(new ByteReader(writer.take())));
}

test("shapes are understood on the other side, numbered or not", () => {
  const names = fc.uniqueArray(anyName, { maxLength: 8 });
  fc.assert(
    fc.property(fc.array(names, { maxLength: 12 }), fc.integer({ min: 0, max: 12 }), (all, max) => {
      const ends = new Ends({ shapesMax: max });
      for (const one of all) {
        const shape = ends.table.of(one);
        if (shape.number > 0) ends.define(shape);
        expect(ends.send(shape)).toEqual(shape);
      }
    }),
  );
});

test("names travel once", () => {
  const ends = new Ends();
  const first = ends.define(ends.table.of(["position", "rotation"]));
  expect(first).toBeGreaterThan("positionrotation".length);
  expect(ends.define(ends.table.of(["rotation", "position"]))).toBe(6);
  expect(ends.define(ends.table.of(["rotation", "position"]))).toBe(1);
});

test("what was never defined is refused", () => {
  const ends = new Ends();
  expect(codeOf(() => ends.dictionary.shape(1))).toBe("invalid_payload");
  expect(codeOf(() => ends.dictionary.shape(2 ** 52))).toBe("invalid_payload");
  expect(definitions([1, 0, 1, 1, 7])).toBe("invalid_payload"); // a shape of an unknown name
});

test("names that no property may have are refused", () => {
  for (const name of RESERVED_NAMES) {
    expect(definitions([1, 1, 1, name, 1, 1, 1])).toBe("reserved_key");
  }
  expect(definitions([1, 1, 1, "id", 1, 1, 1])).toBe("invalid_id");
  expect(definitions([1, 1, 1, "x", 1, 2, 1, 1])).toBe("invalid_payload"); // twice
  expect(definitions([1, 1, 1, "x".repeat(256), 1, 1, 1])).toBeUndefined();
  expect(definitions([1, 1, 1, "x".repeat(257), 1, 1, 1])).toBe("limit_exceeded");
  expect(definitions([1, 1, 1, "漢".repeat(86), 1, 1, 1])).toBe("limit_exceeded");
});

test("a name or shape has a number from 1 to the limit", () => {
  const limits = { shapesMax: 5 };
  expect(definitions([1, 1, 5, "x", 5, 1, 5], limits)).toBeUndefined();
  expect(definitions([1, 1, 6, "x", 5, 0], limits)).toBe("limit_exceeded");
  expect(definitions([1, 1, 0, "x", 5, 0], limits)).toBe("limit_exceeded");
  expect(definitions([1, 0, 6, 0], limits)).toBe("limit_exceeded");
  expect(definitions([1, 0, 0, 0], limits)).toBe("limit_exceeded");
  expect(definitions([1, 0, 2 ** 52, 0], limits)).toBe("limit_exceeded");
});

test("a shape has at most as many names as an object may have, and remember removed", () => {
  const limits = { propertiesPerObjectMax: 3, removedPropertiesMax: 1 };
  const names = ["a", "b", "c", "d", "e"];
  const named = names.flatMap((name, i) => [i + 1, name]);
  expect(definitions([1, 5, ...named, 1, 4, 1, 2, 3, 4], limits)).toBeUndefined();
  expect(definitions([1, 5, ...named, 1, 5, 1, 2, 3, 4, 5], limits)).toBe("limit_exceeded");
  const inline = new ByteWriter();
  inline.varint(5);
  for (const name of names) inline.text(name);
  const dictionary = new ShapeDictionary({ ...DEFAULT_LIMITS, ...limits });
  const read = () => dictionary.readInlineShape(new ByteReader(inline.take()));
  expect(codeOf(read)).toBe("limit_exceeded");
});

test("all shapes of a connection together have a bounded number of names", () => {
  const writer = new ByteWriter();
  const width = 1_000;
  writer.varint(1);
  writer.varint(width);
  for (let i = 1; i <= width; i++) {
    writer.varint(i);
    writer.text(`name ${i}`);
  }
  writer.varint(1);
  writer.varint(width);
  for (let i = 1; i <= width; i++) writer.varint(i);
  const again = new ByteWriter();
  again.raw(Uint8Array.of(1, 0, 2));
  again.varint(width);
  for (let i = 1; i <= width; i++) again.varint(i);
  const dictionary = new ShapeDictionary(DEFAULT_LIMITS);
  dictionary.readDefinitions(new ByteReader(writer.take()));
  const same = again.take();
  let count = 1;
  const code = codeOf(() => {
    for (; count < 1_000; count++) dictionary.readDefinitions(new ByteReader(same));
  });
  expect({ code, count }).toEqual({ code: "limit_exceeded", count: 65 });
});

test("counts beyond the message allocate nothing", () => {
  const huge = 2 ** 52;
  expect(definitions([huge])).toBe("invalid_payload");
  expect(definitions([1, huge])).toBe("invalid_payload");
  expect(definitions([1, 0, 1, huge])).toBe("invalid_payload");
  expect(definitions([])).toBe("invalid_payload");
});
