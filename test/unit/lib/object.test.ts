import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { DEFAULT_LIMITS } from "../../../lib/limits.ts";
import {
  checkId,
  checkName,
  copyChanges,
  equalValues,
  isStorableNumber,
  propertyOf,
  setProperty,
  textBytes,
  utf8Bytes,
  type OwnedObject,
  type Value,
} from "../../../lib/object.ts";
import { anyText, anyValue, RESERVED_NAMES, TRAP_NAMES } from "../../support/arbitraries.ts";
import { canonical } from "../../support/canonical.ts";
import { codeOf } from "../../support/hostile.ts";

const limits = DEFAULT_LIMITS;

function copyOf(value: unknown): Value | undefined {
  return copyChanges({ x: value }, limits)["x"];
}

function codeOfValue(value: unknown): string | undefined {
  return codeOf(() => copyOf(value));
}

function nested(levels: number): unknown {
  let value: unknown = [];
  for (let i = 1; i < levels; i++) value = i % 2 === 0 ? [value] : { deeper: value };
  return value;
}

test("an id is 1 to 256 bytes of UTF-8 without NUL", () => {
  const good = ["a", "0", " ", "x".repeat(256), "é".repeat(128), "漢".repeat(85), "😀".repeat(64)];
  for (const id of [...good, "player:42", "__proto__", "constructor", "toString"]) {
    expect(checkId(id, limits)).toBe(id);
  }
  const bad = [
    "",
    "\0",
    "a\0b",
    "x".repeat(257),
    "é".repeat(129),
    "漢".repeat(86),
    "😀".repeat(65),
  ];
  for (const id of [...bad, "\ud800", "\udc00", "a\ud83d", "\udc00\ud800", "x".repeat(1_000_000)]) {
    expect(codeOf(() => checkId(id, limits))).toBe("invalid_id");
  }
  for (const id of [undefined, null, 5, NaN, {}, [], ["a"], true, Symbol("a"), () => "a"]) {
    expect(codeOf(() => checkId(id, limits))).toBe("invalid_id");
  }
});

test("a number as an id is told how to be one", () => {
  expect(() => checkId(42, limits)).toThrow('write "42"');
});

test("a property's name is anything of at most 256 bytes, but what reaches a prototype", () => {
  for (const name of [...TRAP_NAMES, "x".repeat(256), "漢".repeat(85), "\ud800", "\0"]) {
    expect(checkName(name, limits)).toBe(name);
  }
  for (const name of RESERVED_NAMES) {
    expect(() => checkName(name, limits, "a")).toThrow(
      expect.objectContaining({ code: "reserved_key", id: "a", property: name }),
    );
  }
  for (const name of ["x".repeat(257), "漢".repeat(86)]) {
    expect(codeOf(() => checkName(name, limits))).toBe("limit_exceeded");
  }
});

test("what is copied is the same, and shares nothing with what it was copied from", () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const copy = copyOf(value);
      expect(canonical(copy)).toBe(canonical(value));
      if (typeof value === "object" && value !== null) expect(copy).not.toBe(value);
    }),
  );
  const date = new Date(5);
  const bytes = Uint8Array.of(1, 2);
  const list = [{ date, bytes }];
  const copy = copyOf(list);
  date.setTime(6);
  bytes[0] = 9;
  list.pop();
  expect(copy).toStrictEqual([{ date: new Date(5), bytes: Uint8Array.of(1, 2) }]);
});

test("the id is left out of what changes, and undefined removes", () => {
  const changes = copyChanges({ id: "a", x: 1, y: undefined }, limits);
  expect(Object.entries(changes)).toEqual([
    ["x", 1],
    ["y", undefined],
  ]);
});

test("an undefined field of a value is left out, an undefined item refused", () => {
  expect(copyOf({ a: 1, b: undefined })).toStrictEqual({ a: 1 });
  expect(codeOfValue([1, undefined])).toBe("invalid_value");
  // A list with a hole.
  expect(codeOfValue(new Array(1))).toBe("invalid_value");
  expect(codeOfValue(new Array(2 ** 32 - 1))).toBe("invalid_value");
});

test("only numbers that every side can hold exactly are values", () => {
  const bad = [NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 2 ** 53 + 2, 1e300];
  for (const number of bad) {
    expect(isStorableNumber(number)).toBe(false);
    expect(codeOfValue(number)).toBe("invalid_value");
    expect(codeOfValue([{ deep: number }])).toBe("invalid_value");
  }
  for (const number of [0, -1, 2 ** 53 - 1, 1 - 2 ** 53, 0.1, 5e-324, 1.5e-300]) {
    expect(copyOf(number)).toBe(number);
  }
  expect(copyOf(-0)).toBe(0);
});

test("what is not plain data is refused, naming the property", () => {
  class Model {
    x = 1;
  }
  const bad = [
    () => 1,
    Symbol("x"),
    1n,
    new Model(),
    new Map(),
    new Set(),
    /x/,
    new Error("x"),
    Promise.resolve(),
    new Date(NaN),
    new ArrayBuffer(1),
    new Float64Array(1),
    Object.assign(Object.create({ inherited: 1 }) as object, { own: 1 }),
  ];
  for (const value of bad) {
    expect(() => copyChanges({ id: "a", x: [value] }, limits, "a")).toThrow(
      expect.objectContaining({ code: "invalid_value", id: "a", property: "x" }),
    );
  }
  expect(copyOf(Object.assign(Object.create(null) as object, { a: 1 }))).toStrictEqual({ a: 1 });
});

test("values nest 32 deep and no deeper, and do not contain themselves", () => {
  expect(canonical(copyOf(nested(32)))).toBe(canonical(nested(32)));
  expect(codeOfValue(nested(33))).toBe("too_deep");
  expect(codeOfValue(nested(100_000))).toBe("too_deep");
  const cycle: unknown[] = [];
  cycle.push({ cycle });
  expect(codeOfValue(cycle)).toBe("too_deep");
});

test("names and keys that reach a prototype are refused, also when JSON made them", () => {
  for (const name of RESERVED_NAMES) {
    const parsed = JSON.parse(`{"${name}": {"polluted": true}}`) as object;
    expect(codeOf(() => copyChanges(parsed, limits))).toBe("reserved_key");
    expect(codeOfValue(parsed)).toBe("reserved_key");
    expect(codeOfValue([{ deep: [parsed] }])).toBe("reserved_key");
  }
  expect("polluted" in {}).toBe(false);
});

test("names that mean something in JavaScript are plain data", () => {
  const traps = Object.fromEntries(TRAP_NAMES.map((name, i) => [name, i]));
  expect(copyChanges(traps, limits)).toStrictEqual(traps);
  expect(copyOf(traps)).toStrictEqual(traps);
  const object = { id: "a" } as OwnedObject;
  for (const name of TRAP_NAMES) {
    if (name !== "length" && name !== "name") expect(propertyOf(object, name)).toBeUndefined();
    setProperty(object, name, 1);
    expect(propertyOf(object, name)).toBe(1);
    setProperty(object, name, undefined);
    expect(propertyOf(object, name)).toBeUndefined();
  }
  expect(object).toStrictEqual({ id: "a" });
});

test("an object has at most 1,000 properties, and says which was too much", () => {
  const properties = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, i]));
  expect(Object.keys(copyChanges({ id: "a", ...properties(1_000) }, limits))).toHaveLength(1_000);
  expect(() => copyChanges(properties(1_001), limits)).toThrow(
    expect.objectContaining({ code: "limit_exceeded", property: "p1000" }),
  );
});

test("values are equal when they are the same data", () => {
  fc.assert(
    fc.property(anyValue, anyValue, (a, b) => {
      expect(equalValues(a, copyOf(a))).toBe(true);
      expect(equalValues(a, b)).toBe(canonical(a) === canonical(b));
    }),
    { numRuns: 500 },
  );
});

test("values of different kinds are never equal", () => {
  const kinds: (Value | undefined)[] = [
    undefined,
    null,
    false,
    0,
    "",
    "0",
    new Date(0),
    Uint8Array.of(),
    Uint8Array.of(0),
    [],
    [0],
    [null],
    {},
    { 0: 0 },
    { length: 0 },
    { toString: 1 },
    { valueOf: 1 },
    { a: 1 },
    { a: 1, b: 2 },
  ];
  for (const [i, a] of kinds.entries()) {
    for (const [j, b] of kinds.entries()) expect(equalValues(a, b)).toBe(i === j);
  }
  expect(equalValues({ a: 1, b: [2] }, { b: [2], a: 1 })).toBe(true);
});

test("the bytes of a text are counted as they travel", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      // Node writes half a pair as U+FFFD, three bytes as well.
      expect(utf8Bytes(text)).toBe(Buffer.byteLength(text));
      expect(textBytes(text)).toBeGreaterThan(utf8Bytes(text));
    }),
  );
});
