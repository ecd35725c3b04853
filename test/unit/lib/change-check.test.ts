import { expect, test } from "@jest/globals";
import { checkChanges, type ObjectChange } from "../../../lib/change-check.ts";
import type { ObjectId, Properties, SyncObject } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";

const create = (id: string, properties: Properties): Operation => ({
  kind: "create",
  id: id as ObjectId,
  properties,
  chosen: true,
});
const update = (id: string, changes: Properties | { x: undefined }): Operation => ({
  kind: "update",
  id: id as ObjectId,
  changes,
});
const destroy = (id: string): Operation => ({ kind: "destroy", id: id as ObjectId });

/** What a check is asked about, in a world of one object. */
function asked(
  operations: readonly Operation[],
  read: (id: string) => SyncObject | null | undefined = (id) =>
    id === "old" ? { id, x: 1, y: 1 } : null,
): readonly unknown[] {
  const changes: ObjectChange[] = [];
  checkChanges(operations, read, (change) => changes.push(change));
  return changes.map(({ kind, id, before, object }) => [kind, id, before, object]);
}

test("a check is asked about each create and update, and not about destroying", () => {
  const operations = [create("new", { x: 1 }), update("old", { x: 2 }), destroy("old")];
  expect(asked(operations)).toEqual([
    ["create", "new", undefined, { id: "new", x: 1 }],
    ["update", "old", { id: "old", x: 1, y: 1 }, { id: "old", x: 2, y: 1 }],
  ]);
});

test("it is told what is written", () => {
  const told: ObjectChange[] = [];
  const operations = [create("new", { x: 1 }), update("new", { x: undefined })];
  checkChanges(
    operations,
    () => null,
    (change) => told.push(change),
  );
  expect(told).toMatchObject([{ properties: { x: 1 } }, { changes: { x: undefined } }]);
});

test("each step is asked about as it is after those before it", () => {
  const operations = [
    create("new", { x: 1 }),
    update("new", { y: 2 }),
    update("new", { x: undefined }),
    destroy("old"),
    create("old", { z: 3 }),
  ];
  expect(asked(operations)).toEqual([
    ["create", "new", undefined, { id: "new", x: 1 }],
    ["update", "new", { id: "new", x: 1 }, { id: "new", x: 1, y: 2 }],
    ["update", "new", { id: "new", x: 1, y: 2 }, { id: "new", y: 2 }],
    ["create", "old", undefined, { id: "old", z: 3 }],
  ]);
});

test("the objects that there are stay as they are", () => {
  const old = { id: "old", x: 1 };
  asked([update("old", { x: 2 })], () => old);
  expect(old).toEqual({ id: "old", x: 1 });
});

test("what the world refuses by itself is not asked about, nor what comes after it", () => {
  expect(asked([update("nothing", { x: 1 }), create("new", {})])).toEqual([]);
  expect(asked([create("old", { x: 1 }), create("new", {})])).toEqual([]);
});

test("what nobody knows here is left out, and what comes after it is not", () => {
  expect(asked([update("far", { x: 1 }), create("new", {})], () => undefined)).toEqual([
    ["create", "new", undefined, { id: "new" }],
  ]);
});

test("what a check throws ends it", () => {
  const ids: string[] = [];
  const refuse = ({ id }: ObjectChange): never => {
    ids.push(id);
    throw new Error("no");
  };
  const operations = [create("one", {}), create("two", {})];
  expect(() => checkChanges(operations, () => null, refuse)).toThrow("no");
  expect(ids).toEqual(["one"]);
});
