import { expect, test } from "@jest/globals";
import type { ObjectId } from "../../../lib/object.ts";
import { ACCEPTED, type Outcome } from "../../../lib/outcome.ts";
import { Ledger } from "../../../server/ledger.ts";
import { codeOf } from "../../support/hostile.ts";

const REJECTED: Outcome = { kind: "rejected", error: { code: "exists", message: "taken" } };

test("a client's next mutation is not recalled; one decided before is, with its outcome", () => {
  const ledger = new Ledger(10);
  expect(ledger.lastOf("ann")).toBe(0);
  expect(ledger.recall("ann", 1, 11)).toBeUndefined();
  ledger.record("ann", 1, 11, ACCEPTED);
  ledger.record("ann", 2, 22, REJECTED);
  expect(ledger.lastOf("ann")).toBe(2);
  expect(ledger.recall("ann", 1, 11)).toBe(ACCEPTED);
  expect(ledger.recall("ann", 2, 22)).toBe(REJECTED);
  expect(ledger.recall("ann", 3, 33)).toBeUndefined();
  expect(ledger.recall("bob", 1, 11)).toBeUndefined();
});

test("a gap is out_of_order, and another mutation of a used number is a mutation_mismatch", () => {
  const ledger = new Ledger(10);
  ledger.record("ann", 1, 11, ACCEPTED);
  expect(codeOf(() => ledger.recall("ann", 3, 33))).toBe("out_of_order");
  expect(codeOf(() => ledger.recall("bob", 2, 22))).toBe("out_of_order");
  expect(codeOf(() => ledger.recall("ann", 1, 12))).toBe("mutation_mismatch");
});

test("a fingerprint of 0 is like any: what could not be read then is the same as what cannot be now", () => {
  const ledger = new Ledger(10);
  ledger.record("ann", 1, 0, REJECTED);
  ledger.record("ann", 2, 22, ACCEPTED);
  expect(ledger.recall("ann", 1, 11)).toBe(REJECTED);
  expect(ledger.recall("ann", 2, 0)).toBe(ACCEPTED);
});

test("what the client knows is forgotten, and told to be known when it comes again", () => {
  const ledger = new Ledger(10);
  for (let n = 1; n <= 4; n++) ledger.record("ann", n, n, n === 3 ? REJECTED : ACCEPTED);
  ledger.settle("ann", 2);
  ledger.settle("nobody", 2);
  expect(ledger.outcomesOf("ann")).toEqual([
    { n: 3, outcome: REJECTED },
    { n: 4, outcome: ACCEPTED },
  ]);
  expect(ledger.recall("ann", 2, 2)).toBe("known");
  expect(ledger.recall("ann", 3, 3)).toBe(REJECTED);
  expect(ledger.lastOf("ann")).toBe(4);
  expect(ledger.outcomesOf("nobody")).toEqual([]);
});

test("an id given in place of a provisional one is known until the client knows it", () => {
  const ledger = new Ledger(10);
  const [provisional, given] = ["p" as ObjectId, "row:1" as ObjectId];
  ledger.record("ann", 1, 1, { kind: "accepted", renamed: new Map([[provisional, given]]) });
  expect(ledger.resolve("ann", provisional, 9)).toBe(given);
  expect(ledger.resolve("ann", given, 9)).toBe(given);
  expect(ledger.resolve("bob", provisional, 9)).toBe(provisional);
  expect(ledger.resolve("ann", provisional, 1)).toBe(provisional); // as it was when 1 came first
  ledger.settle("ann", 1);
  expect(ledger.resolve("ann", provisional, 9)).toBe(provisional);
});

test("beyond its number of clients, the one that wrote least recently is forgotten", () => {
  const ledger = new Ledger(2);
  ledger.record("ann", 1, 1, ACCEPTED);
  ledger.record("bob", 1, 1, ACCEPTED);
  ledger.record("ann", 2, 2, ACCEPTED);
  ledger.record("eve", 1, 1, ACCEPTED);
  expect(["ann", "bob", "eve"].map((client) => ledger.lastOf(client))).toEqual([2, 0, 1]);
});
