import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { request } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { newEpoch } from "../../server/operations/index.ts";
import { MemoryStore, SyncError, type Rules, type StoreBatch } from "../../server/index.ts";
import { persistenceSync } from "../../server/plugins/persistence-sync/index.ts";
import { SqliteArchive, SqliteStore } from "../../server/stores/sqlite/index.ts";
import { writeExample } from "../support/doc-example.ts";
import { eventually } from "../support/eventually.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, urlOf } from "../support/stage.ts";
import { serveResources, SyncResourceClient, TASKS } from "../support/sync-resource.ts";

/** SEEDS.md, part B: the wire of persistence.sync.js, over a world. */

const stage = new Stage();
afterEach(async () => {
  jest.restoreAllMocks();
  await stage.clear();
});

const A = "A".repeat(32);
const B = "B".repeat(32);
const OPEN = { "/open": { namespace: "task", filter: { done: { $ne: true } } }, ...TASKS };

function sqliteFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  stage.afterwards(() => rmSync(folder, { recursive: true }));
  return join(folder, "worlds.db");
}

test("B 1: since=0 gives all live objects and now, and no tombstones", async () => {
  const { sync, client } = await serveResources(stage);
  await client.post([{ id: A, name: "a" }, { id: B }]);
  await sync.create({ id: "project:1" });
  await client.post([{ id: B, _removed: true }]);
  const { now, updates } = await client.get(0);
  expect(updates).toEqual([{ id: A, name: "a", _lastChange: expect.any(Number) }]);
  expect(now).toBeGreaterThan(Number(updates[0]?.["_lastChange"]));
});

test("B 2: since=T gives only what is newer than T, and what was destroyed as _removed", async () => {
  const { sync, client } = await serveResources(stage);
  await client.post([{ id: A, name: "a" }]);
  const first = await client.get();
  expect((await client.get(first.now)).updates).toEqual([]);
  await sync.create({ id: `task:${B}`, name: "b" });
  const second = await client.get(first.now);
  expect(second.updates).toMatchObject([{ id: B, name: "b" }]);
  await sync.destroy(`task:${A}`);
  const third = await client.get(second.now);
  expect(third.updates).toEqual([{ id: A, _removed: true }]);
  expect((await client.get(third.now)).updates).toEqual([]);
  expect(third).not.toHaveProperty("reset");
});

test("B 3: after a POST every stored stamp equals the now that was returned", async () => {
  const { client } = await serveResources(stage);
  await client.post([{ id: A, n: 1 }]);
  const { status, now } = await client.post([
    { id: A, n: 2 },
    { id: B, n: 1 },
  ]);
  expect(status).toBe("ok");
  const { updates } = await client.get();
  expect(updates.map((item) => item["_lastChange"])).toEqual([now, now]);
});

test("B 4: a partial POST leaves the other properties", async () => {
  const { sync, client } = await serveResources(stage);
  await client.post([{ id: A, name: "a", done: false, project: B }]);
  await client.post([{ id: A, done: true }]);
  expect(sync.get(`task:${A}`)).toEqual({ id: `task:${A}`, name: "a", done: true, project: B });
});

test("B 5: the same data posted again changes no stamp and is sent to nobody", async () => {
  const { client, world } = await serveResources(stage);
  const items = [
    { id: A, name: "a" },
    { id: B, name: "b" },
  ];
  const first = await client.post(items);
  const before = await client.get();
  const { cursor } = await world.changesSince();
  const again = await client.post(items);
  expect(again.now).toBe(first.now); // all that it wrote is as it was posted: the client may know it by this
  expect(await client.get()).toEqual(before);
  expect((await client.get(before.now)).updates).toEqual([]);
  expect((await world.changesSince()).cursor).toEqual(cursor);
});

test("B 5: a POST that changes nothing is given a stamp that nobody else's write has", async () => {
  const { sync, client } = await serveResources(stage);
  await client.post([{ id: A, name: "a" }]);
  await client.post([{ id: B, name: "b" }]);
  await sync.update({ id: `task:${B}`, name: "by somebody else" });
  const stamps = (await client.get()).updates.map((item) => item["_lastChange"]);
  for (const nothing of [
    [],
    [
      { id: A, name: "a" },
      { id: B, name: "by somebody else" },
    ],
  ]) {
    const { now } = await client.post(nothing);
    expect(stamps).not.toContain(now);
  }
});

test("B 6: one's own echo comes back with the stamp that the POST was answered with", async () => {
  const { sync, client } = await serveResources(stage);
  await client.post([{ id: A }, { id: B }]);
  const { now: since } = await client.get();
  const { now: pushed } = await client.post([{ id: A, name: "mine" }]);
  await sync.update({ id: `task:${B}`, name: "another's" });
  const items = await client.items(since);
  expect(items[A]?.["_lastChange"]).toBe(pushed);
  expect(items[B]?.["_lastChange"]).not.toBe(pushed);
});

describe("B 12", () => {
  /** Refuses batches for a while. */
  class SulkyStore extends MemoryStore {
    isSulky = false;

    override commit(world: string, batch: StoreBatch): void {
      if (this.isSulky) throw new Error("no");
      super.commit(world, batch);
    }
  }

  test("B 12: a POST that fails is told as an error and changes nothing, deletions too; a retry works", async () => {
    const store = new SulkyStore();
    const { sync, client } = await serveResources(stage, TASKS, { store });
    sync.on("error", () => undefined);
    await client.post([{ id: A, name: "a" }]);
    const before = await client.get();
    store.isSulky = true;
    const items = [
      { id: A, _removed: true },
      { id: B, name: "b" },
    ];
    expect(await client.post(items)).toMatchObject({
      httpStatus: 503,
      status: "error",
      code: "unavailable",
    });
    expect(await client.get()).toEqual(before);
    store.isSulky = false;
    expect(await client.post(items)).toMatchObject({ httpStatus: 200, status: "ok" });
    expect((await client.get(before.now)).updates).toMatchObject([
      { id: A, _removed: true },
      { id: B, name: "b" },
    ]);
  });

  test("B 12: a POST whose answer was lost is posted again, and happens once", async () => {
    const { client, world, port } = await serveResources(stage);
    const network = await stage.network(port);
    const cut = new SyncResourceClient(`${network.url}/tasks`);
    world.on("create", () => network.goDown());
    await expect(cut.post([{ id: A, name: "a" }])).rejects.toThrow();
    const { updates } = await client.get();
    const { now } = await client.post([{ id: A, name: "a" }]);
    expect(updates).toEqual([{ id: A, name: "a", _lastChange: now }]);
  });
});

test("B 13: a write in the same millisecond as a sync is delivered", async () => {
  const { sync, client } = await serveResources(stage);
  jest.spyOn(Date, "now").mockReturnValue(1_000_000_000_000);
  let since = 0;
  for (let i = 0; i < 50; i++) {
    const id = String(i);
    const [answer] = await Promise.all([client.get(since), sync.create({ id: `task:${id}` })]);
    const items = [...answer.updates, ...(await client.get(answer.now)).updates];
    expect(items.map((item) => item.id)).toContain(id);
    since = answer.now;
  }
});

test("B 14: a clock an hour wrong, forward or back, loses nothing", async () => {
  const store = new SqliteStore(sqliteFile());
  const { sync, client } = await serveResources(stage, TASKS, { store });
  const HOUR_MS = 3_600_000;
  const realNow = Date.now.bind(Date);
  let { now } = await client.get();
  for (const shift of [0, HOUR_MS, -HOUR_MS, 0]) {
    jest.spyOn(Date, "now").mockImplementation(() => realNow() + shift);
    await sync
      .save({ id: `task:${A}`, shift })
      .catch(() => sync.create({ id: `task:${A}`, shift }));
    const { now: pushed } = await client.post([{ id: B, shift }]);
    const next = await client.get(now);
    expect(next.updates).toMatchObject([
      { id: A, shift },
      { id: B, shift, _lastChange: pushed },
    ]);
    expect(next.now).toBeGreaterThan(now);
    now = next.now;
  }
});

test("B 14: stamps go on after a restart; after a restored backup an old one hides nothing", async () => {
  const file = sqliteFile();
  const open = () => serveResources(stage, TASKS, { store: new SqliteStore(file) });
  const first = await open();
  await first.client.post([{ id: A, n: 1 }, { id: B }]);
  const { now } = await first.client.get();
  await first.sync.close();
  const second = await open();
  expect(await second.client.get(now)).toEqual({ now, updates: [] });
  await second.client.post([{ id: B, _removed: true }]);
  const changed = await second.client.get(now);
  expect(changed.updates).toEqual([{ id: B, _removed: true }]);
  await second.sync.close();
  const archive = new SqliteArchive(file);
  await newEpoch(archive, ["default"]);
  archive.close();
  const third = await open();
  for (const since of [now, changed.now]) {
    const answer = await third.client.get(since);
    expect(answer.reset).toBe(true);
    expect(answer.updates).toMatchObject([
      { id: A, n: 1 },
      { id: B, _removed: true },
    ]);
    expect(answer.now).not.toBe(since);
  }
});

test("B 14: who was away for longer than the world remembers is told that this is all there is", async () => {
  const { sync, client } = await serveResources(stage, TASKS, { limits: { tombstonesMax: 1 } });
  await client.post([{ id: A }, { id: B }, { id: "C" }]);
  const { now } = await client.get();
  await client.post([{ id: A, _removed: true }]);
  await client.post([{ id: B, _removed: true }]);
  await sync.create({ id: "note:1" });
  await sync.create({ id: "note:2" });
  // With the next flush after that.
  const { updates } = await eventually(async () => {
    const answer = await client.get(now);
    return answer.reset === true && answer;
  });
  expect(updates).toMatchObject([{ id: B, _removed: true }, { id: "C" }]);
});

test("B 15: 250 ids at once, posted, changed and removed, each as one commit", async () => {
  const { client } = await serveResources(stage);
  const ids = Array.from({ length: 250 }, (_, i) => String(i).padStart(32, "0"));
  const stampsOf = async (since: number) =>
    new Set((await client.get(since)).updates.map((item) => item["_lastChange"]));
  const created = await client.post(ids.map((id) => ({ id, name: id })));
  expect(await stampsOf(0)).toEqual(new Set([created.now]));
  const changed = await client.post(ids.map((id) => ({ id, done: true })));
  expect((await client.get(created.now)).updates).toHaveLength(250);
  expect(await stampsOf(created.now)).toEqual(new Set([changed.now]));
  const removed = await client.post(ids.map((id) => ({ id, _removed: true })));
  expect((await client.get(changed.now)).updates).toEqual(
    ids.map((id) => ({ id, _removed: true })),
  );
  expect((await client.get()).updates).toEqual([]);
  expect(removed.now).toBeGreaterThan(changed.now);
});

describe("B 18", () => {
  test("B 18: a filtered resource sends only what matches; what leaves the filter disappears", async () => {
    const { sync, client } = await serveResources(stage, OPEN);
    await sync.create({ id: "task:a", done: false });
    await sync.create({ id: "task:b", done: true });
    const first = await client.get();
    expect(first.updates).toMatchObject([{ id: "a" }]);
    await sync.update({ id: "task:a", done: true }); // leaves
    await sync.update({ id: "task:b", name: "still done" }); // was never there
    const second = await client.get(first.now);
    expect(second.updates).toEqual([{ id: "a", _removed: true }]);
    await sync.update({ id: "task:a", done: false });
    await sync.update({ id: "task:b", done: false });
    await sync.create({ id: "task:c", done: true });
    await sync.destroy("task:c");
    const third = await client.get(second.now);
    expect(third.updates).toMatchObject([
      { id: "a", done: false },
      { id: "b", name: "still done" },
    ]);
    await sync.destroy("task:a");
    expect((await client.get(third.now)).updates).toEqual([{ id: "a", _removed: true }]);
    expect((await client.get(first.now)).updates).toMatchObject([
      { id: "a", _removed: true },
      { id: "b" },
    ]);
  });

  test("B 18: what a client posts and does not match disappears where it came from", async () => {
    const { client } = await serveResources(stage, OPEN);
    const { now } = await client.get();
    await client.post([{ id: A, done: true }, { id: B }]);
    const { updates } = await client.get(now);
    expect(updates).toMatchObject([{ id: A, _removed: true }, { id: B }]);
  });

  test("B 18: what left the filter while the server was not there disappears all the same", async () => {
    const file = sqliteFile();
    const open = () => serveResources(stage, OPEN, { store: new SqliteStore(file) });
    const first = await open();
    await first.sync.create({ id: "task:a" });
    await first.sync.create({ id: "task:b" });
    const { now } = await first.client.get();
    await first.sync.update({ id: "task:a", done: true });
    await first.sync.destroy("task:b");
    await first.sync.close();
    const second = await open();
    expect((await second.client.get(now)).updates).toEqual([
      { id: "a", _removed: true },
      { id: "b", _removed: true },
    ]);
  });

  test("B 18: a function filters as well, and what does not match cannot be written here", async () => {
    const filter = ({ owner }: { readonly owner?: unknown }) => owner === "ann";
    const resources = { "/anns": { namespace: "task", filter } };
    const { sync, client } = await serveResources(stage, resources);
    await sync.create({ id: "task:a", owner: "ann" });
    await sync.create({ id: "task:b", owner: "bob" });
    expect((await client.get()).updates).toMatchObject([{ id: "a" }]);
    const refused = await client.post([
      { id: "a", n: 1 },
      { id: "b", n: 1 },
    ]);
    expect(refused).toMatchObject({ httpStatus: 403, code: "forbidden" });
    expect(sync.get("task:a")).not.toHaveProperty("n");
  });
});

describe("who may do what", () => {
  const rules: Rules = {
    task: {
      read: (identity, { owner }) => identity === owner,
      create: (identity, { owner }) => identity === owner,
      update: (identity, { owner }) => identity === owner,
      properties: { secret: { read: false, write: false } },
    },
  };
  const authenticate = ({ headers }: { headers: { authorization?: string | undefined } }) => {
    if (headers.authorization === "broken") throw new Error("the database of users is down");
    if (headers.authorization !== undefined) return headers.authorization;
    throw new SyncError("unauthenticated", "say who you are");
  };
  const serve = async () => {
    const served = await serveResources(stage, TASKS, { rules }, { authenticate });
    const by = (Authorization: string) =>
      new SyncResourceClient(served.client.uri, { Authorization });
    return { ...served, ann: by("ann"), bob: by("bob"), broken: by("broken") };
  };

  test("each gets what the rules show them, and hears of nothing else, also when it changes or goes", async () => {
    const { sync, ann, bob } = await serve();
    await sync.create({ id: "task:a", owner: "ann", secret: 1 });
    await sync.create({ id: "task:b", owner: "bob" });
    const [anns, bobs] = await Promise.all([ann.get(), bob.get()]);
    expect(anns.updates).toEqual([{ id: "a", owner: "ann", _lastChange: expect.any(Number) }]);
    await sync.update({ id: "task:a", owner: "bob" });
    expect((await ann.get(anns.now)).updates).toEqual([{ id: "a", _removed: true }]);
    expect((await bob.get(bobs.now)).updates).toMatchObject([{ id: "a", owner: "bob" }]);
    const later = (await ann.get(anns.now)).now;
    await sync.destroy("task:b");
    expect((await ann.get(later)).updates).toEqual([]);
    expect((await bob.get(bobs.now)).updates).toContainEqual({ id: "b", _removed: true });
  });

  test("each writes what the rules let them, all of a POST or nothing", async () => {
    const { sync, ann, bob } = await serve();
    expect(await ann.post([{ id: "a", owner: "ann" }])).toMatchObject({ status: "ok" });
    expect(
      await bob.post([
        { id: "b", owner: "bob" },
        { id: "c", owner: "ann" },
      ]),
    ).toMatchObject({
      httpStatus: 403,
      code: "forbidden",
    });
    const refused = { httpStatus: 403, code: "forbidden" };
    expect(await bob.post([{ id: "a", n: 1 }])).toMatchObject(refused); // it is not for bob's eyes
    expect(await bob.post([{ id: "never", n: 1 }])).toMatchObject(refused);
    expect(await ann.post([{ id: "a", secret: 1 }])).toMatchObject({
      httpStatus: 403,
      code: "forbidden_field",
      property: "secret",
    });
    expect(await ann.post([{ id: "a", _removed: true }])).toMatchObject({ httpStatus: 403 });
    expect([...sync.allObjects().keys()]).toEqual(["task:a"]);
  });

  test("who cannot say who they are is told so, and why only if it was meant for them", async () => {
    const { sync, client, broken } = await serve();
    const told: unknown[] = [];
    sync.on("error", (error) => told.push(error.cause));
    expect(await client.post([])).toMatchObject({ httpStatus: 401, message: "say who you are" });
    const answer = await broken.post([]);
    expect(answer).toMatchObject({ httpStatus: 401, code: "unauthenticated" });
    expect(answer.message).not.toContain("database");
    expect(told).toEqual([new Error("the database of users is down")]);
  });
});

describe("bad input gets a clear answer, and changes nothing", () => {
  test.each<[what: string, items: unknown, status: number, code: string]>([
    ["no array", { id: A }, 400, "invalid_payload"],
    ["an entry that is no object", [[]], 400, "invalid_payload"],
    ["an entry that is null", [null], 400, "invalid_payload"],
    ["no id", [{ name: "a" }], 400, "invalid_id"],
    ["an id that is a number", [{ id: 1 }], 400, "invalid_id"],
    ["an empty id", [{ id: "" }], 400, "invalid_id"],
    ["an id of another namespace", [{ id: "project:1" }], 400, "invalid_id"],
    ["an id that is too long", [{ id: "x".repeat(300) }], 400, "invalid_id"],
    ["a _removed that is neither true nor false", [{ id: A, _removed: 1 }], 400, "invalid_payload"],
    ["a name that reaches a prototype", [{ id: A, constructor: 1 }], 400, "reserved_key"],
    [
      "more ids than one write has",
      [...Array(1_001).keys()].map((i) => ({ id: String(i) })),
      400,
      "limit_exceeded",
    ],
    ["a destroyed object", [{ id: "gone", n: 1 }], 410, "gone"],
  ])("%s", async (_what, items, status, code) => {
    const { sync, client } = await serveResources(stage);
    await client.post([{ id: "gone" }]);
    await client.post([{ id: "gone", _removed: true }]);
    const good = Array.isArray(items) ? [{ id: "good" }, ...(items as unknown[])] : items;
    expect(await client.post(good)).toMatchObject({
      httpStatus: status,
      status: "error",
      code,
      message: expect.any(String),
    });
    expect(sync.allObjects().size).toBe(0);
  });

  test("what is no request for this resource", async () => {
    const served = await serveResources(stage, TASKS, {}, { bodyBytesMax: 1_000 });
    const { sync, url, client } = served;
    sync.on("error", () => undefined); // a page of another origin
    const ask = async (path: string, init: RequestInit = {}) =>
      (await fetch(url + path, init)).status;
    expect(await ask("/tasks?since=x")).toBe(400);
    expect(await ask("/tasks?since=-1")).toBe(400);
    expect(await ask("/tasks?since=1.5")).toBe(400);
    expect(await ask("/tasks?since=%20")).toBe(400);
    expect(await ask("/tasks?since=0x10")).toBe(400);
    expect(await ask("/tasks?since=1e3")).toBe(400);
    expect(await ask("/tasks")).toBe(200);
    expect(await ask("/tasks", { method: "HEAD" })).toBe(200);
    expect(await ask("/tasks/1")).toBe(404);
    expect(await ask("/tasks", { method: "PUT" })).toBe(405);
    expect(await ask("/tasks", { method: "POST", body: "[]" })).toBe(415);
    const headers = { "Content-Type": "application/json", "Content-Encoding": "gzip" };
    expect(await ask("/tasks", { method: "POST", headers, body: gzipSync("[]") })).toBe(415);
    expect(await ask("/tasks", { headers: { Origin: "https://evil.org" } })).toBe(403);
    expect(await client.post([{ id: A, text: "x".repeat(2_000) }])).toMatchObject({
      httpStatus: 413,
      code: "too_large",
    });
    expect((await client.get(123_456_789)).reset).toBe(true);
  });

  test.each<[what: string, options: unknown, property: string]>([
    ["no resources", { resources: {} }, "resources"],
    ["an unknown option", { resources: TASKS, wrold: "x" }, "wrold"],
    [
      "a namespace with a colon",
      { resources: { "/a": { namespace: "a:" } } },
      `resources["/a"].namespace`,
    ],
    [
      "an unknown option of a resource",
      { resources: { "/a": { namespace: "a", x: 1 } } },
      `resources["/a"].x`,
    ],
    ["a size of 0", { resources: TASKS, bodyBytesMax: 0 }, "bodyBytesMax"],
  ])("an option that cannot be: %s", (_what, options, property) => {
    expect(() => persistenceSync(options as never)).toThrow(
      expect.objectContaining({ code: "bad_option", property }),
    );
  });
});

test("a property that is called as a mark of the protocol does not pass for one", async () => {
  const { sync, client } = await serveResources(stage);
  await sync.create({ id: "task:a", name: "a", _removed: true, _lastChange: 7 });
  const { now, updates } = await client.get();
  expect(updates).toEqual([{ id: "a", name: "a", _lastChange: now }]);
});

test("a body may be given as long as one likes to come", async () => {
  const { client } = await serveResources(stage, TASKS, {}, { bodyTimeoutMs: 2 ** 31 });
  const others = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await client.get();
  };
  const answer = await postInParts(client.uri, [`[{"id":`, `"${B}"}]`], others);
  expect(answer).toContain(`"status":"ok"`);
});

/** What is answered to a body that comes in two parts, the second once `meanwhile` is over. */
function postInParts(
  uri: string,
  [first, second]: readonly [string, string],
  meanwhile: () => Promise<unknown>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json" };
    const sent = request(uri, { method: "POST", headers }, (response) => {
      let said = "";
      response.on("data", (chunk) => (said += String(chunk)));
      response.on("end", () => resolve(said));
    });
    sent.on("error", reject);
    sent.write(first);
    meanwhile().then(() => sent.end(second), reject);
  });
}

test("ids may be those of the world, and dates and bytes are what persistence.js makes of them", async () => {
  const resources = { "/tasks": { namespace: "task", ids: "whole" as const } };
  const { sync, client } = await serveResources(stage, resources);
  const due = new Date(1_700_000_000_400);
  await sync.create({ id: "task:1", due, bytes: new Uint8Array([1, 2]) });
  const items = await client.items();
  expect(items["task:1"]).toMatchObject({ due: 1_700_000_000.4, bytes: "AQI=" });
  // It rounds to seconds what it has not changed.
  await client.post([{ id: "task:1", due: 1_700_000_000, bytes: "AQI=", n: 1 }]);
  expect(sync.get("task:1")).toEqual({ id: "task:1", due, bytes: new Uint8Array([1, 2]), n: 1 });
  await client.post([{ id: "task:1", due: 1_700_000_007 }]);
  expect(sync.get("task:1")).toMatchObject({ due: new Date(1_700_000_007_000) });
  expect(await client.post([{ id: "other:1" }])).toMatchObject({ code: "invalid_id" });
});

test("what is posted is what clients of object-sync see, and the other way round", async () => {
  const { url, client } = await serveResources(stage);
  const live = await stage.join(url);
  await client.post([{ id: A, name: "posted" }]);
  await live.save({ id: `task:${A}`, done: true });
  expect(await client.items()).toMatchObject({ [A]: { name: "posted", done: true } });
});

test("the example in docs/BRIDGES.md runs", async () => {
  const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  stage.afterwards(() => rmSync(folder, { recursive: true }));
  const file = writeExample("docs/BRIDGES.md", "bridge.mjs", folder);
  const server = await ServerProcess.start(file, /localhost:(\d+)/);
  stage.afterwards(() => server.kill());
  const [tasks, open] = ["taskUpdates", "openTasks"].map(
    (path) => new SyncResourceClient(`${urlOf(server.port)}/${path}`),
  );
  await tasks?.post([{ id: A, done: true }, { id: B }]);
  expect((await tasks?.get())?.updates).toHaveLength(2);
  expect((await open?.get())?.updates).toMatchObject([{ id: B }]);
});
