import type { Store, StoreBatch } from "../../server/index.ts";

type StoredObject = ReturnType<StoreBatch["objects"]>[number];

/** Fills the world "arena" of a store with two objects, a tombstone and two decisions. */
export async function fillArena(store: Store): Promise<void> {
  const { term } = await store.load("arena", "ledger");
  const objects = [
    { ...object(1, "tree", 2), properties: { x: 1 }, names: ["x"], revisions: [2] },
    object(2, "stone", 3),
    { ...object(3, "gone", 3), properties: null },
  ];
  await store.commit("arena", {
    term,
    expectedSeq: 0,
    seq: 3,
    nextHandle: 4,
    horizon: 0,
    objects: () => objects,
    decided: [1, 2].map((n) => ({
      clientId: "ann",
      n,
      fingerprint: n,
      outcome: { kind: "accepted" },
      owner: "7",
      seq: n + 1,
      decidedAt: 10,
    })),
    settled: () => [],
    forgotten: [],
    ledgerHorizon: 0,
    schemaVersion: 1,
  });
}

function object(handle: number, id: string, revision: number): StoredObject {
  const numbers = { handle, created: 1, revision, forgotten: 0 };
  return { id: id as StoredObject["id"], ...numbers, properties: {}, names: [], revisions: [] };
}
