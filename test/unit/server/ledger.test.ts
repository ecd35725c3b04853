import { expect, test } from "@jest/globals";
import type { ObjectId } from "../../../lib/object.ts";
import { ACCEPTED, type Outcome } from "../../../lib/outcome.ts";
import type { MutationName } from "../../../server/job.ts";
import { Ledger } from "../../../server/ledger.ts";
import { codeOf } from "../../support/hostile.ts";

const LIMITS = { ledgerClientsMax: 10, ledgerAgeMs: 1_000 };
const NOTHING = { ledgerHorizon: 0, decided: [] };
const nobody = (): boolean => false;

function setup(limits: Partial<typeof LIMITS> = {}, stored: Stored = NOTHING) {
  const ledger = new Ledger({ ...LIMITS, ...limits }, stored, 0);
  const record = (clientId: string, n: number, outcome = ACCEPTED, seq = 0) =>
    ledger.record({ clientId, n, fingerprint: n * 11, outcome }, seq, false);
  /** Both halves of it, with a store that is done at once. */
  const forget = (isInUse: (clientId: string) => boolean = nobody) => {
    ledger.noteKept();
    const forgetting = ledger.dispensable(isInUse);
    ledger.forget(forgetting, isInUse);
    return forgetting.clientIds;
  };
  return { ledger, record, forget };
}

/** A mutation by its name. */
function named(clientId: string, n: number, settled = 0): MutationName {
  return { clientId, n, settled, seen: 0, isStrict: false };
}

type Stored = ConstructorParameters<typeof Ledger>[1];

const REJECTED: Outcome = { kind: "rejected", error: { code: "exists", message: "taken" } };

test("a client's next mutation is not recalled; one decided before is, with its outcome", () => {
  const { ledger, record } = setup();
  expect(ledger.lastOf("ann")).toBe(0);
  expect(ledger.recall(named("ann", 1), 11)).toBeUndefined();
  record("ann", 1);
  record("ann", 2, REJECTED);
  expect(ledger.lastOf("ann")).toBe(2);
  expect(ledger.recall(named("ann", 1), 11)).toBe(ACCEPTED);
  expect(ledger.recall(named("ann", 2), 22)).toBe(REJECTED);
  expect(ledger.recall(named("ann", 3), 33)).toBeUndefined();
  expect(ledger.recall(named("bob", 1), 11)).toBeUndefined();
});

test("a gap is out_of_order, and another mutation of a used number is a mutation_mismatch", () => {
  const { ledger, record } = setup();
  record("ann", 1);
  expect(codeOf(() => ledger.recall(named("ann", 3), 33))).toBe("out_of_order");
  expect(codeOf(() => ledger.recall(named("bob", 2), 22))).toBe("out_of_order");
  expect(codeOf(() => ledger.recall(named("ann", 1), 12))).toBe("mutation_mismatch");
});

test("a client goes on after what it says is settled, whether it is known or not", () => {
  const { ledger, record } = setup();
  expect(codeOf(() => ledger.recall(named("ann", 7, 5), 77))).toBe("out_of_order");
  expect(ledger.recall(named("ann", 6, 5), 66)).toBeUndefined();
  record("ann", 6);
  expect(ledger.lastOf("ann")).toBe(6);
  expect(ledger.recall(named("ann", 6, 5), 66)).toBe(ACCEPTED);
  expect(ledger.recall(named("ann", 5, 5), 55)).toBe("known");
  expect(codeOf(() => ledger.recall(named("ann", 9, 7), 99))).toBe("out_of_order");
  expect(ledger.recall(named("ann", 9, 8), 99)).toBeUndefined();
});

test("a fingerprint of 0 is like any: what could not be read then is the same as what cannot be now", () => {
  const { ledger, record } = setup();
  ledger.record({ clientId: "ann", n: 1, fingerprint: 0, outcome: REJECTED }, 0, false);
  record("ann", 2);
  expect(ledger.recall(named("ann", 1), 11)).toBe(REJECTED);
  expect(ledger.recall(named("ann", 2), 0)).toBe(ACCEPTED);
});

test("what the client knows is forgotten, and told to be known when it comes again", () => {
  const { ledger, record } = setup();
  for (let n = 1; n <= 4; n++) record("ann", n, n === 3 ? REJECTED : ACCEPTED);
  ledger.settle("ann", 2);
  ledger.settle("nobody", 2);
  expect(ledger.outcomesOf("ann")).toEqual([
    { n: 3, outcome: REJECTED },
    { n: 4, outcome: ACCEPTED },
  ]);
  expect(ledger.recall(named("ann", 2), 22)).toBe("known");
  expect(ledger.recall(named("ann", 3), 33)).toBe(REJECTED);
  expect(ledger.lastOf("ann")).toBe(4);
  expect(ledger.outcomesOf("nobody")).toEqual([]);
});

test("an id given in place of a provisional one is known until the client knows it", () => {
  const { ledger, record } = setup();
  const [provisional, given] = ["p" as ObjectId, "row:1" as ObjectId];
  record("ann", 1, { kind: "accepted", renamed: new Map([[provisional, given]]) });
  expect(ledger.resolve("ann", provisional, 9)).toBe(given);
  expect(ledger.resolve("ann", given, 9)).toBe(given);
  expect(ledger.resolve("bob", provisional, 9)).toBe(provisional);
  expect(ledger.resolve("ann", provisional, 1)).toBe(provisional); // as it was when 1 came first
  ledger.settle("ann", 1);
  expect(ledger.resolve("ann", provisional, 9)).toBe(provisional);
});

test("beyond its number of clients, those that wrote least recently are forgotten", () => {
  const { ledger, record, forget } = setup({ ledgerClientsMax: 2 });
  record("ann", 1);
  record("bob", 1);
  record("ann", 2);
  record("eve", 1);
  expect(ledger.lastOf("bob")).toBe(1); // until a turn forgets it
  expect(forget()).toEqual(["bob"]);
  expect(["ann", "bob", "eve"].map((client) => ledger.lastOf(client))).toEqual([2, 0, 1]);
  expect(forget()).toEqual([]);
});

test("beyond its age a client is forgotten, however few there are", () => {
  const { ledger, record, forget } = setup({ ledgerAgeMs: 100 });
  record("ann", 1);
  ledger.passTime(60);
  record("bob", 1);
  ledger.passTime(100);
  expect(forget()).toEqual([]);
  ledger.passTime(101);
  expect(forget()).toEqual(["ann"]);
  ledger.passTime(161);
  expect(forget()).toEqual(["bob"]);
});

test("a client that is in use stays, and is as young as one that writes", () => {
  const { ledger, record, forget } = setup({ ledgerAgeMs: 100, ledgerClientsMax: 1 });
  record("ann", 1);
  record("bob", 1);
  const isAnn = (clientId: string): boolean => clientId === "ann";
  expect(forget(isAnn)).toEqual(["bob"]);
  record("bob", 1);
  ledger.passTime(101);
  expect(forget(isAnn)).toEqual(["bob"]);
  ledger.passTime(150);
  expect(forget()).toEqual([]);
  expect(ledger.lastOf("ann")).toBe(1);
});

test("what no store has forgotten yet is known, and stays with who comes back meanwhile", () => {
  const { ledger, record } = setup({ ledgerClientsMax: 1 });
  record("ann", 1, ACCEPTED, 4);
  record("bob", 1, REJECTED, 5);
  record("bob", 2, ACCEPTED, 6);
  record("eve", 1, ACCEPTED, 7);
  const decided = ledger.unkept().filter(({ clientId }) => clientId === "bob");
  ledger.noteKept();
  const forgetting = ledger.dispensable(nobody);
  expect(forgetting).toEqual({ clientIds: ["ann", "bob"], ledgerHorizon: 7 });
  expect([ledger.lastOf("ann"), ledger.hasForgotten("ann", 0)]).toEqual([1, false]);
  ledger.forget(forgetting, (clientId) => clientId === "bob");
  expect(decided.map(({ n, seq }) => [n, seq])).toEqual([
    [1, 6],
    [2, 6],
  ]);
  expect(ledger.unkept()).toEqual(decided); // the store has forgotten them, and gets them again
  expect([ledger.lastOf("ann"), ledger.hasForgotten("ann", 6)]).toEqual([0, true]);
  expect([ledger.lastOf("bob"), ledger.hasForgotten("bob", 0)]).toEqual([2, false]);
});

test("who comes back while a store forgets it goes on with its numbers, though it knows all of them", () => {
  const { ledger, record } = setup({ ledgerClientsMax: 0 });
  record("ann", 1);
  ledger.noteKept();
  ledger.settle("ann", 1);
  const forgetting = ledger.dispensable(nobody);
  expect(forgetting.clientIds).toEqual(["ann"]);
  ledger.forget(forgetting, () => true);
  expect(ledger.lastOf("ann")).toBe(1); // as its welcome has said
});

test("in one turn so many are looked at, and no more", () => {
  const { record, forget } = setup({ ledgerClientsMax: 1 });
  for (let i = 0; i < 2_001; i++) record(`client ${i}`, 1);
  expect(forget(() => true)).toHaveLength(0);
  expect(forget()).toHaveLength(1_000);
  expect(forget()).toHaveLength(1_000);
  expect(forget()).toHaveLength(0);
});

test("a clock that goes back makes nobody older, and one that leaps ahead leaves the order as it was", () => {
  const day = 86_400_000;
  const { ledger, record, forget } = setup({ ledgerAgeMs: 2 * day, ledgerClientsMax: 2 });
  ledger.passTime(2 * day);
  record("ann", 1);
  ledger.passTime(day);
  record("bob", 1);
  expect(forget()).toEqual([]);
  ledger.passTime(2 * day); // a day has passed since it went back
  record("eve", 1);
  expect(forget()).toEqual(["ann"]);
  ledger.passTime(3 * day);
  expect(forget()).toEqual([]);
  ledger.passTime(3 * day + 1);
  expect(forget()).toEqual(["bob"]);
});

test("a client that is not known was forgotten, unless it has got beyond all that was forgotten", () => {
  const { ledger, record, forget } = setup({ ledgerClientsMax: 1 });
  expect(ledger.hasForgotten("ann", 0)).toBe(false); // nobody ever was
  record("ann", 1, ACCEPTED, 5);
  record("ann", 2, REJECTED, 7);
  record("bob", 1, ACCEPTED, 3); // the seq went back: a store refused
  forget();
  expect(ledger.hasForgotten("ann", 7)).toBe(true);
  expect(ledger.hasForgotten("ann", 8)).toBe(false);
  expect(ledger.hasForgotten("bob", 0)).toBe(false);
  record("eve", 1, ACCEPTED, 9);
  forget();
  expect(ledger.hasForgotten("bob", 7)).toBe(true); // it is not told apart from the others
  expect(ledger.hasForgotten("bob", 8)).toBe(false);
});

test("a ledger that is opened again goes on where it was: order, ages, horizon", () => {
  const before = setup();
  before.ledger.passTime(500);
  before.record("zoe", 1, ACCEPTED, 2);
  before.record("ann", 1, REJECTED, 2);
  before.record("zoe", 2, ACCEPTED, 3);
  before.ledger.passTime(700);
  before.record("bob", 1, ACCEPTED, 8);
  const decided = before.ledger.unkept();
  // A store may give the clients in any order.
  const byName = [...decided].sort((a, b) => (a.clientId < b.clientId ? -1 : 1));
  const stored = { ledgerHorizon: 2, decided: byName };
  const { ledger, forget } = setup({ ledgerClientsMax: 3 }, stored);
  expect(ledger.outcomesOf("zoe").map(({ n }) => n)).toEqual([1, 2]);
  expect([ledger.hasForgotten("eve", 1), ledger.hasForgotten("eve", 2)]).toEqual([true, false]);
  ledger.passTime(800); // of this opening: 700 had passed before
  expect(forget()).toEqual([]);
  ledger.passTime(801);
  expect(forget()).toEqual(["ann", "zoe"]);
  expect([ledger.hasForgotten("eve", 3), ledger.hasForgotten("eve", 4)]).toEqual([true, false]);
  ledger.passTime(1_001);
  expect(forget()).toEqual(["bob"]);
});

test("a store gets nothing of a client that has only ephemeral decisions, until there is another", () => {
  const { ledger, record } = setup();
  const unkept = (): number[] => ledger.unkept().map(({ n }) => n);
  const recordEphemeral = (n: number): void =>
    ledger.record({ clientId: "ann", n, fingerprint: n, outcome: ACCEPTED }, 0, true);
  for (const n of [1, 2, 3]) recordEphemeral(n);
  expect(unkept()).toEqual([]);
  ledger.settle("ann", 1);
  record("ann", 4);
  expect(unkept()).toEqual([2, 3, 4]); // the store must not have the last and lack what is before it
  ledger.noteKept();
  recordEphemeral(5);
  expect(unkept()).toEqual([]);
  record("ann", 6);
  ledger.settle("ann", 5);
  expect(unkept()).toEqual([6]);
});

test("who is not in the store as it should be is not forgotten", () => {
  const { ledger, record } = setup({ ledgerClientsMax: 1 });
  record("ann", 1);
  record("bob", 1);
  expect(ledger.dispensable(nobody).clientIds).toEqual([]);
  ledger.noteKept();
  expect(ledger.dispensable(nobody).clientIds).toEqual(["ann"]);
});
