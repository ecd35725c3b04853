import { expect, test } from "@jest/globals";
import { migrations } from "../../../schema/index.ts";

const same = { up: (one: object) => ({ ...one }), down: (one: object) => ({ ...one }) };
const counting = {
  up: ({ steps = 0 }) => ({ steps: steps + 1 }),
  down: ({ steps = 0 }) => ({ steps: steps - 1 }),
};

test("without a step there is the first version and nothing else", () => {
  const history = migrations({});
  expect([history.version, history.oldest]).toEqual([1, 1]);
  expect(history.concerns("a:1", 1)).toBe(false);
});

test("the steps between two versions are gone one after another, up and down", () => {
  const history = migrations({ 4: { a: counting }, 5: { b: counting }, 6: { a: counting } });
  expect([history.version, history.oldest]).toEqual([6, 3]);
  expect(history.up({ id: "a:1", steps: 0 }, 3)).toEqual({ steps: 2 });
  expect(history.up({ id: "a:1", steps: 0 }, 4)).toEqual({ steps: 1 });
  expect(history.down({ id: "a:1", steps: 2 }, 3)).toEqual({ steps: 0 });
  expect(history.down({ id: "a", steps: 2 }, 5)).toEqual({ steps: 1 });
  expect(history.up({ id: "c:1", steps: 0 }, 3)).toEqual({ steps: 0 });
  expect([3, 4, 5, 6].map((version) => history.concerns("b:1", version))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test("there is no way from a version before the first step", () => {
  expect(() => migrations({ 3: { a: same } }).up({ id: "a:1" }, 1)).toThrow(/no way to version 1/);
});

test("a step gets a copy, and the id by itself", () => {
  const seen: unknown[] = [];
  const spoiling = {
    up(properties: Record<string, unknown>, id: string) {
      seen.push({ ...properties }, id);
      properties["x"] = "spoiled";
      return properties;
    },
    down: same.down,
  };
  const object = { id: "a:1", x: 1 };
  expect(migrations({ 2: { a: spoiling } }).up(object, 1)).toEqual({ x: "spoiled" });
  expect(seen).toEqual([{ x: 1 }, "a:1"]);
  expect(object).toEqual({ id: "a:1", x: 1 });
});

test.each([
  ["nothing", undefined],
  ["a text", "a"],
  ["a list", []],
  ["a promise", Promise.resolve({})],
])("a step that answers with %s fails", (_what, answer) => {
  const wrong = { up: () => answer as unknown as Record<string, unknown>, down: same.down };
  expect(() => migrations({ 2: { a: wrong } }).up({ id: "a:1" }, 1)).toThrow(TypeError);
});

test.each([
  ["no object", 3, /must be an object/],
  ["a first version", { 1: {} }, /\[1\] must be 2 or higher/],
  ["a gap", { 2: {}, 4: {} }, /\[4\] must be 2 or higher, and follow/],
  ["a name for a version", { two: {} }, /NaN/],
  ["half a version", { 2.5: {} }, /2\.5/],
  ["a step that is none", { 2: null }, /migrations\[2\] must be an object/],
  ["a namespace with a colon", { 2: { "a:": same } }, /"a:"\] must be called as a namespace/],
  ["no way back", { 2: { a: { up: same.up } } }, /"a"\] must have two functions/],
  ["something else besides", { 2: { a: { ...same, sideways: 1 } } }, /has sideways/],
])("%s is a bad option", (_what, steps, message) => {
  const make = (): unknown => migrations(steps as never);
  expect(make).toThrow(expect.objectContaining({ code: "bad_option", property: "migrations" }));
  expect(make).toThrow(message);
});
