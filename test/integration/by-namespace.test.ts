import { afterEach, expect, test } from "@jest/globals";
import { explicit } from "../../client/explicit/index.ts";
import { resolveWith } from "../../client/conflicts/index.ts";
import { memoryStorage, SharedMemory } from "../../client/offline/memory.ts";
import {
  ObjectSync,
  type Conflict,
  type ObjectSyncLike,
  type ObjectSyncOptions,
  type SyncError,
} from "../../client/index.ts";
import { byNamespace } from "../../client/plugins/by-namespace/index.ts";
import { Leases } from "../../client/plugins/leases/index.ts";
import { eventually } from "../support/eventually.ts";
import type { ObjectSyncServer } from "../../server/index.ts";
import { leases } from "../../server/plugins/leases/index.ts";
import { recordEvents, Stage, TAPPED, viewOf } from "../support/stage.ts";

/** A page of which one part is live, and another goes to the server when it is told to. */

const stage = new Stage();
afterEach(() => stage.clear());

interface Models {
  readonly player: { readonly x: number };
  readonly note: { readonly text: string; readonly stars?: number };
}

interface Page {
  readonly live: ObjectSync<Models>;
  readonly notes: ObjectSync<Models>;
  readonly sync: ObjectSyncLike<Models>;
}

const coded = (code: string): unknown => expect.objectContaining({ code });

function page(url: string, ofNotes: ObjectSyncOptions = {}, ofLive: ObjectSyncOptions = {}): Page {
  const live = stage.client(url, { subscribe: [{ namespace: "player" }], ...ofLive });
  const subscribe = [{ namespace: "note" }];
  const notes = stage.client(url, { live: explicit, subscribe, ...ofNotes });
  const typed = { live, notes } as unknown as Pick<Page, "live" | "notes">;
  const { live: first, notes: note } = typed;
  return { ...typed, sync: byNamespace(first, { note }) };
}

/** A page of which both parts have an object. */
async function scene(): Promise<Page & { readonly server: ObjectSyncServer }> {
  const { sync: server, url } = await stage.serve({ conflicts: "detect" });
  const one = page(url);
  await one.sync.create({ id: "player:1", x: 0 });
  void one.sync.create({ id: "note:1", text: "both know this" });
  await one.sync.sync();
  return { server, ...one };
}

test("one part is live, and the other waits on this device until it is told to go", async () => {
  const { sync: server, url } = await stage.serve();
  const { sync } = page(url);
  await sync.whenSynced();
  const note = sync.create({ id: "note:1", text: "x" });
  await sync.create({ id: "player:1", x: 1 });
  expect(Object.keys(viewOf(server))).toEqual(["player:1"]);
  expect([sync.status, sync.isConnected(), sync.isLive, sync.pending]).toEqual([
    "synced",
    true,
    true,
    1,
  ]);
  expect(sync.pendingOperations()).toEqual([expect.objectContaining({ id: "note:1" })]);
  expect(sync.get("note:1")).toEqual({ id: "note:1", text: "x" });
  expect(await sync.sync()).toMatchObject({ pushed: 1 });
  expect(await note).toBe(sync.get("note:1"));
  expect(viewOf(server)).toEqual(viewOf(sync));
  await server.create({ id: "note:2", text: "of others" });
  await server.update({ id: "player:1", x: 2 });
  await eventually(() => sync.get("player:1")?.x === 2);
  expect(sync.get("note:2")).toBeUndefined();
  await sync.pull();
  expect(viewOf(server)).toEqual(viewOf(sync));
});

test("what a client is shown of another's namespaces is neither seen nor told", async () => {
  const { sync: server, url } = await stage.serve();
  const everything = { subscribe: undefined };
  const { sync, live, notes } = page(url, everything, everything);
  const events = recordEvents(sync as never);
  await server.create({ id: "note:1", text: "new" });
  await server.create({ id: "player:1", x: 1 });
  await eventually(() => live.allObjects().size === 2);
  expect(events.filter((event) => event.endsWith("note:1"))).toEqual([]);
  expect([...sync.allObjects().keys()]).toEqual(["player:1"]);
  await sync.pull();
  expect(notes.allObjects().size).toBe(2);
  expect(events).toContain("add note:1");
  expect(events.filter((event) => event === "add player:1")).toHaveLength(1);
  const view = sync.allObjects();
  expect(view.size).toBe(2);
  expect([view.has("note:1"), view.has("note:2")]).toEqual([true, false]);
  expect(view.get("note:1")).toBe(notes.get("note:1"));
  expect([...view.values()]).toEqual([...view].map(([, object]) => object));
  const seen: unknown[] = [];
  view.forEach((object, id, all) => seen.push([id, object, all === view]));
  expect(seen).toEqual([...view.entries()].map(([id, object]) => [id, object, true]));
});

test("a page that was offline sends what is live at once, and the rest when it is told to", async () => {
  const { sync: server, port } = await stage.serve();
  const network = await stage.network(port);
  const { sync } = page(network.url, TAPPED, TAPPED);
  await sync.whenSynced();
  network.goDown();
  await eventually(() => !sync.isConnected());
  void sync.create({ id: "player:1", x: 1 });
  void sync.create({ id: "note:1", text: "on the train" });
  await expect(sync.sync()).rejects.toMatchObject({ retryable: true });
  expect(sync.pending).toBe(2);
  network.comeUp();
  await eventually(() => server.get("player:1"));
  expect(server.get("note:1")).toBeUndefined();
  expect(await sync.push()).toMatchObject({ pushed: 1 });
  expect(viewOf(server)).toEqual(viewOf(sync));
});

test("a conflict of the explicit part is decided while the live part goes on", async () => {
  const { sync: server, url } = await stage.serve({ conflicts: "detect" });
  const asked: { conflict: Conflict; decide: (text: string) => void }[] = [];
  const onConflict = resolveWith(
    (conflict) =>
      new Promise((resolve) => {
        const decide = (text: string): void => resolve({ id: conflict.id, text });
        asked.push({ conflict, decide });
      }),
  );
  const { sync } = page(url, { onConflict });
  await sync.create({ id: "player:1", x: 0 });
  const other = page(url).sync;
  void other.create({ id: "note:1", text: "base" });
  await other.sync();
  await sync.sync();
  void sync.update({ id: "note:1", text: "mine" });
  void other.update({ id: "note:1", text: "theirs" });
  await other.sync();
  const syncing = sync.sync();
  await eventually(() => asked.length === 1);
  await sync.update({ id: "player:1", x: 1 });
  await eventually(() => other.get("player:1")?.x === 1);
  expect(asked[0]?.conflict).toMatchObject({ mine: { text: "mine" }, theirs: { text: "theirs" } });
  asked[0]?.decide("mine and theirs");
  expect(await syncing).toMatchObject({ pushed: 1 });
  expect(server.get("note:1")).toMatchObject({ text: "mine and theirs" });
});

test("two tabs come to the same, and neither has the other's notes before both have synced", async () => {
  const { url, sync: server } = await stage.serve();
  const [a, b] = [page(url).sync, page(url).sync];
  await Promise.all([a.whenSynced(), b.whenSynced()]);
  void a.create({ id: "note:a", text: "a" });
  void b.create({ id: "note:b", text: "b" });
  await Promise.all([a.create({ id: "player:a", x: 1 }), b.create({ id: "player:b", x: 2 })]);
  await eventually(() => a.get("player:b") && b.get("player:a"));
  await Promise.all([a.sync(), b.sync()]);
  await Promise.all([a.sync(), b.sync()]);
  expect(viewOf(a)).toEqual(viewOf(b));
  expect(a.allObjects().size).toBe(4);
  expect(viewOf(server)).toEqual(viewOf(a));
});

test("with storages of their own, what has waited goes on waiting after a reload", async () => {
  const { sync: server, url } = await stage.serve();
  const memories = [new SharedMemory(), new SharedMemory()] as const;
  const open = (): Page =>
    page(
      url,
      { storage: memoryStorage(memories[0]) },
      { storage: memoryStorage(memories[1]), autoConnect: false },
    );
  const before = open().sync;
  const writes = [
    before.create({ id: "note:1", text: "later" }),
    before.create({ id: "player:1", x: 1 }),
  ];
  await Promise.all(writes.map((write) => write.reached("stored")));
  await before.close();
  const after = open().sync;
  await eventually(() => after.pending === 2);
  expect([...after.allObjects().keys()].sort()).toEqual(["note:1", "player:1"]);
  after.connect();
  await eventually(() => server.get("player:1"));
  await after.whenSynced();
  expect(Object.keys(viewOf(server))).toEqual(["player:1"]);
  await after.sync();
  expect(viewOf(server)).toEqual(viewOf(after));
});

test("a transaction is of the objects of one client", async () => {
  const { sync } = await scene();
  const rejected: string[] = [];
  sync.on("reject", ({ code }) => rejected.push(code));
  let fills = 0;
  const heard: unknown[] = [];
  const notes = sync.transaction(
    (tx) => {
      fills += 1;
      tx.update({ id: "note:1", stars: 1 });
      tx.create({ id: "note:2", text: "two" });
    },
    (error) => heard.push(error),
  );
  expect(sync.pending).toBe(1);
  await sync.sync();
  await notes;
  await sync.transaction((tx) => tx.update({ id: "player:1", x: 1 }));
  await sync.transaction(() => undefined);
  expect([fills, heard, rejected]).toEqual([1, [null], []]);

  const mixed = sync.transaction((tx) => {
    tx.update({ id: "note:1", stars: 2 });
    tx.update({ id: "player:1", x: 2 });
  });
  await expect(mixed).rejects.toMatchObject({ code: "invalid_payload", id: "player:1" });
  const thrown = sync.transaction((tx) => {
    tx.destroy("note:1");
    throw new Error("never mind");
  });
  await expect(thrown).rejects.toMatchObject({ code: "invalid_payload" });
  const asynchronous = sync.transaction((tx) => {
    tx.destroy("note:1");
    return Promise.resolve() as never;
  });
  await expect(asynchronous).rejects.toMatchObject({ code: "invalid_payload" });
  await expect(sync.transaction(() => undefined, 42 as never)).rejects.toBeDefined();
  expect(rejected).toEqual(Array(4).fill("invalid_payload"));
  expect(viewOf(sync)).toEqual({
    "player:1": { id: "player:1", x: 1 },
    "note:1": { id: "note:1", text: "both know this", stars: 1 },
    "note:2": { id: "note:2", text: "two" },
  });
  expect(sync.pending).toBe(0);
});

test("listeners hear of all parts, until they are taken away", async () => {
  const { sync, notes } = await scene();
  const heard: unknown[] = [];
  const listener = ({ id }: { readonly id: string }): void => void heard.push(id);
  const undo = sync.on("update", listener);
  sync.on("update", listener);
  sync.once("update", ({ id }) => heard.push(`once ${id}`));
  sync.object("note:1").on("update", ({ id }) => heard.push(`object ${id}`));
  sync.namespace("note").on("update", ({ text }) => heard.push(`namespace ${text}`));
  void sync.update({ id: "note:1", text: "a" });
  expect(heard).toEqual(["note:1", "note:1", "once note:1", "namespace a", "object note:1"]);
  heard.length = 0;
  undo();
  void sync.update({ id: "player:1", x: 1 });
  expect(heard).toEqual(["player:1"]);
  sync.off("update", listener);
  void sync.update({ id: "player:1", x: 2 });
  expect(heard).toEqual(["player:1"]);
  expect(() => sync.on("update", 42 as never)).toThrow(coded("invalid_payload"));

  sync.on("error", ({ code }) => heard.push(code));
  sync.on("update", () => {
    throw new Error("a bug");
  });
  void sync.update({ id: "note:1", text: "b" });
  expect(heard).toContain("handler_failed");
  await sync.sync();
  expect(notes.get("note:1")).toMatchObject({ text: "b" });
});

test("the connection is that of the live part", async () => {
  const { sync, notes } = await scene();
  const heard: unknown[] = [];
  sync.on("status", (status) => heard.push(status));
  sync.on("synced", () => heard.push("is synced"));
  sync.on("connect", () => heard.push("has connected"));
  sync.on("disconnect", () => heard.push("has disconnected"));
  await sync.sync();
  expect(heard).toEqual([]);
  sync.disconnect();
  expect([sync.status, sync.sessionId, sync.isConnected()]).toEqual(["offline", undefined, false]);
  sync.connect();
  await sync.whenSynced();
  await eventually(() => heard.at(-1) === "is synced");
  expect(new Set(heard)).toEqual(
    new Set([
      ...["offline", "has disconnected", "connecting", "has connected"],
      ...["syncing", "synced", "is synced"],
    ]),
  );
  expect(notes.status).toBe("offline");
  await sync.close();
  expect([sync.status, notes.status]).toEqual(["closed", "closed"]);
  await expect(sync.whenSynced()).rejects.toMatchObject({ code: "closed" });
});

test("objects of several parts are fetched at once", async () => {
  const { server, sync } = await scene();
  await server.create({ id: "note:2", text: "two" });
  const heard: unknown[] = [];
  sync.on("error", ({ code }) => heard.push(code));
  const fetched = sync.fetch(["note:2", "player:1", "player:2", "note:1"], (error, found) => {
    heard.push(error, found?.length);
    throw new Error("a bug");
  });
  const one = sync.fetch("note:2");
  expect(await sync.fetch("player:1")).toBe(sync.get("player:1"));
  await sync.sync();
  const ids = (await fetched).map((object) => object?.id);
  expect(ids).toEqual(["note:2", "player:1", undefined, "note:1"]);
  expect(await one).toBe(sync.get("note:2"));
  await eventually(() => heard.length === 3);
  expect(heard).toEqual([null, 4, "handler_failed"]);
  const wrong = sync.fetch(["note:2", "player:1"], 42 as never);
  await expect(wrong).rejects.toMatchObject({ code: "invalid_payload" });
});

test("what is subscribed to is shown by the client whose it is, and a query by all", async () => {
  const { sync: server, url } = await stage.serve();
  const { sync, live, notes } = page(url, { subscribe: [] }, { subscribe: [] });
  await sync.whenSynced();
  const players = sync.subscribe({ namespace: "player" });
  const note = sync.subscribe({ id: "note:1" });
  await server.create({ id: "note:1", text: "one", stars: 1 });
  await server.create({ id: "note:2", text: "two", stars: 2 });
  await server.create({ id: "player:1", x: 1 });
  await players.ready;
  await eventually(() => live.allObjects().size === 1);
  await sync.pull();
  await note.ready;
  expect([...notes.allObjects().keys()]).toEqual(["note:1"]);
  const bright = sync.subscribe({ query: { stars: { $gte: 2 } } });
  await sync.pull();
  await bright.ready;
  expect([...sync.allObjects().keys()].sort()).toEqual(["note:1", "note:2", "player:1"]);
  bright();
  await sync.pull();
  expect(sync.get("note:2")).toBeUndefined();
  const refused = sync.subscribe({ nonsense: 1 } as never);
  await expect(refused.ready).rejects.toMatchObject({ code: "invalid_query" });
});

test("parts that are not live are visited one after the other, and add up", async () => {
  const { sync: server, url } = await stage.serve({ conflicts: "detect" });
  const part = (namespace: string, auth?: string): ObjectSync =>
    stage.client(url, { live: explicit, subscribe: [{ namespace }], auth });
  const [first, second] = [part("a"), part("b")];
  const sync = byNamespace(first, { b: second, c: second });
  const order: string[] = [];
  first.on("status", (status) => order.push(`first ${status}`));
  second.on("status", (status) => order.push(`second ${status}`));
  void sync.create({ id: "a:1" });
  void sync.create({ id: "b:1" });
  void sync.transaction((tx) => {
    tx.create({ id: "b:2" });
    tx.create({ id: "c:1" });
  });
  const heard: unknown[] = [];
  await sync.sync((error, result) => heard.push(error, result?.pushed));
  await eventually(() => heard.length === 2);
  expect(heard).toEqual([null, 3]);
  expect(server.allObjects().size).toBe(4);
  expect(order.indexOf("first offline")).toBeLessThan(order.indexOf("second connecting"));
  expect(sync.status).toBe("offline");
  expect(() => sync.connect()).toThrow(coded("unsupported"));

  await server.create({ id: "a:2" });
  void sync.create({ id: "b:3" });
  await expect(sync.push()).rejects.toMatchObject({ code: "out_of_date" });
  expect(sync.pending).toBe(1);
  const undo = first.on("status", (status) => {
    if (status === "offline") sync.disconnect();
  });
  await expect(sync.sync()).rejects.toMatchObject({ code: "unavailable" });
  undo();
  expect(sync.get("a:2")).toBeDefined();
  expect(server.get("b:3")).toBeUndefined();
  sync.autoSync(5);
  await eventually(() => server.get("b:3"));
  sync.autoSync(0);
  await sync.repair();
  await sync.register();
  await sync.reset();
  expect(sync.allObjects().size).toBe(0);
});

test("whoever is signed out has left nothing in any part", async () => {
  const { sync, server } = await scene();
  const note = sync.create({ id: "note:2", text: "mine" });
  const failed = note.catch((error: unknown) => (error as SyncError).code);
  await sync.signOut();
  expect(await failed).toBe("signed_out");
  expect(viewOf(sync)).toEqual({});
  sync.setAuth("the next one");
  sync.connect();
  await sync.whenSynced();
  await sync.sync();
  expect(viewOf(sync)).toEqual(viewOf(server));
});

test("a lease is one of the live part, and a write under it of its objects", async () => {
  const { sync: server, url } = await stage.serve();
  server.use(leases());
  const { sync } = page(url);
  await sync.whenSynced();
  await sync.create({ id: "player:1", x: 0 });
  const lease = await new Leases(sync).lock("player:1");
  await lease.transaction((tx) => tx.update({ id: "player:1", x: 1 }));
  expect(server.get("player:1")).toMatchObject({ x: 1 });
  const note = lease.transaction((tx) => tx.create({ id: "note:1", text: "x" }));
  await expect(note).rejects.toMatchObject({ code: "invalid_payload", id: "note:1" });
  await lease.release();
});

test("of parts that are all live there is nothing to sync", async () => {
  const { url } = await stage.serve();
  const [one, other] = [stage.client(url), stage.client(url)];
  const sync = byNamespace(one, { note: other });
  await sync.whenSynced();
  other.disconnect();
  expect([sync.status, sync.isConnected()]).toEqual(["offline", false]);
  await expect(sync.sync()).rejects.toMatchObject({ code: "unsupported" });
  await expect(sync.reset()).rejects.toMatchObject({ code: "unsupported" });
  expect(() => sync.autoSync(5)).toThrow(coded("unsupported"));
  await expect(sync.sync(42 as never)).rejects.toMatchObject({ code: "invalid_payload" });
});

test("wrong arguments are told by name", () => {
  const [one, other] = [stage.client("http://localhost:1"), stage.client("http://localhost:1")];
  const joined = byNamespace(one, { note: other });
  const wrong: [property: string, first: unknown, clients: unknown][] = [
    ["first", undefined, {}],
    ["first", {}, {}],
    ["first", joined, {}],
    ["clients", one, undefined],
    ["clients", one, [other]],
    ["clients", one, other],
    ["", one, { "": other }],
    ["note:1", one, { "note:1": other }],
    ["note", one, { note: {} }],
    ["note", one, { note: undefined }],
    ["note", one, { note: joined }],
    ["note", one, { note: one }],
  ];
  for (const [property, first, clients] of wrong) {
    expect(() => byNamespace(first as ObjectSync, clients as never)).toThrow(
      expect.objectContaining({ code: "bad_option", property }),
    );
  }
});

test("what is wrong with a write is told as by a client, and nothing is thrown", async () => {
  const { sync } = await scene();
  const secret = {
    get id(): never {
      throw new Error("no");
    },
  };
  for (const wrong of [null, 42, [], { id: 42 }, { id: "" }, secret]) {
    await expect(sync.save(wrong as never)).rejects.toBeDefined();
    await expect(sync.update(wrong as never)).rejects.toBeDefined();
    await expect(sync.destroy(wrong as never)).rejects.toBeDefined();
  }
  const note = sync.get("note:1");
  await expect(sync.update(note as never)).rejects.toMatchObject({ code: "invalid_payload" });
  expect(sync.pending).toBe(0);
});

test("the types are those of the models", () => {
  const typed = (sync: ObjectSyncLike<Models>, client: ObjectSync<Models>): void => {
    const text: string | undefined = sync.get("note:1")?.text;
    // @ts-expect-error a player has no text
    void sync.update({ id: "player:1", text });
    // @ts-expect-error there is no such namespace
    sync.get("nope:1");
    // @ts-expect-error there is no such namespace here either
    byNamespace(client, { nope: client });
    const asked = (one: ObjectSyncLike<Models>): void => void one.get("note:1");
    asked(client);
  };
  expect(typed).toBeDefined();
});
