import { expect, test } from "@jest/globals";
import { foldWrites, type State } from "../../../lib/fold.ts";
import type { ObjectId, OwnedObject, Properties } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";

const A = "a" as ObjectId;
const B = "b" as ObjectId;
const GONE = "gone" as ObjectId;
const UNKNOWN = "unknown" as ObjectId;

function read(id: ObjectId): State {
  if (id === A) return { id: A, x: 1 };
  return id === GONE ? null : undefined;
}

function fold(...writes: Operation[][]): Record<string, State> {
  const states = foldWrites(
    writes.map((operations) => ({ operations })),
    read,
  );
  return Object.fromEntries(states);
}

function create(id: ObjectId, properties: Properties = {}): Operation {
  return { kind: "create", id, properties, chosen: true };
}

test("writes are applied one after the other, to what they touch only", () => {
  const x = (value: number): Operation => ({ kind: "update", id: A, changes: { x: value } });
  expect(fold([x(2)], [create(B)], [x(3)])).toEqual({ a: { id: "a", x: 3 }, b: { id: "b" } });
  expect(fold()).toEqual({});
});

test("an operation sees what those before it in its write have done", () => {
  expect(
    fold([
      { kind: "destroy", id: A },
      create(A, { y: 1 }),
      { kind: "update", id: A, changes: { z: 2, y: undefined } },
    ]),
  ).toEqual({ a: { id: "a", z: 2 } });
});

test("a write that the server would refuse does nothing, as a whole", () => {
  expect(fold([create(B), create(A)])).toEqual({});
  expect(fold([create(B), { kind: "update", id: GONE, changes: {} }])).toEqual({});
  expect(
    fold([{ kind: "destroy", id: A }], [create(B), { kind: "update", id: A, changes: {} }]),
  ).toEqual({ a: null });
});

test("of an unknown object nothing is shown but a creation", () => {
  expect(fold([{ kind: "update", id: UNKNOWN, changes: { x: 1 } }, create(B)])).toEqual({
    b: { id: "b" },
  });
  expect(fold([{ kind: "destroy", id: UNKNOWN }])).toEqual({});
  expect(fold([create(UNKNOWN)], [{ kind: "destroy", id: UNKNOWN }])).toEqual({ unknown: null });
});

test("what is folded is never changed", () => {
  const confirmed = Object.freeze({ id: A, x: 1 }) as OwnedObject;
  const properties = Object.freeze({ y: 1 });
  const states = foldWrites(
    [
      { operations: [{ kind: "update", id: A, changes: { x: 2 } }] },
      { operations: [create(B, properties)] },
      { operations: [{ kind: "update", id: B, changes: { y: 2 } }] },
    ],
    (id) => (id === A ? confirmed : undefined),
  );
  expect(states.get(A)).toEqual({ id: "a", x: 2 });
  expect(states.get(B)).toEqual({ id: "b", y: 2 });
  expect(confirmed).toEqual({ id: "a", x: 1 });
});
