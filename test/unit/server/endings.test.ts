import { expect, test } from "@jest/globals";
import { Endings } from "../../../server/endings.ts";

test("an ending concerns those who were being let in at that moment, of this identity", () => {
  const endings = new Endings();
  const before = endings.count;
  endings.add("ann");
  expect(endings.hasSince(before, "ann")).toBe(true);
  expect(endings.hasSince(before, "bob")).toBe(false);
  expect(endings.hasSince(before, undefined)).toBe(false);
  expect(endings.hasSince(endings.count, "ann")).toBe(false);
});

test("of more endings than are remembered, nobody is thought to be spared", () => {
  const endings = new Endings();
  const before = endings.count;
  for (let i = 0; i < 5_000; i++) endings.add(i);
  expect(endings.hasSince(before, 0)).toBe(true);
  expect(endings.hasSince(before, "ann")).toBe(true);
  expect(endings.hasSince(endings.count, "ann")).toBe(false);
});
