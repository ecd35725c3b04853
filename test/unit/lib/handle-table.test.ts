import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { HandleTable } from "../../../lib/handle-table.ts";

const handle = fc.oneof(fc.nat(1_100), fc.constantFrom(255, 256, 257, 2 ** 32, 2 ** 53 - 1));

test("a table agrees with a map, whatever is set and deleted", () => {
  const edit = fc.record({ handle, item: fc.option(fc.string(), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 60 }), (edits) => {
      const table = new HandleTable<string>();
      const map = new Map<number, string>();
      for (const { handle: at, item } of edits) {
        if (item === undefined) {
          table.delete(at);
          map.delete(at);
        } else {
          table.set(at, item);
          map.set(at, item);
        }
      }
      const all = Array.from({ length: 1_100 }, (_, at) => at);
      expect(all.filter((at) => table.get(at) !== map.get(at))).toEqual([]);
      for (const at of map.keys()) expect(table.get(at)).toBe(map.get(at));
    }),
    { numRuns: 30 },
  );
});

test("a handle that was never given has nothing", () => {
  const table = new HandleTable<number>();
  table.set(300, 1);
  for (const at of [0, 299, 301, 44, 2 ** 53 - 1]) expect(table.get(at)).toBeUndefined();
  table.delete(301);
  table.delete(5);
  expect(table.get(300)).toBe(1);
});
