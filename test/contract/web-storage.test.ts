import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ClientStorage } from "../../client/index.ts";
import { webStorage } from "../../client/storage/web/index.ts";
import { storageContract } from "../../client/testing/index.ts";
import { fakePage, FakeStorage, hidePage } from "../support/fake-page.ts";

// As a page that is not secure: names are taken by leases. Web Locks: test/browser/storage.test.ts.
let leave: () => void;
beforeAll(() => {
  leave = fakePage({});
});
afterAll(() => leave());

describe("web storage on a Storage of Node's", () => {
  const checks = storageContract(() => {
    const area = new FakeStorage(new Map(), 5_000_000);
    return {
      valueLengthMax: 5_000_000,
      open: () => webStorage({ area }),
      remove: () => undefined,
    };
  });
  for (const check of checks) test(check.name, check.run);
});

const before = { a: "1", b: "1", c: "1" };
const changes = { a: "2", b: undefined, d: "2", e: "" };
const after = { a: "2", c: "1", d: "2", e: "" };

const write = (storage: ClientStorage, entries: Record<string, string | undefined>) =>
  storage.write(new Map(Object.entries(entries)));
const contentOf = async (storage: ClientStorage) => Object.fromEntries(await storage.read(""));

test("a page that ends within a write has made all of it or nothing", async () => {
  const seen = new Set<string>();
  for (let calls = 0; calls < 10; calls++) {
    const kept = new Map<string, string>();
    await write(webStorage({ area: new FakeStorage(kept) }), before);
    const area = new FakeStorage(kept);
    area.callsLeft = calls;
    const isKept = await write(webStorage({ area }), changes).then(
      () => true,
      () => false,
    );
    const next = webStorage({ area: new FakeStorage(kept) });
    expect(await contentOf(next)).toEqual(isKept ? after : before);
    await write(next, { c: "3" });
    expect(await contentOf(next)).toEqual({ ...(isKept ? after : before), c: "3" });
    seen.add(`${isKept} ${area.callsLeft === 0}`);
  }
  expect([...seen].sort()).toEqual(["false true", "true false", "true true"]);
});

test("a write for which there is room once, but not twice, is made as soon as there is", async () => {
  const kept = new Map<string, string>();
  const storage = webStorage({ area: new FakeStorage(kept, 2_500) });
  await write(storage, { a: "old", left: "x".repeat(300) });
  const large = { left: undefined, a: "a".repeat(1_000), b: "b".repeat(1_000) };
  await write(storage, large);
  expect(await contentOf(storage)).toEqual({ a: large.a, b: large.b });
  expect([...kept.keys()].some((name) => name.endsWith("/journal"))).toBe(true);
  await expect(write(storage, { c: "c".repeat(1_000) })).rejects.toMatchObject({
    code: "storage_failed",
  });
  await write(storage, { a: undefined });
  const next = webStorage({ area: new FakeStorage(kept, 2_500) });
  expect(await contentOf(next)).toEqual({ b: large.b });
  expect([...kept.keys()].some((name) => name.endsWith("/journal"))).toBe(false);
});

test("names keep storages of one area apart", async () => {
  const area = new FakeStorage();
  const names = ["a", "a/entry/", "A", "", "%", "ä"];
  const storages = names.map((name) => webStorage({ area, name }));
  for (const [i, storage] of storages.entries()) await write(storage, { entry: `${i}` });
  for (const [i, storage] of storages.entries()) {
    expect(await contentOf(storage)).toEqual({ entry: `${i}` });
    expect(await storage.lock("name")).toBeDefined();
    await storage.close();
  }
});

test("what is cleared, damaged, of a later version or blocked is an error, not an empty storage", async () => {
  const area = new FakeStorage();
  const fails = (storage: ClientStorage, message: RegExp) =>
    Promise.all(
      [() => storage.read(""), () => write(storage, { a: "1" })].map((action) =>
        expect(action()).rejects.toMatchObject({
          code: "storage_failed",
          message: expect.stringMatching(message),
        }),
      ),
    );
  const open = webStorage({ area });
  await write(open, before);
  area.clear();
  await fails(open, /cleared meanwhile/);
  await write(webStorage({ area }), before);
  area.setItem("object-sync/default/journal", "{torn");
  await fails(webStorage({ area }), /JSON/);
  area.setItem("object-sync/default/id", "2 later");
  await fails(webStorage({ area }), /later version/);

  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get: () => {
      throw new DOMException("access is denied", "SecurityError");
    },
  });
  await fails(webStorage(), /access is denied/);
  Reflect.deleteProperty(globalThis, "localStorage");
});

test("a lease goes with the page, unless the page may come back, and is nobody's after its time", async () => {
  const kept = new Map<string, string>();
  const [one, other] = [0, 1].map(() => webStorage({ area: new FakeStorage(kept) }));
  const held = await one?.lock("name");
  hidePage(true);
  expect(await other?.lock("name")).toBeUndefined();
  hidePage(false);
  const next = await other?.lock("name");
  expect(next).toBeDefined();
  held?.();
  expect(await one?.lock("name")).toBeUndefined();
  const [key = ""] = [...kept.keys()].filter((name) => name.endsWith("/lock/name"));
  kept.set(key, `${Date.now() - 1} crashed`);
  expect(await one?.lock("name")).toBeDefined();
  next?.(); // it has lost it by now
  expect(await other?.lock("name")).toBeUndefined();
  await one?.close();
  await other?.close();
});
