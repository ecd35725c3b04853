import { expect, test } from "@jest/globals";
import { conflictsOf, resolve, without, type Refused } from "../../../lib/conflict.ts";
import type { Changes, ObjectId, Properties, SyncObject } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";

function create(id: string, properties: Properties = {}): Operation {
  return { kind: "create", id: id as ObjectId, properties, chosen: true };
}

function update(id: string, changes: Changes): Operation {
  return { kind: "update", id: id as ObjectId, changes };
}

function destroy(id: string): Operation {
  return { kind: "destroy", id: id as ObjectId };
}

const now =
  (...objects: SyncObject[]) =>
  (id: ObjectId): SyncObject | undefined =>
    objects.find((object) => object.id === id);

const AT_X = [{ id: "x", property: "p" }];

test("what others have made of it since it was refused collides too, and what they have put back does not", () => {
  const write = { operations: [update("x", { p: 2, q: 2 })], base: [{ p: 1, q: 1 }] };
  const [conflict] = conflictsOf(write, AT_X, now({ id: "x", p: 1, q: 3, r: 1 }));
  expect(conflict).toEqual({
    id: "x",
    collisions: [{ id: "x", property: "q", base: 1, mine: 2, theirs: 3 }],
    base: { id: "x", p: 1, q: 1, r: 1 },
    mine: { id: "x", p: 2, q: 2, r: 1 },
    theirs: { id: "x", p: 1, q: 3, r: 1 },
  });
  expect(conflictsOf(write, AT_X, now({ id: "x", p: 1, q: 1 }))).toEqual([]);
  expect(conflictsOf(write, AT_X, now({ id: "x", p: 2, q: 2 }))).toEqual([]);
});

test("what both sides have made the same collides for who wants that, where it is known to have been something else", () => {
  const operations = [update("x", { p: 2, q: 2, r: 2 })];
  const at = ["p", "q", "r"].map((property) => ({ id: "x", property }));
  const there = now({ id: "x", p: 2, q: 2, r: 3 });
  const found = (wantsEqual: boolean, base?: Changes): unknown =>
    conflictsOf({ operations, base: [base] }, at, there, [], wantsEqual)[0]?.collisions;
  const r = { id: "x", property: "r", base: 1, mine: 2, theirs: 3 };
  const p = { id: "x", property: "p", base: 1, mine: 2, theirs: 2 };
  expect(found(true, { p: 1, q: 2, r: 1 })).toEqual([p, r]);
  expect(found(false, { p: 1, q: 2, r: 1 })).toEqual([r]);
  expect(found(true)).toEqual([{ ...r, base: undefined }]);
});

test("other objects of the write collide only where that is asked for", () => {
  const operations = [update("x", { p: 2 }), update("y", { p: 2 })];
  const write = { operations, base: [{ p: 1 }, { p: 1 }] };
  const there = now({ id: "x", p: 3 }, { id: "y", p: 3 });
  const ids = (also: ObjectId[]): string[] =>
    conflictsOf(write, AT_X, there, also).map(({ id }) => id);
  expect(ids([])).toEqual(["x"]);
  expect(ids(["y" as ObjectId])).toEqual(["x", "y"]);
});

test.each<[string, Refused, SyncObject[], object[]]>([
  ["destroyed by both", { operations: [destroy("x")], base: [{ id: "x" }] }, [], []],
  [
    "destroyed here, changed there",
    { operations: [destroy("x")], base: [{ id: "x", p: 1 }] },
    [{ id: "x", p: 2 }],
    [{ base: { id: "x", p: 1 }, mine: null, theirs: { id: "x", p: 2 } }],
  ],
  [
    "changed here, destroyed there",
    {
      operations: [update("x", { p: 2 })],
      base: [{ p: 1 }],
      former: new Map([["x" as ObjectId, { id: "x", p: 1, q: 1 }]]),
    },
    [],
    [{ base: { id: "x", p: 1, q: 1 }, mine: { id: "x", p: 2, q: 1 }, theirs: null }],
  ],
  [
    "created by both alike",
    { operations: [create("x", { p: 1 })] },
    [{ id: "x", p: 1 }],
    [{ collisions: [], base: null }],
  ],
])("an object as a whole: %s", (_what, write, objects, expected) => {
  expect(conflictsOf(write, [{ id: "x" }], now(...objects))).toMatchObject(expected);
});

test("what is decided is written where it differs from theirs, besides what did not collide", () => {
  const operations = [update("x", { p: 2, q: 2 }), create("y")];
  const write = { operations, base: [{ p: 1, q: 1 }, undefined] };
  const [conflict] = conflictsOf(write, AT_X, now({ id: "x", p: 3, q: 1 }));
  const decide = (resolution: Properties | null | undefined): readonly Operation[] =>
    resolve(operations, conflict ? [{ conflict, resolution }] : []);
  expect(decide({ p: 4 })).toEqual([update("x", { p: 4, q: 2 }), create("y")]);
  expect(decide({ p: 3 })).toEqual([update("x", { q: 2 }), create("y")]);
  expect(decide(undefined)).toEqual([update("x", { q: 2 }), create("y")]);
  expect(decide(null)).toEqual([destroy("x"), create("y")]);
});

test("a later write holds, but for what collides, and for what it says nothing of", () => {
  const references = { leaf: ["tree"] };
  const operations = [
    update("leaf:1", { tree: "tree:1", p: 1, q: 1 }),
    update("leaf:2", { p: 1 }),
    create("leaf:3"),
  ];
  const base = [{ p: 0, q: 0 }, { p: 0 }, undefined];
  const collisions = [{ id: "leaf:1", property: "p" }, { id: "tree:1" }];
  const held = { operations, base, collisions };
  const later = [update("leaf:1", { tree: "tree:2", p: 2 }), destroy("leaf:2")];
  expect(without(held, later, references)).toEqual({
    operations: [update("leaf:1", { p: 1, q: 1 }), create("leaf:3")],
    base: [{ p: 0, q: 0 }, undefined],
    collisions: [{ id: "leaf:1", property: "p" }],
  });
  expect(without(held, [update("leaf:1", { r: 1 })], references)).toBeUndefined();
});
