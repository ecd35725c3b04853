import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../../lib/bytes.ts";
import type { Change, Delta } from "../../../lib/delta.ts";
import { encodeDelta, readDelta } from "../../../lib/delta-codec.ts";
import { DEFAULT_LIMITS } from "../../../lib/limits.ts";
import type { ObjectId } from "../../../lib/object.ts";
import { PROTOCOL } from "../../../lib/protocol.ts";
import { ShapeDictionary, writeDefinitions } from "../../../lib/shape-codec.ts";
import { KnownShapes, makePropertySet, ShapeTable } from "../../../lib/shape.ts";
import { anyChanges, anyCount, anyId } from "../../support/arbitraries.ts";
import { codeOf, truncations } from "../../support/hostile.ts";

const anyHandle = anyCount.map((count) => count % 2 ** 52);

interface Plan {
  readonly shapesMax: number;
  readonly from: number;
  readonly changes: readonly (readonly [string, number, ObjectId, object, boolean])[];
}

const plan: fc.Arbitrary<Plan> = fc.record({
  shapesMax: fc.integer({ min: 0, max: 12 }),
  from: fc.nat(2 ** 30),
  changes: fc.array(
    fc.tuple(
      fc.constantFrom("create", "update", "destroy"),
      anyHandle,
      anyId,
      fc.oneof(fc.constantFrom({ x: 1 }, { x: 2, y: 3 }, {}), anyChanges),
      fc.boolean(),
    ),
    { maxLength: 12 },
  ),
});

function planned({ shapesMax, from, changes }: Plan): Delta {
  const table = new ShapeTable(shapesMax, makePropertySet);
  const all = changes.map(([kind, handle, id, fields, silent]): Change => {
    if (kind === "destroy") return { kind, handle, silent };
    const shape = table.of(Object.keys(fields));
    const values = Object.values(fields);
    return kind === "create"
      ? { kind, handle, id, shape, values, silent }
      : { kind: "update", handle, shape, values, silent };
  });
  return { from, to: from + changes.length, changes: all };
}

/** The delta's bytes, and a dictionary that knows its shapes. */
function sent(delta: Delta): { bytes: Uint8Array; dictionary: ShapeDictionary } {
  const { bytes, shapes } = encodeDelta(delta);
  const known = new KnownShapes();
  const writer = new ByteWriter();
  writeDefinitions(writer, known.missing(shapes), known);
  const dictionary = new ShapeDictionary(DEFAULT_LIMITS);
  dictionary.readDefinitions(new ByteReader(writer.take()));
  return { bytes, dictionary };
}

test("every delta comes back as it was", () => {
  fc.assert(
    fc.property(plan, (given) => {
      const delta = planned(given);
      const { bytes, dictionary } = sent(delta);
      expect(readDelta(new ByteReader(bytes), dictionary, DEFAULT_LIMITS)).toStrictEqual(delta);
    }),
    { numRuns: 300 },
  );
});

test("a delta that is cut short is refused, or has only whole changes", () => {
  fc.assert(
    fc.property(plan, (given) => {
      const delta = planned(given);
      const { bytes, dictionary } = sent(delta);
      for (const cut of truncations(bytes)) {
        codeOf(() => {
          const read = readDelta(new ByteReader(cut), dictionary, DEFAULT_LIMITS);
          expect(delta.changes.slice(0, read.changes.length)).toEqual(read.changes);
        });
      }
    }),
    { numRuns: 20 },
  );
});

test("changes of one kind and shape take two bytes besides their handles and values", () => {
  const table = new ShapeTable(10, makePropertySet);
  const shape = table.of(["x", "y"]);
  const changes = Array.from({ length: 100 }, (_, i): Change => ({
    kind: "update",
    handle: i,
    shape,
    values: [i % 30, 1],
    silent: false,
  }));
  const { bytes } = encodeDelta({ from: 5, to: 6, changes });
  expect(bytes.length).toBe(2 + 2 + 100 * 3);
});

test("a property that was removed comes back as removed", () => {
  const shape = { number: 0, names: ["x", "y"], nameNumbers: [] };
  const values = [undefined, null];
  const change: Change = { kind: "update", handle: 1, shape, values, silent: false };
  const { bytes, dictionary } = sent({ from: 0, to: 1, changes: [change] });
  expect(readDelta(new ByteReader(bytes), dictionary, DEFAULT_LIMITS).changes).toEqual([change]);
});

test("changes of no known kind, of unknown shapes and of impossible ids are refused", () => {
  const read = (...bytes: number[]) =>
    codeOf(() => {
      const dictionary = new ShapeDictionary(DEFAULT_LIMITS);
      readDelta(new ByteReader(Uint8Array.from([0, 1, ...bytes])), dictionary, DEFAULT_LIMITS);
    });
  expect(read()).toBeUndefined();
  expect(read(1, 3, 1)).toBe("invalid_payload");
  expect(read(1, 7, 1)).toBe("invalid_payload");
  expect(read(1, 9, 1)).toBe("invalid_payload"); // shape 1
  expect(read(1, 1, 0, 6, 0)).toBe("invalid_id"); // an empty id
  expect(read(1, 1, 0, 6, 1, 0)).toBe("invalid_id"); // NUL
  expect(read(1, 1, 0, 5, 1, 0x61)).toBe("invalid_payload"); // the handle -3
  expect(read(9, 2, 1)).toBe("invalid_payload"); // nine destroyed, one named
  expect(read(1, 0, 1, 2, 0x69, 0x64, 1, PROTOCOL.value.null)).toBe("invalid_id"); // the property "id"
});

test("an error in a value names the property", () => {
  const dictionary = new ShapeDictionary(DEFAULT_LIMITS);
  const cut = Uint8Array.from([0, 1, 1, 0, 1, 1, 0x78, 1, PROTOCOL.value.text]);
  expect(() => readDelta(new ByteReader(cut), dictionary, DEFAULT_LIMITS)).toThrow(
    expect.objectContaining({ code: "invalid_payload", property: "x" }),
  );
});
