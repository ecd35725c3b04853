import { expect, test } from "@jest/globals";
import type { ObjectId } from "../../../lib/object.ts";
import { ACCEPTED } from "../../../lib/outcome.ts";
import { ledgerOnly, type StoreBatch } from "../../../server/index.ts";
import { KeptStore } from "../../support/kept-store.ts";

const tree = {
  id: "tree" as ObjectId,
  handle: 1,
  created: 1,
  revision: 1,
  forgotten: 0,
  properties: {},
  names: [],
  revisions: [],
};
const decision = {
  clientId: "ann",
  n: 1,
  fingerprint: 7,
  outcome: ACCEPTED,
  owner: undefined,
  seq: 1,
  decidedAt: 5,
};

function batch(term: number, expectedSeq: number, more: Partial<StoreBatch> = {}): StoreBatch {
  const nothing = {
    decided: [],
    objects: () => [],
    settled: () => [],
    nextHandle: 9,
    horizon: 0,
    forgotten: [],
    ledgerHorizon: 0,
    schemaVersion: 1,
  };
  return { ...nothing, term, expectedSeq, seq: expectedSeq + 1, ...more };
}

test("decisions outlive the opening; objects, and the count of commits, do not", async () => {
  const kept = new KeptStore();
  const first = ledgerOnly(kept);
  const { term } = await first.load("default", "one");
  await first.commit("default", batch(term, 0, { decided: [decision], objects: () => [tree] }));
  await first.commit("default", batch(term, 1));
  expect(kept.backup()).toMatchObject({ seq: 2, objects: [], decided: [decision] });

  const again = await ledgerOnly(kept).load("default", "two");
  expect(again).toEqual({
    epoch: "one.two", // the same ledger
    term: term + 1,
    seq: 0,
    horizon: 0,
    nextHandle: 1,
    objects: [],
    decided: [{ ...decision, seq: 0 }],
    ledgerHorizon: 0,
    schemaVersion: 1,
  });
});

test("the horizon of the ledger is that of the whole world, and never falls", async () => {
  const kept = new KeptStore();
  const first = ledgerOnly(kept);
  const { term } = await first.load("default", "one");
  await first.commit("default", batch(term, 0, { seq: 5, ledgerHorizon: 6 }));
  expect(kept.backup()).toMatchObject({ seq: 5, ledgerHorizon: 6 });

  const second = ledgerOnly(kept);
  const again = await second.load("default", "two");
  expect(again.ledgerHorizon).toBe(1);
  await second.commit("default", batch(again.term, 0, { ledgerHorizon: again.ledgerHorizon }));
  expect(kept.backup()).toMatchObject({ seq: 6, ledgerHorizon: 6 });
});

test("a server that was deposed commits nothing, although each counts its commits from 0", async () => {
  const kept = new KeptStore();
  const [before, after] = [ledgerOnly(kept), ledgerOnly(kept)];
  const old = await before.load("default", "one");
  await before.commit("default", batch(old.term, 0));
  const { term } = await after.load("default", "two");
  const late = Promise.resolve(before.commit("default", batch(old.term, 1)));
  await expect(late).rejects.toMatchObject({ code: "deposed" });
  await after.commit("default", batch(term, 0));
  expect(kept.backup()).toMatchObject({ seq: 2, term });
});
