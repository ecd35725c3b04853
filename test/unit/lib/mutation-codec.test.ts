import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../../lib/bytes.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../lib/limits.ts";
import {
  decodeMutation,
  encodeMutation,
  type EncodedMutation,
  type RefusedMutation,
} from "../../../lib/mutation-codec.ts";
import type { ObjectId, Value } from "../../../lib/object.ts";
import type { Mutation, Operation } from "../../../lib/operation.ts";
import { PROTOCOL } from "../../../lib/protocol.ts";
import { ShapeDictionary, writeDefinitions } from "../../../lib/shape-codec.ts";
import { KnownShapes, makePropertySet, ShapeTable } from "../../../lib/shape.ts";
import { anyMutation, RESERVED_NAMES } from "../../support/arbitraries.ts";
import { codeOf, damaged, garbage, truncations } from "../../support/hostile.ts";

const OPERATION = PROTOCOL.operation;
/** The value 0 as it travels. */
const ZERO = PROTOCOL.value.integer;

function dictionaryFor({ shapes }: Pick<EncodedMutation, "shapes">): ShapeDictionary {
  const known = new KnownShapes();
  const writer = new ByteWriter();
  writeDefinitions(writer, known.missing(new Set(shapes)), known);
  const dictionary = new ShapeDictionary(DEFAULT_LIMITS);
  dictionary.readDefinitions(new ByteReader(writer.take()));
  return dictionary;
}

function encoded(
  mutation: Omit<Mutation, "n">,
  handleOf: (id: ObjectId) => number | undefined = () => undefined,
  shapesMax = 10,
): EncodedMutation {
  return encodeMutation(mutation, new ShapeTable(shapesMax, makePropertySet), handleOf);
}

/** Decodes a mutation as its only one; a refusal as the code and what it is about. */
function decoded(
  mutation: EncodedMutation,
  limits: Partial<Limits> = {},
  idOf: (handle: number) => ObjectId | undefined = () => undefined,
): Mutation | object {
  const all = { ...DEFAULT_LIMITS, ...limits };
  const result = decodeMutation(7, mutation.bytes, dictionaryFor(mutation), all, idOf);
  return "problem" in result ? refusal(result) : result;
}

function refusal({ n, problem }: RefusedMutation): object {
  const { code, id, property } = problem;
  return { n, code, id, property };
}

function written(...parts: (number | string)[]): EncodedMutation {
  const writer = new ByteWriter();
  for (const part of parts) {
    if (typeof part === "number") writer.varint(part);
    else writer.text(part);
  }
  return { bytes: writer.take(), shapes: [] };
}

function updateOf(name: string, value: Value): Omit<Mutation, "n"> {
  const changes = Object.fromEntries([[name, value]]);
  return { seen: 0, operations: [{ kind: "update", id: "a" as ObjectId, changes }] };
}

test("every mutation comes back as it was, whatever shapes and handles are known", () => {
  const given = fc.record({ mutation: anyMutation, shapesMax: fc.nat(6), handles: fc.boolean() });
  fc.assert(
    fc.property(given, ({ mutation, shapesMax, handles }) => {
      const ids = [...new Set(mutation.operations.map(({ id }) => id))];
      const handleOf = (id: ObjectId) => (handles ? ids.indexOf(id) * 1_000 : undefined);
      const bytes = encoded(mutation, handleOf, shapesMax);
      const idOf = (handle: number) => ids[handle / 1_000];
      expect(decoded(bytes, {}, idOf)).toStrictEqual({ ...mutation, n: 7 });
    }),
    { numRuns: 300 },
  );
});

test("an object that the server has told of is named by its handle", () => {
  const id = "a rather long id".repeat(5) as ObjectId;
  const operations: Operation[] = [{ kind: "destroy", id }];
  expect(encoded({ seen: 0, operations }, () => 5).bytes).toEqual(
    Uint8Array.of(0, 1, OPERATION.destroy | OPERATION.byHandle, 5),
  );
});

test("a handle that the server does not know any more means that the object is gone", () => {
  const operations: Operation[] = [{ kind: "destroy", id: "a" as ObjectId }];
  const mutation = encoded({ seen: 0, operations }, () => 5);
  expect(decoded(mutation)).toMatchObject({ n: 7, code: "gone" });
});

test("what breaks a limit is refused by itself, and names the object and the property", () => {
  const about = { n: 7, id: "a", property: "x" };
  const properties = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`p${i}`, i]));
  const wide: Operation = { kind: "create", id: "a" as ObjectId, properties, chosen: true };
  const destroy: Operation = { kind: "destroy", id: "a" as ObjectId };
  const many = encoded({ seen: 0, operations: [destroy, destroy, destroy] });
  const wideOnes = [10, 0].map((max) => encoded({ seen: 0, operations: [wide] }, undefined, max));
  const nested = encoded(updateOf("x", [[[]]]));
  const large = encoded(updateOf("x", "long ".repeat(20)));

  expect(decoded(many, { operationsPerMutationMax: 3 })).not.toHaveProperty("code");
  expect(decoded(many, { operationsPerMutationMax: 2 })).toMatchObject({ code: "limit_exceeded" });
  for (const one of wideOnes) {
    expect(decoded(one, { propertiesPerObjectMax: 5 })).not.toHaveProperty("code");
    expect(decoded(one, { propertiesPerObjectMax: 4 })).toMatchObject({
      n: 7,
      code: "limit_exceeded",
      id: "a",
    });
  }
  expect(decoded(nested, { depthMax: 3 })).not.toHaveProperty("code");
  expect(decoded(nested, { depthMax: 2 })).toEqual({ ...about, code: "too_deep" });
  expect(decoded(large, { mutationBytesMax: large.bytes.length })).not.toHaveProperty("code");
  expect(decoded(large, { mutationBytesMax: large.bytes.length - 1 })).toMatchObject({
    n: 7,
    code: "too_large",
  });
});

test("numbers and keys that may not be held are refused by themselves", () => {
  const about = { n: 7, id: "a", property: "x" };
  for (const value of [NaN, Infinity, -Infinity, 2 ** 53]) {
    // What the encoder would not write: it trusts its input.
    const writer = new ByteWriter();
    writer.raw(Uint8Array.of(0, 1, OPERATION.update, 1, 0x61, 0, 1, 1, 0x78));
    writer.byte(PROTOCOL.value.float64);
    writer.float64(value);
    const mutation = { bytes: writer.take(), shapes: [] };
    expect(decoded(mutation)).toEqual({ ...about, code: "invalid_value" });
  }
  for (const key of RESERVED_NAMES) {
    const nested = encoded(updateOf("x", Object.fromEntries([[key, 1]])));
    expect(decoded(nested)).toEqual({ ...about, code: "reserved_key" });
    expect(decoded(written(0, 1, OPERATION.update, "a", 0, 1, key, ZERO))).toMatchObject({
      n: 7,
      code: "reserved_key",
    });
  }
});

test("an id that no object can have, and a change of the id, are refused by themselves", () => {
  for (const id of ["", "\0", "a\ud800", "\udc00", "x".repeat(257), "漢".repeat(86)]) {
    for (const kind of [OPERATION.create, OPERATION.update, OPERATION.destroy]) {
      expect(decoded(written(0, 1, kind, id, 0, 0))).toMatchObject({ n: 7, code: "invalid_id" });
    }
  }
  const changed = written(0, 1, OPERATION.update, "a", 0, 1, "id", ZERO);
  expect(decoded(changed)).toMatchObject({ n: 7, code: "invalid_id" });
});

test("what cannot be read at all is no single write's fault", () => {
  const read = (mutation: EncodedMutation) => codeOf(() => decoded(mutation));
  expect(read(written())).toBe("invalid_payload");
  expect(read(written(0))).toBe("invalid_payload");
  expect(read(written(0, 1))).toBe("invalid_payload");
  expect(read(written(0, 0, 0))).toBe("invalid_payload"); // a byte left over
  for (const kind of [3, 7, 8, 16, 127]) {
    expect(read(written(0, 1, kind, "a", 0, 0))).toBe("invalid_payload");
  }
  expect(read(written(0, 1, OPERATION.update, "a", 99))).toBe("invalid_payload"); // no such shape
  expect(read(written(0, 1, OPERATION.update, "a", 0, 2, "x", "x", ZERO, ZERO))).toBe(
    "invalid_payload",
  );
});

test("a mutation of nothing is one", () => {
  expect(decoded(encoded({ seen: 3, operations: [] }))).toEqual({ n: 7, seen: 3, operations: [] });
});

test("what a create does not set is nothing in it", () => {
  const { absent } = PROTOCOL.value;
  const mutation = written(0, 1, OPERATION.create, "a", 0, 2, "x", "y", absent, ZERO);
  expect(decoded(mutation)).toStrictEqual({
    n: 7,
    seen: 0,
    operations: [{ kind: "create", id: "a", properties: { y: 0 }, chosen: false }],
  });
});

test("a mutation that is cut short or damaged is refused, or is another one", () => {
  const bytes = anyMutation.map((mutation) => encoded(mutation, undefined, 0).bytes);
  const decode = (given: Uint8Array) => codeOf(() => decoded({ bytes: given, shapes: [] }));
  fc.assert(
    fc.property(bytes, (whole) => {
      for (const cut of truncations(whole)) expect(decode(cut)).toBe("invalid_payload");
    }),
    { numRuns: 20 },
  );
  fc.assert(
    fc.property(fc.oneof(damaged(bytes), garbage), (given) => {
      expect([undefined, "invalid_payload"]).toContain(decode(given));
    }),
    { numRuns: 200 },
  );
});
