import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { openDatabase } from "../../client/storage/file/database.ts";
import { fileStorage } from "../../client/storage/file/index.ts";
import { eventually } from "../support/eventually.ts";
import { StorageProcess } from "../support/storage-process.ts";

let folder: string;
let file: string;
const children: StorageProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  file = join(folder, "client.db");
});

afterEach(async () => {
  for (const child of children.splice(0)) await child.end();
  rmSync(folder, { recursive: true });
});

async function startChild(execPath?: string): Promise<StorageProcess> {
  const child = await StorageProcess.start(file, execPath);
  children.push(child);
  return child;
}

const ROUNDS = 12;
const IN_FLIGHT = 6;

/** Every write counts, and replaces a pair of values that must always be alike. */
function changesOf(n: number): Map<string, string> {
  const text = `${n} `.repeat(1 + ((n * 997) % 4_000));
  return new Map([
    ["last", `${n}`],
    [`left:${n % 50}`, text],
    [`right:${n % 50}`, text],
  ]);
}

test("after kill -9 at any moment what was kept is there, and no write is there in part", async () => {
  let n = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const child = await startChild();
    let acknowledged = 0;
    const before = n;
    let isOver = false;
    const write = async (): Promise<void> => {
      while (!isOver) {
        const mine = ++n;
        await child.storage.write(changesOf(mine));
        acknowledged = Math.max(acknowledged, mine);
      }
    };
    for (let i = 0; i < IN_FLIGHT; i++) void write();
    const until = before + Math.floor(Math.random() * 120);
    await eventually(() => acknowledged > until);
    await child.end(); // the writes that are on their way stay open
    isOver = true;

    const storage = fileStorage(file);
    const kept = Object.fromEntries(await storage.read(""));
    const last = Number(kept["last"]);
    expect(last).toBeGreaterThanOrEqual(acknowledged);
    expect(last).toBeLessThanOrEqual(n);
    const expected = new Map(Array.from({ length: last }, (_, i) => [...changesOf(i + 1)]).flat());
    expect(kept).toEqual(Object.fromEntries(expected));
    await storage.close();
    n = last; // and on from there
  }
}, 120_000);

const fails = async (message: RegExp): Promise<void> => {
  const storage = fileStorage(file);
  const failure = { code: "storage_failed", message: expect.stringMatching(message) };
  await expect(storage.read("")).rejects.toMatchObject(failure);
  await expect(storage.write(new Map([["a", "1"]]))).rejects.toMatchObject(failure);
  await expect(storage.lock("name")).rejects.toMatchObject(failure);
  await storage.close();
};

test("a file that is no database, or one of something else, is refused and left as it is", async () => {
  writeFileSync(file, "a shopping list ".repeat(100));
  const list = readFileSync(file);
  await fails(/not a database/);
  expect(readFileSync(file).equals(list)).toBe(true);

  rmSync(file);
  const other = openDatabase(file);
  other.exec("CREATE TABLE accounts (name TEXT)");
  other.close();
  const accounts = readFileSync(file);
  await fails(/something else/);
  expect(readFileSync(file).equals(accounts)).toBe(true);
});

test("a storage of a later version, or a damaged one, is refused and left as it is", async () => {
  const storage = fileStorage(file);
  await storage.write(new Map(Array.from({ length: 50 }, (_, i) => [`${i}`, "x".repeat(3_000)])));
  await storage.close();
  const whole = readFileSync(file);
  const torn = Buffer.from(whole).fill(0xaa, 4_096 * 8, 4_096 * 12);
  writeFileSync(file, torn);
  await fails(/damaged|malformed/);
  expect(readFileSync(file).equals(torn)).toBe(true);

  writeFileSync(file, whole);
  const later = openDatabase(file);
  later.exec("PRAGMA user_version = 99");
  later.close();
  const bytes = readFileSync(file);
  await fails(/later version \(99\): update object-sync/);
  expect(readFileSync(file).equals(bytes)).toBe(true);
});

test("a folder that is not there is refused, and used once it is", async () => {
  file = join(folder, "missing", "client.db");
  await fails(/cannot be opened/);
  const storage = fileStorage(file);
  await expect(storage.read("")).rejects.toMatchObject({ code: "storage_failed" });
  mkdirSync(join(folder, "missing"));
  expect(await storage.read("")).toEqual([]);
  await storage.close();
});

test("a file that was removed meanwhile is an error, not an empty storage", async () => {
  const storage = fileStorage(file);
  await storage.write(new Map([["a", "1"]]));
  for (const name of readdirSync(folder)) rmSync(join(folder, name));
  const failure = { code: "storage_failed", message: expect.stringContaining("removed") };
  await expect(storage.write(new Map([["a", "2"]]))).rejects.toMatchObject(failure);
  await expect(storage.read("")).rejects.toMatchObject(failure);
  await storage.close();
  expect(readdirSync(folder)).toEqual([]);
});

test("many processes can start on one new file at the same time, and one of them gets a name", async () => {
  const started = await Promise.all(Array.from({ length: 3 }, () => startChild()));
  await Promise.all(
    started.map(({ storage }, i) => storage.write(new Map([[`child:${i}`, `${i}`]]))),
  );
  const locks = await Promise.all(started.map(({ storage }) => storage.lock("name")));
  expect(locks.filter((lock) => lock !== undefined)).toHaveLength(1);
  const storage = fileStorage(file);
  expect(await storage.read("child:")).toHaveLength(3);
  await storage.close();
}, 60_000);

test("locks leave no files behind, not even those of a process that was killed", async () => {
  const child = await startChild();
  expect(await child.storage.lock("name")).toBeDefined();
  await child.end();
  const storage = fileStorage(file);
  expect(await storage.lock("name")).toBeDefined();
  const holders = (): string[] => readdirSync(folder).filter((name) => name.includes("holder"));
  expect(holders()).toHaveLength(1);
  await storage.close();
  expect(holders()).toEqual([]);
});

test("a name that cannot be given back is free once its holder is gone, and nobody is thrown at", async () => {
  const storage = fileStorage(file);
  const giveBack = await storage.lock("name");
  await storage.write(new Map([["a", "1"]]));
  const other = openDatabase(file);
  other.exec("ALTER TABLE locks RENAME TO elsewhere");
  giveBack?.();
  await expect(storage.close()).rejects.toMatchObject({ code: "storage_failed" });
  other.exec("ALTER TABLE elsewhere RENAME TO locks");
  other.close();

  const next = fileStorage(file);
  expect(await next.lock("name")).toBeDefined();
  expect(await next.read("")).toEqual([["a", "1"]]);
  await next.close();
});

// Windows has no limit for a process' files; ignored, the signal becomes an error of the write.
const onUnix = process.platform === "win32" ? test.skip : test;
onUnix("a full disk refuses what it has no room for, and loses nothing", async () => {
  const shell = join(folder, "limited.sh");
  const lines = ["#!/bin/sh", "trap '' XFSZ", "ulimit -f 400", 'exec "$NODE_EXECUTABLE" "$@"'];
  writeFileSync(shell, `${lines.join("\n")}\n`, { mode: 0o755 });
  const { storage } = await startChild(shell);
  const text = "x".repeat(20_000);
  const kept: string[] = [];
  let error: unknown;
  for (let i = 0; error === undefined && i < 100; i++) {
    const keys = [`left:${100 + i}`, `right:${100 + i}`];
    const writing = storage.write(new Map(keys.map((key) => [key, text])));
    await writing.then(
      () => kept.push(...keys),
      (cause: unknown) => (error = cause),
    );
  }
  expect(error).toMatchObject({ code: "storage_failed" });
  expect(kept).not.toEqual([]);
  const keysOf = async (one: Pick<typeof storage, "read">): Promise<string[]> =>
    (await one.read("")).map(([key]) => key);
  expect(await keysOf(storage)).toEqual([...kept].sort());
  const unlimited = fileStorage(file);
  expect(await keysOf(unlimited)).toEqual([...kept].sort());
  await unlimited.close();
});
