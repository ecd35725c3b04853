import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { StoreBatch } from "../../../server/index.ts";
import { openDatabase, type Database } from "../../../server/stores/sqlite/database.ts";
import { SqliteStore } from "../../../server/stores/sqlite/index.ts";
import { checkSchema } from "../../../server/stores/sqlite/schema.ts";
import { FORMER_WORLD, SQLITE_1 } from "../../support/former-schemas.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  file = join(folder, "worlds.db");
});

afterEach(() => rmSync(folder, { recursive: true }));

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

test("a file that is no database is refused, and left as it is", () => {
  writeFileSync(file, "a shopping list ".repeat(100));
  const before = readFileSync(file);
  expect(() => new SqliteStore(file)).toThrow(
    expect.objectContaining({ code: "bad_option", message: expect.stringContaining(file) }),
  );
  expect(readFileSync(file).equals(before)).toBe(true);
});

test("a database of something else is refused, and left as it is", () => {
  const other = openDatabase(file);
  other.exec("CREATE TABLE accounts (name TEXT)");
  other.close();
  const before = readFileSync(file);
  expect(() => new SqliteStore(file)).toThrow(/something else/);
  expect(readFileSync(file).equals(before)).toBe(true);
});

test("a file that another process makes while it is looked at is not of something else", () => {
  const database = openDatabase(file);
  let isMade = false;
  const raced: Database = {
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
    prepare: (sql) => {
      const statement = database.prepare(sql);
      const get = (): unknown => {
        const row = statement.get();
        if (!isMade) new SqliteStore(file).close();
        isMade = true;
        return row;
      };
      return { run: () => statement.run(), all: () => statement.all(), get };
    },
  };
  expect(() => checkSchema(raced, file)).not.toThrow();
  expect(isMade).toBe(true);
  database.close();
});

test("a file that another process is making is waited for", async () => {
  const making = `
    const { workerData: { file, flags } } = require("node:worker_threads");
    const builtIn = process.getBuiltinModule("node:sqlite");
    const { DatabaseSync } = builtIn ?? require("@photostructure/sqlite");
    const database = new DatabaseSync(file);
    database.exec("BEGIN EXCLUSIVE");
    Atomics.store(flags, 0, 1);
    Atomics.notify(flags, 0);
    Atomics.wait(flags, 1, 0, 200);
    database.exec("COMMIT");
    database.close();`;
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(making, { eval: true, workerData: { file, flags } });
  const ended = new Promise((resolve) => worker.once("exit", resolve));
  while (Atomics.load(flags, 0) === 0) await new Promise(setImmediate);
  const store = new SqliteStore(file);
  expect(store.load("default", "epoch")).toMatchObject({ seq: 0 });
  store.close();
  expect(await ended).toBe(0);
});

test("a store of a later version is refused, and left as it is", () => {
  new SqliteStore(file).close();
  const later = openDatabase(file);
  later.exec("PRAGMA user_version = 99");
  later.close();
  const before = readFileSync(file);
  expect(() => new SqliteStore(file)).toThrow(/later version \(99\): update object-sync/);
  expect(readFileSync(file).equals(before)).toBe(true);
});

test("a file of an earlier version is brought to this one, with all that it has", async () => {
  const former = openDatabase(file);
  former.exec(SQLITE_1);
  former.close();
  const store = new SqliteStore(file);
  expect(store.load("default", "other")).toEqual(FORMER_WORLD);
  const forgotten = ["ann"];
  await store.commit("default", { ...batch(4, 7), nextHandle: 5, forgotten, ledgerHorizon: 8 });
  store.close();
  const again = new SqliteStore(file);
  const bobs = FORMER_WORLD.decided.slice(2);
  const world = { ...FORMER_WORLD, term: 5, seq: 8, horizon: 0, ledgerHorizon: 8 };
  expect(again.load("default", "other")).toEqual({ ...world, decided: bobs });
  again.close();
});

test("a file that cannot be brought to this version is left in its own", () => {
  const former = openDatabase(file);
  former.exec(SQLITE_1);
  former.exec("ALTER TABLE decisions RENAME TO elsewhere");
  former.close();
  expect(() => new SqliteStore(file)).toThrow(/decisions/);
  const after = openDatabase(file);
  expect(() => after.prepare("SELECT ledger_horizon FROM worlds")).toThrow(/no such column/);
  expect(after.prepare("PRAGMA user_version").get()).toEqual({ user_version: 1 });
  after.close();
});

test("a damaged store is refused, and left as it is", async () => {
  const store = new SqliteStore(file);
  const { term } = store.load("default", "epoch");
  const properties = { text: "x".repeat(3_000) };
  const objects = Array.from({ length: 50 }, (_, i) => ({
    id: `object:${i}` as never,
    handle: i + 1,
    created: 1,
    revision: 1,
    forgotten: 0,
    properties,
    names: ["text"],
    revisions: [1],
  }));
  await store.commit("default", { ...batch(term, 0), objects: () => objects });
  store.close();
  const bytes = readFileSync(file);
  bytes.fill(0xaa, 4_096 * 8, 4_096 * 12);
  writeFileSync(file, bytes);
  expect(() => new SqliteStore(file)).toThrow(/damaged/);
  expect(readFileSync(file).equals(bytes)).toBe(true);
});

test("what is committed in one turn of the loop is one transaction, in which each stands by itself", async () => {
  const store = new SqliteStore(file);
  const [a, b] = [store.load("a", "epoch"), store.load("b", "epoch")];
  const results = await Promise.allSettled([
    store.commit("a", batch(a.term, 0)),
    store.commit("b", batch(b.term, 7)),
    store.commit("a", batch(a.term, 1)),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect([store.load("a", "").seq, store.load("b", "").seq]).toEqual([2, 0]);
  store.close();
});

test("what was taken before it is closed is kept, and what comes later is refused", async () => {
  const store = new SqliteStore(file);
  const { term } = store.load("default", "epoch");
  const taken = store.commit("default", batch(term, 0));
  store.close();
  store.close();
  await taken;
  await expect(store.commit("default", batch(term, 1))).rejects.toMatchObject({ code: "closed" });
  const again = new SqliteStore(file);
  expect(again.load("default", "other")).toMatchObject({ epoch: "epoch", seq: 1 });
  again.close();
});
