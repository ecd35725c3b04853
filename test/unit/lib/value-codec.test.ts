import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../../lib/bytes.ts";
import { DEFAULT_LIMITS } from "../../../lib/limits.ts";
import { valueBytes, type Value } from "../../../lib/object.ts";
import { PROTOCOL } from "../../../lib/protocol.ts";
import { readValue, writeValue } from "../../../lib/value-codec.ts";
import {
  anyNumber,
  anyText,
  anyValue,
  BOUNDARY_INTEGERS,
  RESERVED_NAMES,
} from "../../support/arbitraries.ts";
import { codeOf, damaged, garbage, truncations } from "../../support/hostile.ts";

const TAG = PROTOCOL.value;

function encoded(value: Value | undefined): Uint8Array {
  const writer = new ByteWriter();
  writeValue(writer, value);
  return writer.take();
}

function decoded(bytes: Uint8Array): Value | undefined {
  const reader = new ByteReader(bytes);
  const value = readValue(reader, DEFAULT_LIMITS);
  expect(reader.left).toBe(0);
  return value;
}

function read(...bytes: number[]): string | undefined {
  return codeOf(() => readValue(new ByteReader(Uint8Array.from(bytes)), DEFAULT_LIMITS));
}

function nested(levels: number): Value {
  let value: Value = [];
  for (let i = 1; i < levels; i++) value = i % 2 === 0 ? [value] : { deeper: value };
  return value;
}

test("every value comes back as it was, and takes no more bytes than it is counted for", () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const bytes = encoded(value);
      expect(decoded(bytes)).toStrictEqual(value);
      expect(bytes.length).toBeLessThanOrEqual(valueBytes(value));
    }),
    { numRuns: 1_000 },
  );
});

test("every number and every text come back as they were", () => {
  fc.assert(
    fc.property(anyNumber, anyText, (number, text) => {
      expect(decoded(encoded(number))).toBe(number);
      expect(decoded(encoded(text))).toBe(text);
    }),
    { numRuns: 2_000 },
  );
  for (const integer of BOUNDARY_INTEGERS) expect(decoded(encoded(integer))).toBe(integer);
});

test("numbers take as few bytes as they need", () => {
  const bytes = (value: number) => encoded(value).length;
  expect([0, 1, -1, 31, -32].map(bytes)).toEqual([1, 1, 1, 1, 1]);
  expect([32, -33, 8_159, -8_160].map(bytes)).toEqual([2, 2, 2, 2]);
  expect([8_160, -8_161, 1_048_543, -1_048_544].map(bytes)).toEqual([3, 3, 3, 3]);
  expect([1_048_544, -1_048_545].map(bytes)).toEqual([4, 4]);
  expect([2 ** 29 - 1, 1 - 2 ** 29].map(bytes)).toEqual([5, 5]);
  expect([2 ** 29, -(2 ** 29)].map(bytes)).toEqual([6, 6]);
  expect([2 ** 53 - 1, 1 - 2 ** 53].map(bytes)).toEqual([9, 9]);
  expect([0.5, Math.fround(0.1), 1e-40 * 0].map(bytes)).toEqual([5, 5, 1]);
  expect([0.1, 5e-324].map(bytes)).toEqual([9, 9]);
});

test("whole numbers are read in longer forms than a writer takes", () => {
  const varint = (...numbers: number[]) => {
    const writer = new ByteWriter();
    for (const number of numbers) writer.varint(number);
    return writer.take();
  };
  expect(decoded(varint(TAG.positive, 5))).toBe(5);
  expect(decoded(varint(TAG.negative, 5))).toBe(-5);
  for (const n of [2 ** 30, 2 ** 31, 2 ** 40, 2 ** 51]) {
    expect(decoded(varint(TAG.integer + 2 * n))).toBe(n);
    expect(decoded(varint(TAG.integer + 2 * n - 1))).toBe(-n);
  }
});

test("short texts take one byte besides their own", () => {
  expect(encoded("").length).toBe(1);
  expect(encoded("a".repeat(50)).length).toBe(51);
  expect(encoded("a".repeat(51)).length).toBe(53);
  expect(encoded("é".repeat(25)).length).toBe(51);
  expect(encoded("é".repeat(26)).length).toBe(54);
});

test("no value is minus zero", () => {
  expect(decoded(encoded(-0))).toBe(0);
  expect(decoded(Uint8Array.of(TAG.negative, 0))).toBe(0);
  expect(decoded(Uint8Array.of(TAG.float64, 0, 0, 0, 0, 0, 0, 0, 0x80))).toBe(0);
  expect(decoded(Uint8Array.of(TAG.float32, 0, 0, 0, 0x80))).toBe(0);
});

test("a removed property is nothing on the wire but its mark", () => {
  expect(encoded(undefined)).toStrictEqual(Uint8Array.of(TAG.absent));
  expect(decoded(encoded(undefined))).toBeUndefined();
});

test("values nest 32 deep and no deeper", () => {
  expect(decoded(encoded(nested(32)))).toStrictEqual(nested(32));
  expect(codeOf(() => decoded(encoded(nested(33))))).toBe("too_deep");
});

test("200 KB of opened arrays, objects or dates are refused at once", () => {
  for (const tag of [TAG.array, TAG.object, TAG.date]) {
    const bytes = new Uint8Array(200_000).fill(tag);
    const pairs = Uint8Array.from(bytes, (byte, i) => (i % 2 === 0 ? byte : 1));
    for (const flood of [bytes, pairs]) {
      const code = codeOf(() => readValue(new ByteReader(flood), DEFAULT_LIMITS));
      expect(["too_deep", "invalid_payload", "invalid_value"]).toContain(code);
    }
  }
});

test("a date does not start the counting of depth anew", () => {
  const level = [TAG.array, 1];
  const bytes = [...new Array<number[]>(30).fill(level).flat(), TAG.date, ...level];
  expect(read(...bytes, TAG.integer)).toBe("too_deep");
  expect(read(TAG.date, TAG.date, TAG.integer)).toBe("too_deep");
});

test("numbers that no value can be are refused", () => {
  const float = (value: number) => {
    const writer = new ByteWriter();
    writer.byte(TAG.float64);
    writer.float64(value);
    return read(...writer.take());
  };
  expect([NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 53), 2 ** 60, 1e300].map(float)).toEqual(
    new Array(7).fill("invalid_value"),
  );
  expect(read(TAG.float32, 0, 0, 0xc0, 0x7f)).toBe("invalid_value");
  const beyond = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
  expect(read(TAG.positive, ...beyond)).toBe("invalid_payload");
  expect(read(TAG.negative, ...beyond)).toBe("invalid_payload");
});

test("the first and the last moment of a date can be held, a later one is refused", () => {
  const last = 8.64e15;
  for (const time of [0, 1, -1, last, -last]) {
    expect(decoded(encoded(new Date(time)))).toStrictEqual(new Date(time));
  }
  const writer = new ByteWriter();
  writer.byte(TAG.date);
  writer.byte(TAG.positive);
  writer.varint(last + 1);
  expect(read(...writer.take())).toBe("invalid_value");
  for (const tag of [TAG.null, TAG.absent, TAG.true, TAG.shortText]) {
    expect(read(TAG.date, tag)).toBe("invalid_value");
  }
});

test("keys that reach an object's prototype are refused, however deep", () => {
  for (const key of RESERVED_NAMES) {
    const object = Object.fromEntries([[key, 1]]);
    expect(codeOf(() => decoded(encoded(object)))).toBe("reserved_key");
    expect(codeOf(() => decoded(encoded([{ a: [object] }])))).toBe("reserved_key");
  }
});

test("a reserved key is found also when it is not spelled in the shortest UTF-8", () => {
  // "_" as the two bytes c1 9f
  const key = [0xc1, 0x9f, ...Buffer.from("_proto__")];
  expect(read(TAG.object, 1, key.length, ...key, TAG.integer)).toBe("reserved_key");
});

test("undefined within an array or object is refused", () => {
  expect(read(TAG.array, 1, TAG.absent)).toBe("invalid_payload");
  expect(read(TAG.object, 1, 0, TAG.absent)).toBe("invalid_payload");
});

test("a length beyond the message allocates nothing", () => {
  const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
  for (const tag of [TAG.array, TAG.object, TAG.bytes, TAG.text]) {
    expect(read(tag, ...huge, 0)).toBe("invalid_payload");
  }
});

test("a value that is cut short anywhere is refused", () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      for (const bytes of truncations(encoded(value))) {
        expect(codeOf(() => readValue(new ByteReader(bytes), DEFAULT_LIMITS))).toBe(
          "invalid_payload",
        );
      }
    }),
  );
});

test("damaged values and garbage are read, or refused with a SyncError", () => {
  fc.assert(
    fc.property(fc.oneof(damaged(anyValue.map(encoded)), garbage), (bytes) => {
      const reader = new ByteReader(bytes);
      codeOf(() => {
        // What could be read can be written, and is the same when it is read again.
        const value = readValue(reader, DEFAULT_LIMITS);
        expect(decoded(encoded(value))).toStrictEqual(value);
      });
    }),
    { numRuns: 2_000 },
  );
});
