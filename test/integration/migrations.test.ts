import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { explicit } from "../../client/explicit/index.ts";
import type { ObjectSync, SyncError } from "../../client/index.ts";
import { memoryStorage, SharedMemory } from "../../client/offline/memory.ts";
import { migrations } from "../../schema/index.ts";
import { SqliteStore } from "../../server/stores/sqlite/index.ts";
import { writeExample } from "../support/doc-example.ts";
import { eventually } from "../support/eventually.ts";
import { KeptStore } from "../support/kept-store.ts";
import { historyUntil } from "../support/schema-history.ts";
import { ServerProcess } from "../support/server-process.ts";
import { next, recordEvents, Stage, urlOf, viewOf } from "../support/stage.ts";

/** Clients and worlds of several versions of an application's schema, at once and one after another. */

const stage = new Stage();
afterEach(() => stage.clear());

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const [OLD, MIDDLE, NEW] = [1, 2, 3].map((version) => ({
  migrations: historyUntil(version as 1 | 2 | 3),
})) as [object, object, object];

test("old and new clients see the same world, each as it knows it, and change it", async () => {
  const { sync, url } = await stage.serve(NEW);
  const clients = [
    await stage.join(url, OLD),
    await stage.join(url, MIDDLE),
    await stage.join(url, NEW),
  ] as const;
  const [old, middle, recent] = clients;
  const { id } = await old.create({ id: "player:1", name: "Ada Byron", level: 2, team: "red" });
  const first = { id, first: "Ada", last: "Byron", rank: "rank 2", team: "red" };
  await eventually(() => recent.get(id) !== undefined && middle.get(id) !== undefined);
  expect(viewOf(sync)).toEqual({ [id]: first });
  expect(viewOf(recent)).toEqual({ [id]: first });
  expect(viewOf(middle)).toEqual({
    [id]: { id, first: "Ada", last: "Byron", level: 2, team: "red" },
  });

  const events = clients.map(recordEvents);
  await recent.update({ id, last: "Lovelace", badges: ["math"] });
  await eventually(() => old.get(id)?.["badges"] !== undefined);
  expect(viewOf(old)).toEqual({
    [id]: { id, name: "Ada Lovelace", level: 2, team: "red", badges: ["math"] },
  });
  await old.update({ id, level: 3, team: undefined });
  await eventually(() => recent.get(id)?.["rank"] === "rank 3");
  expect(viewOf(recent)).toEqual({
    [id]: { id, first: "Ada", last: "Lovelace", rank: "rank 3", badges: ["math"] },
  });
  await recent.destroy(id);
  await eventually(() => clients.every((client) => client.get(id) === undefined));
  const told = (names: string, changed: string): string[] => [
    `update ${id} badges,${names}`,
    `update ${id} ${changed}`,
    `destroy ${id}`,
    `remove ${id}`,
  ];
  expect(events).toEqual([
    told("name", "level,team"),
    told("last", "level,team"),
    told("last", "rank,team"),
  ]);
});

test("what an old client does not know of stays as it is, whoever writes at the same time", async () => {
  const { sync, url } = await stage.serve({ ...NEW });
  await sync.create({ id: "player:1", first: "Ada", last: "Byron", rank: "rank 2 and a half" });
  const [old, recent] = [await stage.join(url, OLD), await stage.join(url, NEW)];
  await Promise.all([
    old.update({ id: "player:1", name: "Ada Lovelace" }),
    recent.update({ id: "player:1", badges: ["math"] }),
  ]);
  expect(viewOf(sync)).toEqual({
    "player:1": {
      id: "player:1",
      first: "Ada",
      last: "Lovelace",
      rank: "rank 2 and a half",
      badges: ["math"],
    },
  });
});

test("the steps of one write are raised one after another", async () => {
  const { sync, url } = await stage.serve(NEW);
  const old = await stage.join(url, OLD);
  await old.transaction((steps) => {
    steps.create({ id: "player:1", name: "Ada Byron" });
    steps.update({ id: "player:1", level: 1 });
    steps.update({ id: "player:1", name: "Ada Lovelace" });
    steps.create({ id: "player:2", name: "Bob" });
    steps.destroy("player:2");
    steps.create({ id: "rock:1", name: "left alone" });
  });
  expect(viewOf(sync)).toEqual({
    "player:1": { id: "player:1", first: "Ada", last: "Lovelace", rank: "rank 1" },
    "rock:1": { id: "rock:1", name: "left alone" },
  });
});

test("an old client asks for what it knows, and objects come and go by what they are to it", async () => {
  const { sync, url } = await stage.serve(NEW);
  await sync.create({ id: "player:1", first: "Ada", last: "", rank: "rank 1" });
  await sync.create({ id: "player:2", first: "Bob", last: "", rank: "rank 7" });
  const old = await stage.join(url, { ...OLD, subscribe: [{ query: { level: { $gte: 5 } } }] });
  expect(viewOf(old)).toEqual({ "player:2": { id: "player:2", name: "Bob", level: 7 } });
  await sync.update({ id: "player:1", rank: "rank 5" });
  await eventually(() => old.get("player:1")?.["level"] === 5);
  await sync.update({ id: "player:2", rank: "rank 4" });
  await eventually(() => old.get("player:2") === undefined);
  await sync.create({ id: "player:3", first: "Eve", last: "", rank: "rank 9" });
  await eventually(() => old.get("player:3")?.["name"] === "Eve");
});

test("what is hidden from an old client is hidden before anything is made of it", async () => {
  const rules = {
    player: {
      read: true,
      update: true,
      properties: { last: { read: false }, rank: { read: true, write: false } },
    },
  };
  const { sync, url } = await stage.serve({ ...NEW, rules });
  await sync.create({ id: "player:1", first: "Ada", last: "Secret", rank: "rank 1" });
  const old = await stage.join(url, OLD);
  expect(viewOf(old)).toEqual({ "player:1": { id: "player:1", name: "Ada", level: 1 } });
  const code = (error: unknown): string => (error as SyncError).code;
  expect(await old.update({ id: "player:1", level: 2 }).catch(code)).toBe("forbidden_field");
  expect(await old.update({ id: "player:1", name: "Eve" }).catch(code)).toBe("forbidden_field");
  expect(await old.update({ id: "player:1", team: "red" }).then(() => "done")).toBe("done");
  expect(sync.get("player:1")).toMatchObject({ first: "Ada", last: "Secret", team: "red" });
});

test("handlers hear of what an old client writes as it would be today, and so do checks", async () => {
  const asked: unknown[] = [];
  const handlers = {
    fetch: (ids: string[]) => ids.map((id) => ({ id, first: "Ada", last: "Byron" })),
    update: (object: object) => void asked.push({ ...object }),
  };
  const { sync, url } = await stage.serve({ ...NEW, handlers });
  const versions: (number | undefined)[] = [];
  sync.check(({ session }) => void versions.push(session?.schemaVersion));
  const old = await stage.join(url, OLD);
  await old.update({ id: "player:1", name: "Ada Lovelace" });
  expect(asked).toEqual([{ id: "player:1", first: "Ada", last: "Lovelace" }]);
  expect(new Set(versions)).toEqual(new Set([undefined, 1]));
});

test("what only the application's database knows, and nobody can fetch, an old client cannot change", async () => {
  const asked: unknown[] = [];
  const handlers = { update: (object: object) => void asked.push(object) };
  const { sync, url } = await stage.serve({ ...NEW, handlers });
  sync.on("error", () => undefined);
  const old = await stage.join(url, OLD);
  await expect(old.update({ id: "player:1", name: "Ada" })).rejects.toMatchObject({
    code: "migration_failed",
    id: "player:1",
  });
  await old.update({ id: "rock:1", weight: 1 });
  expect(asked).toEqual([{ id: "rock:1", weight: 1 }]);
});

test.each([
  ["SQLite", () => join(folder, "raised.db")],
  ["a store in memory", () => undefined],
])("a world that %s has kept is brought to the present schema, once", async (_name, place) => {
  const file = place();
  const memory = new KeptStore();
  const store = () => (file === undefined ? memory : new SqliteStore(file));
  const serve = (versions: object, port = 0) => stage.serve({ ...versions, store: store() }, port);

  const former = await serve(OLD);
  await former.sync.create({ id: "player:1", name: "Ada Byron", level: 1 });
  await former.sync.create({ id: "badge:1", text: "first" });
  await former.sync.create({ id: "rock:1", weight: 1 });
  await former.sync.destroy("badge:1");
  const witness = await stage.join(former.url, OLD);
  await former.sync.close();

  const raised = { id: "player:1", first: "Ada", last: "Byron", rank: "rank 1" };
  const present = await serve(NEW, former.port);
  await present.sync.world("default").opened();
  expect(viewOf(present.sync)).toEqual({
    "player:1": raised,
    "rock:1": { id: "rock:1", weight: 1 },
  });
  await eventually(() => witness.status === "synced");
  expect(witness.get("player:1")).toEqual({ id: "player:1", name: "Ada Byron", level: 1 });
  await witness.update({ id: "player:1", level: 2 });
  await present.sync.close();

  const again = await serve(NEW);
  await again.sync.world("default").opened();
  expect(again.sync.get("player:1")).toEqual({ ...raised, rank: "rank 2" });
  await again.sync.close();

  const outdated = stage.serve({ ...MIDDLE, store: store() });
  await expect(outdated).rejects.toMatchObject({ code: "schema_version", property: "migrations" });
});

test("a world whose objects cannot be migrated is not opened, and stays as it is", async () => {
  const store = new KeptStore();
  const former = await stage.serve({ store });
  await former.sync.create({ id: "player:1", name: "Ada" });
  await former.sync.close();
  const up = (): never => {
    throw new Error("no");
  };
  const broken = migrations({ 2: { player: { up, down: (player: object) => ({ ...player }) } } });
  const opening = stage.serve({ store, migrations: broken });
  await expect(opening).rejects.toMatchObject({ code: "migration_failed", id: "player:1" });
  const mended = await stage.serve({ ...NEW, store });
  expect(mended.sync.get("player:1")).toMatchObject({ first: "Ada" });
});

test("what was written offline with an earlier version is migrated, shown meanwhile, and done once", async () => {
  const { sync, url } = await stage.serve(NEW);
  await sync.create({ id: "player:1", first: "Ada", last: "Byron", rank: "rank 1" });
  const memory = new SharedMemory();
  const offline = { autoConnect: false, storage: memoryStorage(memory) };
  const former = stage.client(url, { ...OLD, storage: memoryStorage(memory) });
  await former.whenSynced();
  former.disconnect();
  await former.update({ id: "player:1", name: "Ada Lovelace" }).reached("stored");
  await former.create({ id: "player:2", name: "Bob" }).reached("stored");
  await former.close();
  await sync.update({ id: "player:1", rank: "rank 2" });

  const present = stage.client(url, { ...NEW, ...offline });
  await next(present, "restored");
  const ada = { id: "player:1", first: "Ada", last: "Lovelace", rank: "rank 1" };
  expect(viewOf(present)).toEqual({
    "player:1": ada,
    "player:2": { id: "player:2", first: "Bob", last: "" },
  });
  await present.close();

  // The page is loaded once more before there is a network.
  const later = stage.client(url, { ...NEW, ...offline });
  await next(later, "restored");
  expect(later.get("player:1")).toEqual(ada);
  const rejected: string[] = [];
  later.on("reject", ({ code }) => rejected.push(code));
  later.connect();
  await later.whenSynced();
  await eventually(() => sync.get("player:2") !== undefined);
  await eventually(() => later.get("player:2") !== undefined);
  const now = { ...ada, rank: "rank 2" };
  expect(sync.get("player:1")).toEqual(now);
  await eventually(() => later.get("player:1")?.["last"] === "Lovelace");
  expect(later.get("player:1")).toEqual(now);
  expect(rejected).toEqual([]);
  await later.close();

  const last = stage.client(url, { ...NEW, storage: memoryStorage(memory) });
  await last.whenSynced();
  expect(last.pending).toBe(0);
  expect(viewOf(last)).toEqual(viewOf(sync));
});

test("what never leaves the device is there with the next version as well, and stays", async () => {
  const { url } = await stage.serve(NEW);
  const memory = new SharedMemory();
  const namespaces = { player: { sync: false }, draft: { sync: false } } as const;
  const device = (version: object): ObjectSync =>
    stage.client(url, { ...version, live: explicit, namespaces, storage: memoryStorage(memory) });
  const former = device(OLD);
  await former.create({ id: "draft:1", text: "x" });
  await former.create({ id: "player:1", name: "Ada Byron", level: 2 });
  await former.sync();
  void former.create({ id: "badge:1", text: "waits" });
  await former.create({ id: "draft:2" });
  await former.close();
  const expected = {
    "draft:1": { id: "draft:1", text: "x" },
    "draft:2": { id: "draft:2" },
    "player:1": { id: "player:1", first: "Ada", last: "Byron", rank: "rank 2" },
  };
  for (const when of ["updated", "loaded once more"]) {
    const present = device(NEW);
    await next(present, "restored");
    expect({ when, ...viewOf(present) }).toMatchObject({ when, ...expected });
    await present.sync();
    await present.sync();
    expect({ when, ...viewOf(present) }).toEqual({
      when,
      ...expected,
      "badge:1": { id: "badge:1", title: "waits" },
    });
    await present.close();
  }
  const last = device(NEW);
  await next(last, "restored");
  await last.destroy("draft:1");
  await last.close();
  const again = device(NEW);
  await next(again, "restored");
  expect(again.get("draft:1")).toBeUndefined();
});

test("a client older than the oldest that is known is told so, and keeps what it has not sent", async () => {
  const steps = {
    3: { player: { up: (one: object) => ({ ...one }), down: (one: object) => ({ ...one }) } },
  };
  const { url } = await stage.serve({ migrations: migrations(steps) });
  const middle = await stage.join(url, MIDDLE);
  expect(middle.status).toBe("synced");
  const memory = new SharedMemory();
  const old = stage.client(url, { storage: memoryStorage(memory), autoConnect: false });
  await old.create({ id: "player:1", name: "Ada" }).reached("stored");
  old.connect();
  await expect(old.whenSynced()).rejects.toMatchObject({ code: "schema_version" });
  expect(old.pending).toBe(1);
});

test("a client newer than its server waits for one of its version", async () => {
  const former = await stage.serve(OLD);
  const recent = stage.client(former.url, NEW);
  const reasons: unknown[] = [];
  recent.on("status", (_status, reason) => reasons.push(reason?.code));
  await eventually(() => reasons.includes("unavailable"));
  const written = recent.create({ id: "player:1", first: "Ada", last: "Byron" });
  await former.sync.close();
  const present = await stage.serve(NEW, former.port);
  recent.disconnect();
  recent.connect(); // it need not wait for the five seconds that it was told
  await written;
  expect(present.sync.get("player:1")).toEqual({ id: "player:1", first: "Ada", last: "Byron" });
});

test("what a migration fails on is refused, or not shown, and the application hears of it", async () => {
  const picky = migrations({
    2: {
      player: {
        up({ name }: { name: string }) {
          if (name === "") throw new Error("nobody is called that");
          return { nick: name };
        },
        down: ({ nick }: { nick: unknown }) => ({ name: nick === "odd" ? Symbol("odd") : nick }),
      },
    },
  });
  const { sync, url } = await stage.serve({ migrations: picky });
  const problems: string[] = [];
  sync.on("error", ({ code, id, cause }) => problems.push(`${code} ${id} ${String(cause)}`));
  const old = await stage.join(url);
  const refused = old.create({ id: "player:1", name: "" });
  await expect(refused).rejects.toMatchObject({ code: "migration_failed", id: "player:1" });
  await sync.create({ id: "player:2", nick: "odd" });
  await sync.create({ id: "player:3", nick: "even" });
  await eventually(() => old.get("player:3") !== undefined);
  expect(old.get("player:2")).toBeUndefined();
  expect(problems[0]).toBe("migration_failed player:1 Error: nobody is called that");
  expect(problems[1]).toMatch(/^migration_failed player:2 .*cannot be a value/);
  await sync.update({ id: "player:2", nick: "fine" });
  await eventually(() => old.get("player:2")?.["name"] === "fine");
  await sync.update({ id: "player:2", nick: "odd" });
  await eventually(() => old.get("player:2") === undefined);
});

test("what an old client may not see, it cannot tell from what is not there by a migration that fails", async () => {
  const up = (): never => {
    throw new Error("no");
  };
  const broken = migrations({ 2: { player: { up, down: (one: object) => ({ ...one }) } } });
  const rules = { player: { read: () => false, update: true } };
  const { sync, url } = await stage.serve({ migrations: broken, rules });
  sync.on("error", () => undefined);
  await sync.create({ id: "player:1", nick: "hidden" });
  const old = await stage.join(url);
  const code = (error: unknown): string => (error as SyncError).code;
  const codes = await Promise.all(
    ["player:1", "player:2"].map((id) => old.update({ id, name: "Eve" }).catch(code)),
  );
  expect(codes).toEqual(["not_found", "not_found"]);
});

test("the server and the two clients of docs/SCHEMAS.md understand each other", async () => {
  writeExample("docs/SCHEMAS.md", "history.mjs", folder);
  const file = writeExample("docs/SCHEMAS.md", "versions.mjs", folder);
  const server = await ServerProcess.start(file, /ready on \S+:(\d+)/);
  stage.afterwards(() => server.kill());
  const both = writeExample("docs/SCHEMAS.md", "both.mjs", folder);
  const clients = await ServerProcess.start(both, /pending (\d+)/, 0, { URL: urlOf(server.port) });
  stage.afterwards(() => clients.kill());
  await eventually(() => clients.output.includes("pending 0"));
  expect(clients.output).toMatch(/^Ada Lovelace = Ada Lovelace$/m);
});
