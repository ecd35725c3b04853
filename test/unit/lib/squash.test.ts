import { expect, test } from "@jest/globals";
import type { ObjectId } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";
import { squash } from "../../../lib/squash.ts";

type Short = readonly [kind: "create" | "update" | "destroy", id: string, properties?: object];

function operationOf([kind, id, properties = {}]: Short): Operation {
  const target = { id: id as ObjectId };
  if (kind === "create") return { kind, ...target, properties: properties as never, chosen: true };
  return kind === "update"
    ? { kind, ...target, changes: properties as never }
    : { kind, ...target };
}

function squashed(...writes: (readonly Short[])[]): [readonly number[], readonly Operation[]][] {
  const given = writes.map((write) => ({ operations: write.map(operationOf), optimistic: true }));
  const mayBeThere = (id: ObjectId): boolean => id.startsWith("there");
  return squash(given, { task: ["project"] }, mayBeThere).map(({ places, operations }) => [
    places,
    operations,
  ]);
}

test("updates of one object are one, and the last value of each property holds", () => {
  expect(
    squashed(
      [["update", "a", { x: 1, y: 1 }]],
      [["update", "b", { x: 9 }]],
      [["update", "a", { x: 2 }]],
    ),
  ).toEqual([
    [[0, 2], [operationOf(["update", "a", { x: 2, y: 1 }])]],
    [[1], [operationOf(["update", "b", { x: 9 }])]],
  ]);
});

test("what is created and changed is created as it is in the end", () => {
  expect(
    squashed([["create", "a", { x: 1, y: 1 }]], [["update", "a", { x: 2, y: undefined }]]),
  ).toEqual([[[0, 1], [operationOf(["create", "a", { x: 2 }])]]]);
});

test("what is created and destroyed never was", () => {
  expect(squashed([["create", "a"]], [["update", "a", { x: 1 }]], [["destroy", "a"]])).toEqual([
    [[0, 1, 2], []],
  ]);
});

test("what is changed and destroyed is destroyed, when it would have been", () => {
  expect(
    squashed([["update", "a", { x: 1 }]], [["update", "b", { x: 1 }]], [["destroy", "a"]]),
  ).toEqual([
    [[1], [operationOf(["update", "b", { x: 1 }])]],
    [[0, 2], [operationOf(["destroy", "a"])]],
  ]);
});

test("what is destroyed and created again is two writes", () => {
  expect(squashed([["destroy", "a"]], [["create", "a"]], [["update", "a", { x: 1 }]])).toEqual([
    [[0], [operationOf(["destroy", "a"])]],
    [[1, 2], [operationOf(["create", "a", { x: 1 }])]],
  ]);
});

test("nothing moves past a write about several objects, which stays as it is", () => {
  const both: readonly Short[] = [
    ["update", "a", { x: 2 }],
    ["update", "b", { x: 2 }],
  ];
  expect(squashed([["update", "a", { x: 1 }]], both, [["update", "a", { x: 3 }]])).toEqual([
    [[0], [operationOf(["update", "a", { x: 1 }])]],
    [[1], both.map(operationOf)],
    [[2], [operationOf(["update", "a", { x: 3 }])]],
  ]);
});

test("nothing moves past a write about several objects, be they others", () => {
  const others: readonly Short[] = [
    ["create", "b"],
    ["create", "c"],
  ];
  expect(
    squashed([["update", "a", { x: 1 }]], others, [["update", "a", { x: 2 }]]).map(
      ([places]) => places,
    ),
  ).toEqual([[0], [1], [2]]);
});

test("what gets an id and a namespace later does not come before what it refers to", () => {
  const writes: Short[] = [
    ["create", "p", { title: "a" }],
    ["create", "q", { name: "home" }],
    ["update", "p", { project: "q" }],
  ];
  expect(squashed(...writes.map((write) => [write])).map(([places]) => places)).toEqual([
    [0],
    [1],
    [2],
  ]);
});

test("what refers to an object does not come before that", () => {
  expect(
    squashed(
      [["update", "task:1", { title: "a" }]],
      [["create", "project:1"]],
      [["update", "task:1", { project: "project:1" }]],
      [["update", "task:1", { title: "b" }]],
    ).map(([places]) => places),
  ).toEqual([[0], [1], [2, 3]]);
});

test("what is created under an id that may be taken is refused alone, and what follows is not", () => {
  expect(
    squashed(
      [["create", "there"]],
      [["update", "there", { x: 1 }]],
      [["update", "there", { x: 2 }]],
      [["create", "there:2"]],
      [["destroy", "there:2"]],
      [["create", "there:2"]],
      [["destroy", "there:2"]],
    ),
  ).toEqual([
    [[0], [operationOf(["create", "there"])]],
    [[1, 2], [operationOf(["update", "there", { x: 2 }])]],
    [[3], [operationOf(["create", "there:2"])]],
    [[4], [operationOf(["destroy", "there:2"])]],
    [[5, 6], []],
  ]);
});

test("what is created after a write about several objects may be there by then", () => {
  expect(
    squashed(
      [
        ["create", "a"],
        ["create", "b"],
      ],
      [["create", "a"]],
      [["destroy", "a"]],
    ),
  ).toEqual([
    [[0], [operationOf(["create", "a"]), operationOf(["create", "b"])]],
    [[1], [operationOf(["create", "a"])]],
    [[2], [operationOf(["destroy", "a"])]],
  ]);
});

test("a write that shows at once and one that does not stay two", () => {
  const [write, other] = [{ x: 1 }, { x: 2 }].map((changes) => [
    operationOf(["update", "a", changes]),
  ]) as [Operation[], Operation[]];
  const given = [
    { operations: write, optimistic: true },
    { operations: other, optimistic: false },
  ];
  expect(squash(given, {}, () => false).map(({ places }) => places)).toEqual([[0], [1]]);
});
