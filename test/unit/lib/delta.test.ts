import { expect, test } from "@jest/globals";
import { joinParts, type Change, type Delta } from "../../../lib/delta.ts";
import type { ObjectId } from "../../../lib/object.ts";

const shape = { number: 1, names: ["x"], nameNumbers: [1] };
const silent = false;

function created(handle: number, id: string, x: number): Change {
  return { kind: "create", handle, id: id as ObjectId, shape, values: [x], silent };
}

function updated(handle: number, x: number): Change {
  return { kind: "update", handle, shape, values: [x], silent };
}

function destroyed(handle: number): Change {
  return { kind: "destroy", handle, silent };
}

function part(from: number, to: number, ...changes: Change[]): Delta {
  return { from, to, changes };
}

test("what a later part says of an object takes the place of what an earlier one said", () => {
  const first = part(0, 5, created(1, "a", 1), updated(2, 1), created(3, "c", 1), updated(4, 1));
  const second = part(5, 9, destroyed(3), created(1, "a", 2), destroyed(5), created(6, "c", 1));
  expect(joinParts([first, second])).toEqual([
    updated(2, 1),
    updated(4, 1),
    destroyed(3),
    created(1, "a", 2),
    destroyed(5),
    created(6, "c", 1),
  ]);
});

test("of three parts that tell of an object the last one holds", () => {
  const first = part(0, 5, created(2, "b", 1), created(1, "a", 1));
  const second = part(5, 9, updated(1, 2), created(4, "d", 1), created(3, "c", 1), updated(2, 2));
  const third = part(9, 12, updated(3, 2), updated(1, 3));
  expect(joinParts([first, second, third])).toEqual([
    created(4, "d", 1),
    updated(2, 2),
    updated(3, 2),
    updated(1, 3),
  ]);
});

test("a whole of one part is that part", () => {
  const only = part(0, 1, created(1, "a", 1));
  expect(joinParts([only])).toBe(only.changes);
  expect(joinParts([])).toEqual([]);
});
