import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Interval } from "../../../server/views/interval-block.ts";
import { IntervalList } from "../../../server/views/interval-list.ts";

interface Item {
  readonly interval: Interval<number>;
}

const bound = fc.option(fc.nat(40), { nil: null, freq: 8 });

const anyItem: fc.Arbitrary<Item> = fc
  .record({ low: bound, includesLow: fc.boolean(), high: bound, includesHigh: fc.boolean() })
  .map((interval) => ({ interval }));

/** More than fit into one block. */
const manyItems = fc.array(anyItem, { minLength: 200, maxLength: 700, size: "max" });

function isIn({ interval }: Item, value: number): boolean {
  const { low, includesLow, high, includesHigh } = interval;
  const isAbove = low === null || (includesLow ? value >= low : value > low);
  return isAbove && (high === null || (includesHigh ? value <= high : value < high));
}

function expectFound(list: IntervalList<number, Item>, items: ReadonlySet<Item>): void {
  for (const value of [-1, 0, 0.5, 7, 20, 39.5, 40, 41]) {
    const found: Item[] = [];
    list.visit(value, (item) => found.push(item));
    const once = new Set(found);
    expect(once.size).toBe(found.length);
    const expected = [...items].filter((item) => isIn(item, value));
    expect(expected.filter((item) => !once.has(item))).toEqual([]);
    expect(found.length).toBe(expected.length);
  }
}

test("a value finds the intervals it lies in, and no others, whatever comes and goes", () => {
  fc.assert(
    fc.property(manyItems, manyItems, fc.infiniteStream(fc.nat(3)), (first, later, chance) => {
      const list = new IntervalList<number, Item>();
      const items = new Set<Item>();
      const remove = (item: Item) => {
        list.remove(item.interval, item);
        items.delete(item);
      };
      const add = (item: Item) => {
        list.add(item.interval, item);
        items.add(item);
      };
      first.forEach(add);
      expectFound(list, items);
      for (const item of first) if (chance.next().value !== 0) remove(item);
      expectFound(list, items);
      later.forEach(add);
      expectFound(list, items);
      [...items].forEach(remove);
      expectFound(list, items);
    }),
    { numRuns: 30 },
  );
});

test("what is not there is not removed", () => {
  const list = new IntervalList<number, string>();
  const all = { low: null, includesLow: true, high: null, includesHigh: true };
  list.remove(all, "a");
  list.add(all, "a");
  list.remove(all, "b");
  list.remove({ ...all, low: 1 }, "c");
  const found: string[] = [];
  list.visit(5, (item) => found.push(item));
  expect(found).toEqual(["a"]);
});

test("texts lie in intervals by their UTF-16 units", () => {
  const list = new IntervalList<string, string>();
  list.add({ low: "a", includesLow: true, high: "b", includesHigh: false }, "a..b");
  list.add({ low: "", includesLow: true, high: null, includesHigh: true }, "all");
  list.add({ low: null, includesLow: true, high: "a\uffff", includesHigh: false }, "..a");
  const at = (text: string): string[] => {
    const found: string[] = [];
    list.visit(text, (item) => found.push(item));
    return found.sort();
  };
  expect(at("")).toEqual(["..a", "all"]);
  expect(at("a😀")).toEqual(["..a", "a..b", "all"]);
  expect(at("a\uffff")).toEqual(["a..b", "all"]);
  expect(at("b")).toEqual(["all"]);
});
