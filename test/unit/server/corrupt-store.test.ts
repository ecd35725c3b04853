import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { openDatabase } from "../../../server/stores/sqlite/database.ts";
import { SqliteStore } from "../../../server/stores/sqlite/index.ts";
import { DAMAGES } from "../../support/damage.ts";
import { fillArena } from "../../support/filled-store.ts";
import { SQLITE_1 } from "../../support/former-schemas.ts";

/* corrupt record or gap in seq `store_corrupt`: each kind of damage. What servers make of it is in hostile/store. */

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  file = join(folder, "worlds.db");
});

afterEach(() => rmSync(folder, { recursive: true }));

function change(sql: string): void {
  const database = openDatabase(file);
  database.exec(sql);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)"); // another connection may linger
  database.close();
}

function corrupt(tells: RegExp): unknown {
  return expect.objectContaining({
    code: "store_corrupt",
    message: expect.stringMatching(tells),
  });
}

test("the rows from which the damages are made are themselves in order", async () => {
  const store = new SqliteStore(file);
  await fillArena(store);
  expect(store.load("arena", "other")).toMatchObject({ epoch: "ledger", seq: 3, term: 2 });
  store.close();
});

test.each(DAMAGES)(
  "after %p the world is refused, and the file left as it is",
  async (sql, tells) => {
    const filled = new SqliteStore(file);
    await fillArena(filled);
    filled.close();
    change(sql.replaceAll("{}", ""));
    const before = readFileSync(file);

    const store = new SqliteStore(file);
    expect(() => store.load("arena", "other")).toThrow(corrupt(tells));
    expect(() => store.load("arena", "other")).toThrow(/world "arena" is damaged/);
    store.close();
    expect(readFileSync(file).equals(before)).toBe(true);
  },
);

test("an object that is damaged is named", async () => {
  const store = new SqliteStore(file);
  await fillArena(store);
  change("UPDATE objects SET properties = 'x' WHERE id = 'tree'");
  expect(() => store.load("arena", "other")).toThrow(expect.objectContaining({ id: "tree" }));
  store.close();
});

test("a world that is in order can be opened beside one that is not", async () => {
  const store = new SqliteStore(file);
  await fillArena(store);
  change("UPDATE objects SET properties = 'x' WHERE id = 'tree'");
  expect(store.load("other", "epoch")).toMatchObject({ epoch: "epoch", term: 1 });
  store.close();
});

test("a damaged file of an earlier version is not migrated first", () => {
  change(SQLITE_1);
  change("UPDATE objects SET revision = 99");
  const before = readFileSync(file);
  expect(() => new SqliteStore(file)).toThrow(corrupt(/99, is beyond/));
  expect(readFileSync(file).equals(before)).toBe(true);
  expect(readdirSync(folder)).toEqual(["worlds.db"]);
});

test("a damaged copy that other tools have made does not even get its journal changed", async () => {
  const filled = new SqliteStore(file);
  await fillArena(filled);
  filled.close();
  const copy = join(folder, "copy.db");
  change(`UPDATE objects SET revision = 99; VACUUM INTO '${copy}'`);
  const before = readFileSync(copy);
  expect(() => new SqliteStore(copy)).toThrow(corrupt(/99, is beyond/));
  expect(readFileSync(copy).equals(before)).toBe(true);
});
