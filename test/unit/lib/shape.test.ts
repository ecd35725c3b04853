import { expect, test } from "@jest/globals";
import { KnownShapes, makePropertySet, NAMES_PER_SHAPE, ShapeTable } from "../../../lib/shape.ts";

function newTable(shapesMax: number): ShapeTable {
  return new ShapeTable(shapesMax, makePropertySet);
}

test("shapes are numbered 1, 2, 3, ... and so are their names", () => {
  const table = newTable(10);
  expect(table.of(["x", "y"])).toEqual({ number: 1, names: ["x", "y"], nameNumbers: [1, 2] });
  expect(table.of(["y", "x"])).toEqual({ number: 2, names: ["y", "x"], nameNumbers: [2, 1] });
  expect(table.of([])).toEqual({ number: 3, names: [], nameNumbers: [] });
  expect(table.of(["z"])).toEqual({ number: 4, names: ["z"], nameNumbers: [3] });
});

test("the same names are the same shape", () => {
  const table = newTable(10);
  const shape = table.of(["x", "y"]);
  table.of(["x"]);
  expect(table.of(["x", "y"])).toBe(shape);
});

test("names that contain what would separate them are told apart", () => {
  const table = newTable(10);
  expect(table.of(["a,b"]).number).not.toBe(table.of(["a", "b"]).number);
  expect(table.of([""]).number).not.toBe(table.of([]).number);
  expect(table.of(["toString"]).number).not.toBe(table.of(["valueOf"]).number);
});

test("a table that is full of shapes numbers no more of them", () => {
  const table = newTable(2);
  const first = table.of(["a"]);
  expect(table.of(["b"]).number).toBe(2);
  expect(table.of(["b", "a"])).toEqual({ number: 0, names: ["b", "a"], nameNumbers: [] });
  expect(table.of(["a"])).toBe(first);
});

test("a table that is full of names numbers no shape with a further one", () => {
  const table = newTable(3);
  expect(table.of(["a", "b", "c"]).number).toBe(1);
  expect(table.of(["a", "d"]).number).toBe(0);
  expect(table.of(["c", "b"]).number).toBe(2);
});

test("wide shapes are numbered as long as all have so many names on average", () => {
  const table = newTable(4);
  const names = ["a", "b", "c", "d"];
  const wide = Array.from({ length: NAMES_PER_SHAPE }, (_, i) => names[i % 4] ?? "");
  const variant = (i: number) => [names[i] ?? "", ...wide.slice(1), ...wide, ...wide.slice(0, 8)];
  expect([0, 1, 2].map((i) => table.of(variant(i)).number)).toEqual([1, 0, 0]);
  expect(table.of(wide).number).toBe(2);
});

test("a table of no shapes numbers none", () => {
  expect(newTable(0).of(["a"]).number).toBe(0);
  expect(newTable(0).of([]).number).toBe(0);
});

test("a receiver is told each shape and each name once", () => {
  const table = newTable(10);
  const known = new KnownShapes();
  const first = table.of(["x", "y"]);
  const second = table.of(["y", "z"]);
  expect(known.missing([first, second])).toEqual([first, second]);
  expect(known.missingNames(second)).toEqual([
    [2, "y"],
    [3, "z"],
  ]);
  known.add(first);
  expect(known.missing([first, second])).toEqual([second]);
  expect(known.missingNames(second)).toEqual([[3, "z"]]);
  known.add(second);
  expect(known.missing([second, first])).toEqual([]);
  expect(new KnownShapes().missing([first])).toEqual([first]);
});
