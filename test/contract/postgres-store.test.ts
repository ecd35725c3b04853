import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { StoreBatch } from "../../server/index.ts";
import { PostgresStore } from "../../server/stores/postgres/index.ts";
import { storeContract, type StoreMedium } from "../../server/testing/index.ts";
import { eventually } from "../support/eventually.ts";
import { DAMAGES } from "../support/damage.ts";
import { fillArena } from "../support/filled-store.ts";
import { FORMER_WORLD, POSTGRES_1 } from "../support/former-schemas.ts";
import { Network } from "../support/network.ts";
import { TestPostgres } from "../support/postgres.ts";

let postgres: TestPostgres;

beforeAll(async () => {
  postgres = await TestPostgres.start();
}, 120_000);

afterAll(() => postgres.stop());

async function postgresMedium(): Promise<StoreMedium> {
  const url = await postgres.emptyPlace();
  return { open: () => new PostgresStore(url), remove: () => undefined };
}

describe("postgres", () => {
  for (const check of storeContract(postgresMedium)) test(check.name, check.run);
});

const nothing = {
  nextHandle: 1,
  horizon: 0,
  decided: [],
  objects: () => [],
  settled: () => [],
  forgotten: [],
  ledgerHorizon: 0,
  schemaVersion: 1,
};

function batch(term: number, expectedSeq: number): StoreBatch {
  return { ...nothing, term, expectedSeq, seq: expectedSeq + 1 };
}

test("a batch whose answer was lost with the connection is asked for, and was kept", async () => {
  const network = await Network.to(Number(postgres.url.port));
  const url = await postgres.emptyPlace(new URL(network.url).port);
  const store = new PostgresStore(url);
  const { term } = await store.load("default", "epoch");
  network.stopDelivering();
  const committed = store.commit("default", batch(term, 0));
  const direct = new URL(url);
  direct.port = postgres.url.port;
  await eventually(async () => {
    const [row] = await postgres.query("SELECT seq FROM object_sync_worlds", direct.href);
    return row?.["seq"] === "1";
  });
  network.cut();
  network.deliverAgain();
  await committed;
  await store.commit("default", batch(term, 1));
  await store.close();
  await network.close();
});

test("a batch that never reached the database is refused as soon as the database answers", async () => {
  const network = await Network.to(Number(postgres.url.port));
  const store = new PostgresStore(await postgres.emptyPlace(new URL(network.url).port));
  const { term } = await store.load("default", "epoch");
  network.goDown();
  let isSettled = false;
  const committed = store.commit("default", batch(term, 0)).finally(() => (isSettled = true));
  const refused = expect(committed).rejects.toThrow();
  expect(isSettled).toBe(false);
  network.comeUp();
  await refused;
  await store.commit("default", batch(term, 0));
  await store.close();
  await network.close();
});

test("tables of a later version are refused, and left as they are", async () => {
  const url = await postgres.emptyPlace();
  const first = new PostgresStore(url);
  await first.load("default", "epoch");
  await first.close();
  await postgres.query("UPDATE object_sync_schema SET version = 99", url);
  const store = new PostgresStore(url);
  await expect(store.load("default", "other")).rejects.toMatchObject({
    code: "bad_option",
    message: expect.stringContaining("later version (99)"),
  });
  expect(await postgres.query("SELECT epoch, term FROM object_sync_worlds", url)).toEqual([
    { epoch: "epoch", term: "1" },
  ]);
  await store.close();
});

test.each(DAMAGES)(
  "after %p the world is refused, and the database left as it is",
  async (sql, tells) => {
    const url = await postgres.emptyPlace();
    const store = new PostgresStore(url);
    await fillArena(store);
    await postgres.query(sql.replaceAll("{}", "object_sync_"), url);
    const all = async (): Promise<unknown> => [
      await postgres.query("SELECT *, xmin FROM object_sync_worlds", url),
      await postgres.query("SELECT *, xmin FROM object_sync_objects ORDER BY handle", url),
      await postgres.query("SELECT *, xmin FROM object_sync_decisions ORDER BY n", url),
    ];
    const before = await all();
    await expect(store.load("arena", "other")).rejects.toMatchObject({
      code: "store_corrupt",
      message: expect.stringMatching(tells),
    });
    expect(await all()).toEqual(before);
    await store.close();
  },
);

test("tables of an earlier version are brought to this one, with all that they have", async () => {
  const url = await postgres.emptyPlace();
  await postgres.query(POSTGRES_1, url);
  const stores = [new PostgresStore(url), new PostgresStore(url)] as const;
  await stores[0].load("default", "other");
  const world = await stores[1].load("default", "other");
  expect(world).toEqual({ ...FORMER_WORLD, term: 5 });
  await stores[1].commit("default", {
    ...batch(5, 7),
    nextHandle: 5,
    forgotten: ["ann"],
    ledgerHorizon: 8,
  });
  const after = await stores[0].load("default", "other");
  expect(after).toMatchObject({ ledgerHorizon: 8, decided: FORMER_WORLD.decided.slice(2) });
  for (const store of stores) await store.close();
});

test("two servers that start at once on an empty database both find their tables", async () => {
  const url = await postgres.emptyPlace();
  const stores = Array.from({ length: 4 }, () => new PostgresStore(url));
  const worlds = await Promise.all(stores.map((store, i) => store.load("default", `epoch ${i}`)));
  expect(new Set(worlds.map(({ epoch }) => epoch)).size).toBe(1);
  expect(worlds.map(({ term }) => term).sort()).toEqual([1, 2, 3, 4]);
  for (const store of stores) await store.close();
});
