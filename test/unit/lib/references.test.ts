import { expect, test } from "@jest/globals";
import type { ObjectId } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";
import {
  idsPerhapsReferredTo,
  idsReferredTo,
  isReferences,
  withReferences,
} from "../../../lib/references.ts";

const REFERENCES = { leaf: ["tree", "others"] };

function leaf(properties: object): Operation {
  return { kind: "create", id: "leaf:1" as ObjectId, properties: { ...properties }, chosen: true };
}

test("ids are found in properties and lists that hold them, and nowhere else", () => {
  const write = leaf({ tree: "a", others: ["b", 7, null, "c"], name: "d" });
  expect(idsReferredTo(write, REFERENCES)).toEqual(["a", "b", "c"]);
  const changes = { tree: undefined, others: "e" };
  const update: Operation = { kind: "update", id: "leaf:1" as ObjectId, changes };
  expect(idsReferredTo(update, REFERENCES)).toEqual(["e"]);
  expect(idsReferredTo({ kind: "destroy", id: "leaf:1" as ObjectId }, REFERENCES)).toEqual([]);
  expect(idsReferredTo({ ...write, id: "tree:1" as ObjectId }, REFERENCES)).toEqual([]);
});

test("a namespace or property that every object has by inheritance is none of them", () => {
  const write = leaf({ tree: "a" });
  expect(idsReferredTo({ ...write, id: "constructor:1" as ObjectId }, REFERENCES)).toEqual([]);
  expect(idsReferredTo(write, { leaf: ["toString"] })).toEqual([]);
});

test("references follow other ids, and what has none is the very same", () => {
  const write = leaf({ tree: "a", others: ["a", "b", 7], name: "a" });
  const idOf = (id: ObjectId): ObjectId => (id === "a" ? ("z" as ObjectId) : id);
  expect(withReferences(write, REFERENCES, idOf)).toEqual(
    leaf({ tree: "z", others: ["z", "b", 7], name: "a" }),
  );
  expect(withReferences(write, REFERENCES, (id) => id)).toBe(write);
  expect(withReferences(write, {}, idOf)).toBe(write);
});

test("an object without a namespace may refer by any property that does in some namespace", () => {
  const write = { ...leaf({ tree: "a", others: ["b"], name: "a" }), id: "provisional" as ObjectId };
  expect(idsReferredTo(write, REFERENCES)).toEqual([]);
  expect(idsPerhapsReferredTo(write, REFERENCES)).toEqual(["a", "b"]);
  const idOf = (id: ObjectId): ObjectId => (id === "a" ? ("z" as ObjectId) : id);
  expect(withReferences(write, REFERENCES, idOf)).toEqual({
    ...write,
    properties: { tree: "z", others: ["b"], name: "a" },
  });
});

test.each([[null], [["tree"]], [{ leaf: "tree" }], [{ leaf: [7] }], [{ leaf: [""] }]])(
  "%j does not say where references are",
  (value) => {
    expect(isReferences(value)).toBe(false);
  },
);
