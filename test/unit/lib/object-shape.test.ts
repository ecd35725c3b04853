import { expect, test } from "@jest/globals";
import { objectShapes } from "../../../lib/object-shape.ts";

test("a shape knows where its names stand, and no others", () => {
  const shape = objectShapes(10).of(["x", "toString", ""]);
  expect(["x", "toString", "", "y", "valueOf"].map((name) => shape.indexOf(name))).toEqual([
    0, 1, 2, -1, -1,
  ]);
});

test("an extended shape is that of all the names, in order", () => {
  const table = objectShapes(10);
  const x = table.of(["x"]);
  const xy = x.with(["y"], table);
  expect(xy.names).toEqual(["x", "y"]);
  expect(table.of(["x", "y"])).toBe(xy);
  expect(x.with(["y"], table)).toBe(xy);
  expect(x.with(["y", "z"], table)).toBe(table.of(["x", "y", "z"]));
  expect(x.with([], table)).toBe(x);
});

test("a subset keeps the order, and is found again", () => {
  const table = objectShapes(10);
  const shape = table.of(["a", "b", "c", "d"]);
  const subset = shape.subset(0b1010, table);
  expect(subset.names).toEqual(["b", "d"]);
  expect(shape.subset(0b1010, table)).toBe(subset);
  expect(table.of(["b", "d"])).toBe(subset);
  expect(shape.subset(0, table).names).toEqual([]);
});

test("thirty names fit a mask, up to the last of them", () => {
  const names = Array.from({ length: 31 }, (_, i) => `p${i}`);
  const table = objectShapes(40);
  const shape = table.of(names.slice(0, 30));
  expect(shape.fitsMask).toBe(true);
  expect(shape.subset(1 << 29, table).names).toEqual(["p29"]);
  expect(table.of(names).fitsMask).toBe(false);
});

test("a full table goes on giving shapes, without numbers", () => {
  const table = objectShapes(1);
  const shape = table.of(["x"]);
  expect(shape.with(["y"], table)).toMatchObject({ number: 0, names: ["x", "y"] });
  expect(shape.with(["y"], table)).toMatchObject({ number: 0, names: ["x", "y"] });
  expect(shape.subset(0, table)).toMatchObject({ number: 0, names: [] });
});
