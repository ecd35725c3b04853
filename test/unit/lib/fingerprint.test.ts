import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { fingerprint } from "../../../lib/fingerprint.ts";
import type { Changes, ObjectId, Value } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";
import { anyOperation } from "../../support/arbitraries.ts";
import { canonical } from "../../support/canonical.ts";

function printOf(changes: Changes): number {
  return fingerprint([{ kind: "update", id: "a" as ObjectId, changes }]);
}

/** An operation as far as it does something: whether its id was chosen is not asked. */
function deed(operation: Operation): string {
  const { chosen: _, ...rest } = { chosen: false, ...operation };
  return canonical(rest);
}

test("a retry has the same print, a whole number above 0 that 32 bits hold", () => {
  fc.assert(
    fc.property(fc.array(anyOperation, { maxLength: 4 }), (operations) => {
      const print = fingerprint(operations);
      expect(fingerprint(operations.map((operation) => ({ ...operation })))).toBe(print);
      expect(print).toBeGreaterThan(0);
      expect(print).toBeLessThan(2 ** 32);
      expect(Number.isInteger(print)).toBe(true);
    }),
  );
});

test("different operations have different prints", () => {
  fc.assert(
    fc.property(anyOperation, anyOperation, (a, b) => {
      if (deed(a) === deed(b)) return;
      expect(fingerprint([a])).not.toBe(fingerprint([b]));
      expect(fingerprint([a, b])).not.toBe(fingerprint([b, a]));
      expect(fingerprint([a, b])).not.toBe(fingerprint([a]));
    }),
  );
});

test("values that are nearly the same have different prints", () => {
  const values: (Value | undefined)[] = [
    undefined,
    null,
    true,
    false,
    0,
    1,
    -1,
    2 ** 32,
    0.5,
    "",
    "0",
    "1",
    new Date(0),
    new Date(1),
    Uint8Array.of(),
    Uint8Array.of(0),
    Uint8Array.of(0, 0),
    [],
    [0],
    [[0]],
    [0, 0],
    {},
    { x: 0 },
    { y: 0 },
    { toString: 0 },
  ];
  const prints = values.map((x) => printOf({ x }));
  expect(new Set(prints).size).toBe(values.length);
});

test("two signs that change do not make up for each other", () => {
  const prints = [1, -1].flatMap((x) => [1, -1].map((y) => printOf({ x, y })));
  expect(new Set(prints).size).toBe(4);
});
