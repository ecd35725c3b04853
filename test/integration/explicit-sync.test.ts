import { afterEach, expect, test } from "@jest/globals";
import { explicit } from "../../client/explicit/index.ts";
import { memoryStorage, SharedMemory } from "../../client/offline/memory.ts";
import { SyncError } from "../../client/index.ts";
import type {
  ObjectSync,
  ObjectSyncOptions,
  SyncObject,
  SyncProgress,
} from "../../client/index.ts";
import { preferLocal, resolveWith } from "../../client/conflicts/index.ts";
import type { ServerOptions } from "../../server/index.ts";
import { persist } from "../../client/keeping/persist.ts";
import { eventually } from "../support/eventually.ts";
import { HeldStorage } from "../support/held-storage.ts";
import { next, Stage, TAPPED, viewOf, type Served } from "../support/stage.ts";

/** Clients that go to their server when they are told to, and leave it again. */

const DRAFTS = { draft: { sync: false } } as const;
const stage = new Stage();
afterEach(() => stage.clear());

interface Scene extends Served {
  readonly a: ObjectSync;
  readonly b: ObjectSync;
}

const EXPLICIT = { live: explicit } as const;

async function scene(options: ObjectSyncOptions = {}, server: ServerOptions = {}): Promise<Scene> {
  const served = await stage.serve({ conflicts: "detect", ...server });
  const a = stage.client(served.url, { ...EXPLICIT, ...options });
  const b = stage.client(served.url, { ...EXPLICIT, ...options });
  await a.create({ id: "task:0", title: "both know this", done: false }).reached("local");
  await a.sync();
  await b.sync();
  return { ...served, a, b };
}

test("nothing is sent or heard until it is asked for", async () => {
  const { sync, a, b } = await scene();
  void a.create({ id: "task:1", title: "milk" });
  await sync.create({ id: "task:2", title: "tea" });
  expect(a.status).toBe("offline");
  expect(sync.get("task:1")).toBeUndefined();
  expect(await a.pull()).toEqual({ pulled: 1, pushed: 0 });
  expect(a.get("task:2")).toMatchObject({ title: "tea" });
  expect(sync.get("task:1")).toBeUndefined();
  expect(await a.push()).toMatchObject({ pushed: 1 });
  expect(sync.get("task:1")).toMatchObject({ title: "milk" });
  expect(b.get("task:1")).toBeUndefined();
  await b.sync();
  expect(viewOf(b)).toEqual(viewOf(a));
  expect(a.status).toBe("offline");
});

test("a push is refused as out_of_date while there is anything unpulled, and nothing of it is saved", async () => {
  const { sync, a, b } = await scene();
  void b.update({ id: "task:0", done: true });
  await b.push();
  const write = a.create({ id: "task:1" });
  await expect(a.push()).rejects.toMatchObject({ code: "out_of_date", retryable: false });
  expect(sync.get("task:1")).toBeUndefined();
  expect(a.get("task:0")).toMatchObject({ done: false });
  expect(a.pending).toBe(1);
  await a.pull();
  await a.push();
  await write;
  expect(sync.get("task:1")).toBeDefined();
});

test("what is hidden in an object refuses no push", async () => {
  const properties = { secret: { read: false } };
  const rules = { "*": { read: true, create: true, update: true, properties } };
  const { sync, a } = await scene({}, { rules });
  await sync.update({ id: "task:0", secret: 7 });
  void a.create({ id: "task:1" });
  expect(await a.push()).toMatchObject({ pushed: 1 });
  await sync.update({ id: "task:0", title: "anew" });
  void a.create({ id: "task:2" });
  await expect(a.push()).rejects.toMatchObject({ code: "out_of_date" });
});

/** Who sees an object, and what of it, is in properties that nobody may read. */
const HIDING = {
  rules: {
    "*": {
      read: (_user: unknown, object: SyncObject) => object["isSecret"] !== true,
      create: true,
      update: true,
      properties: {
        isSecret: { read: false },
        count: { read: false },
        note: { read: (_user: unknown, object: SyncObject) => object["isTold"] === true },
        isTold: { read: false },
        room: { read: false },
      },
    },
  },
  channels: (object: SyncObject) => object["room"] as string | undefined,
};

test("what comes into sight because something hidden has changed refuses a push, and what else is hidden does not", async () => {
  const { sync, url } = await stage.serve(HIDING);
  await sync.create({ id: "task:1", isSecret: true });
  await sync.create({ id: "task:2", note: "for few" });
  await sync.create({ id: "note:3", room: "attic" });
  const a = stage.client(url, EXPLICIT);
  const b = stage.client(url, { ...EXPLICIT, subscribe: [{ channel: "kitchen" }] });
  await a.pull();
  await b.pull();
  let n = 0;
  const push = async (client: ObjectSync): Promise<unknown> => {
    void client.create({ id: `own:${++n}` });
    const error = await client.push().catch((cause: unknown) => cause);
    if (!(error instanceof SyncError)) return undefined;
    expect(client.pending).toBe(1);
    await client.sync();
    return error.code;
  };
  await sync.update({ id: "task:1", count: 1 });
  await sync.update({ id: "task:2", count: 1, isTold: false });
  await sync.update({ id: "task:2", isTold: true });
  await sync.update({ id: "task:2", isTold: undefined, note: "for nobody yet" });
  expect(await push(a)).toBeUndefined();
  await sync.update({ id: "task:1", isSecret: undefined });
  expect(await push(a)).toBe("out_of_date");
  expect(a.get("task:1")).toEqual({ id: "task:1" });
  await sync.update({ id: "task:2", isTold: true });
  expect(await push(a)).toBe("out_of_date");
  expect(a.get("task:2")).toEqual({ id: "task:2", note: "for nobody yet" });
  await sync.update({ id: "task:2", isTold: false });
  expect(await push(a)).toBe("out_of_date");
  expect(a.get("task:2")).toEqual({ id: "task:2" });
  await sync.update({ id: "note:3", room: "cellar" });
  expect([await push(a), await push(b)]).toEqual([undefined, undefined]);
  await sync.update({ id: "note:3", room: "hall" });
  await sync.update({ id: "note:3", room: "kitchen" });
  expect([await push(b), b.get("note:3")]).toEqual(["out_of_date", { id: "note:3" }]);
});

test("what comes into sight while a push is under way refuses the rest of it", async () => {
  const { sync, url } = await stage.serve(HIDING);
  await sync.create({ id: "task:1", isSecret: true });
  const a = stage.client(url, EXPLICIT);
  await a.pull();
  for (let i = 0; i < 3_000; i++) void a.create({ id: `own:${i}` });
  let accepted = 0;
  sync.on("create", () => {
    if (++accepted === 100) void sync.update({ id: "task:1", isSecret: false });
  });
  await expect(a.push()).rejects.toMatchObject({ code: "out_of_date" });
  expect(a.pending).toBeGreaterThan(0);
  await a.sync();
  expect([a.pending, a.get("task:1")]).toEqual([0, { id: "task:1" }]);
});

test("where it is forgotten what was hidden, a push is refused whatever has changed", async () => {
  const { sync, url } = await stage.serve({ ...HIDING, limits: { formerBytesMax: 500 } });
  await sync.create({ id: "task:1", isSecret: true });
  const a = stage.client(url, EXPLICIT);
  await a.pull();
  for (let i = 0; i < 4; i++) await sync.update({ id: "task:1", count: i });
  void a.create({ id: "own:1" });
  expect(await a.push()).toMatchObject({ pushed: 1 });
  for (let i = 0; i < 40; i++) await sync.update({ id: "task:1", count: i });
  void a.create({ id: "own:2" });
  await expect(a.push()).rejects.toMatchObject({ code: "out_of_date" });
  expect(await a.pull()).toMatchObject({ pushed: 0 });
  expect(await a.push()).toMatchObject({ pushed: 1 });
});

test("what others write while a push is under way refuses the rest of it, and nothing is lost or doubled", async () => {
  const { sync, a } = await scene();
  const writes = Array.from({ length: 3_000 }, (_, i) => a.create({ id: `task:a${i}`, i }));
  let accepted = 0;
  const other = new Promise<void>((resolve) => {
    sync.on("create", ({ id }) => {
      if (!id.startsWith("task:a") || ++accepted !== 100) return;
      void sync.create({ id: "task:other" }).then(() => resolve());
    });
  });
  const pushed = a.push().catch((error: unknown) => error);
  await other;
  expect(await pushed).toMatchObject({ code: "out_of_date" });
  const there = sync.allObjects().size;
  expect(there).toBeLessThan(3_002);
  await a.sync();
  await Promise.all(writes);
  expect(sync.allObjects().size).toBe(3_002);
});

test("what a client has pushed itself is nothing that it must pull", async () => {
  const { a } = await scene();
  for (let i = 0; i < 3; i++) {
    void a.create({ id: `task:n${i}` });
    expect(await a.push()).toMatchObject({ pushed: 1 });
  }
  expect(await a.pull()).toEqual({ pulled: 0, pushed: 0 });
});

test("what a client may not see, or does not ask for, need not be pulled", async () => {
  const { sync, url } = await stage.serve({
    rules: { secret: { read: false }, "*": { read: true, create: true } },
  });
  const a = stage.client(url, EXPLICIT);
  const b = stage.client(url, { ...EXPLICIT, subscribe: [{ namespace: "task" }] });
  await a.pull();
  await b.pull();
  await sync.create({ id: "secret:1" });
  void a.create({ id: "task:1" });
  await a.push();
  await b.pull();
  await sync.create({ id: "note:1" });
  void b.create({ id: "task:2" });
  await b.push();
  expect(sync.get("task:2")).toBeDefined();
});

test("a sync that fails tells why, and the next one does it all", async () => {
  const { sync, port } = await stage.serve();
  const network = await stage.network(port);
  const a = stage.client(network.url, { ...EXPLICIT, ...TAPPED });
  const write = a.create({ id: "task:1" });
  network.goDown();
  await expect(a.sync()).rejects.toMatchObject({ retryable: true });
  expect(a.status).toBe("offline");
  network.comeUp();
  expect(await a.sync()).toMatchObject({ pushed: 1 });
  await write;
  expect(sync.get("task:1")).toBeDefined();
});

test("several calls at once are done one after the other", async () => {
  const { a, b } = await scene();
  void a.create({ id: "task:1" });
  void b.create({ id: "task:2" });
  await Promise.all([a.sync(), b.sync(), a.sync(), b.sync(), a.pull()]);
  await b.pull();
  expect(viewOf(a)).toEqual(viewOf(b));
});

test("explicit and live clients work in the same world at once", async () => {
  const { url, a } = await scene();
  const live = await stage.join(url);
  void a.create({ id: "task:1", by: "a" });
  await live.create({ id: "task:2", by: "live" });
  await a.sync();
  await eventually(() => live.get("task:1"));
  expect(viewOf(a)).toEqual(viewOf(live));
});

test("a person may take their time over a conflict in the middle of a sync", async () => {
  const { sync, url } = await stage.serve({ conflicts: "detect" });
  const decide: (() => void)[] = [];
  const a = stage.client(url, {
    ...EXPLICIT,
    onConflict: resolveWith(async (conflict) => {
      await new Promise<void>((resolve) => decide.push(resolve));
      return preferLocal(conflict);
    }),
  });
  await sync.create({ id: "task:1", title: "tea" });
  await a.pull();
  void a.update({ id: "task:1", title: "mine" });
  await sync.update({ id: "task:1", title: "theirs" });
  const syncing = a.sync();
  await eventually(() => decide.length === 1);
  decide[0]?.();
  expect(await syncing).toMatchObject({ pushed: 1 });
  expect(sync.get("task:1")).toMatchObject({ title: "mine" });
});

test.each(["repair", "reset"] as const)(
  "no sync waits for what is asked about a write that %s has given up",
  async (giveUp) => {
    const { sync, url } = await stage.serve({ conflicts: "detect" });
    const decide: ((resolution: undefined) => void)[] = [];
    const onConflict = resolveWith(() => new Promise((resolve) => decide.push(resolve)));
    const a = stage.client(url, { ...EXPLICIT, onConflict });
    await sync.create({ id: "task:1", title: "tea" });
    await a.pull();
    const write = a.update({ id: "task:1", title: "mine" }).catch((error: unknown) => error);
    await sync.update({ id: "task:1", title: "theirs" });
    const syncing = a.sync().catch((error: unknown) => error);
    await eventually(() => decide.length === 1);
    a.disconnect();
    expect(await syncing).toMatchObject({ code: "unavailable" });
    await a[giveUp]();
    expect(await write).toMatchObject({ code: "discarded" });
    await a.sync();
    decide[0]?.(undefined);
    void a.update({ id: "task:1", title: "next" });
    expect(await a.sync()).toMatchObject({ pushed: 1 });
    expect(sync.get("task:1")).toMatchObject({ title: "next" });
  },
);

test("a push is out of date when what is subscribed to has not been pulled", async () => {
  const { sync, url } = await stage.serve();
  await sync.create({ id: "task:1" });
  await sync.create({ id: "note:1" });
  const a = stage.client(url, { ...EXPLICIT, subscribe: [{ namespace: "task" }] });
  await a.pull();
  void a.create({ id: "task:2" });
  a.subscribe({ namespace: "note" });
  await expect(a.push()).rejects.toMatchObject({ code: "out_of_date" });
  expect(sync.get("task:2")).toBeUndefined();
  await a.pull();
  expect(a.get("note:1")).toBeDefined();
  expect(await a.push()).toMatchObject({ pushed: 1 });
});

test("a push is not out of date for what was subscribed to while it was pulled, and is shown", async () => {
  const { sync, url } = await stage.serve();
  await sync.create({ id: "note:1" });
  const a = stage.client(url, { ...EXPLICIT, subscribe: [{ namespace: "task" }] });
  a.once("connect", () => void a.subscribe({ namespace: "note" }));
  await a.pull();
  expect(a.get("note:1")).toBeDefined();
  void a.create({ id: "task:1" });
  expect(await a.push()).toMatchObject({ pushed: 1 });
});

test("who asks for a push that is out of date hears so when the call has returned", async () => {
  const { url } = await stage.serve();
  const a = stage.client(url, { ...EXPLICIT, subscribe: [] });
  await a.pull();
  a.subscribe({ namespace: "note" });
  const told: unknown[] = [];
  const pushing = a.push((error) => told.push(error?.code));
  told.push("returned");
  await expect(pushing).rejects.toMatchObject({ code: "out_of_date" });
  expect(told).toEqual(["returned", "out_of_date"]);
});

test("a sync waits for what is asked about when it has seen all that is new", async () => {
  const memory = new SharedMemory();
  const former = await stage.serve({ conflicts: "detect" });
  const options = { ...EXPLICIT, storage: memoryStorage(memory) };
  await former.sync.create({ id: "task:1", title: "tea" });
  const failing = resolveWith(() => Promise.reject(new Error("not yet")));
  const a = stage.client(former.url, { ...options, onConflict: failing });
  await a.pull();
  void a.update({ id: "task:1", title: "mine" }).catch(() => undefined);
  await former.sync.update({ id: "task:1", title: "theirs" });
  const failed = new Promise((resolve) => a.on("error", resolve));
  await a.sync();
  await failed;
  await a.close();

  const { sync, url } = await stage.serve({ conflicts: "detect" });
  await sync.create({ id: "task:1", title: "another's" });
  let calls = 0;
  const later = resolveWith(async ({ mine }) => {
    if (calls++ === 0) throw new Error("not before its server has been heard");
    await sync.create({ id: "task:2" }); // takes a while
    return mine;
  });
  const b = stage.client(url, { ...options, onConflict: later });
  await new Promise((resolve) => b.on("error", resolve));
  await b.sync();
  expect(calls).toBe(2);
  expect(b.pending).toBe(0);
  expect(sync.get("task:1")).toMatchObject({ title: "mine" });
});

test("autoSync syncs again and again, and another interval takes its place", async () => {
  const { sync, a } = await scene();
  a.autoSync(3_600_000);
  a.autoSync(5);
  await sync.create({ id: "task:1" });
  await eventually(() => a.get("task:1"));
  a.autoSync(0);
});

test("autoSync waits as long as it is told, also where that is longer than a timer can", async () => {
  const { sync, a } = await scene();
  let visits = 0;
  sync.on("connect", () => (visits += 1));
  a.autoSync(2 ** 31);
  await a.sync(); // by then it would have gone by itself
  await a.sync();
  expect(visits).toBe(2);
  a.autoSync(0);
});

test.each(["reset", "signOut"] as const)(
  "autoSync ends with %s, and not with a visit that is ended",
  async (end) => {
    const authenticate = ({ auth }: { auth: unknown }): unknown => auth;
    const { sync, url } = await stage.serve({ authenticate });
    const came: unknown[] = [];
    sync.on("connect", ({ identity }) => came.push(identity));
    const a = stage.client(url, { ...EXPLICIT, auth: "ann" });
    a.autoSync(1);
    await eventually(() => came.length > 0);
    a.disconnect();
    const before = came.length;
    await eventually(() => came.length > before);
    await a[end]();
    const b = stage.client(url, { ...EXPLICIT, auth: "bob" });
    await b.sync(); // by then the server has heard of what was under way
    came.length = 0;
    for (let i = 0; i < 5; i++) await b.sync();
    expect(new Set(came)).toEqual(new Set(["bob"]));
  },
);

test("progress is told, first what is pulled and then what is pushed", async () => {
  const { sync, a } = await scene();
  const heard: SyncProgress[] = [];
  a.on("progress", (progress) => heard.push(progress));
  await sync.create({ id: "task:1" });
  void a.create({ id: "task:2" });
  await a.sync();
  expect(heard[0]).toEqual({ phase: "pull", pulled: 1, pushed: 0, pending: 1 });
  expect(heard.at(-1)).toMatchObject({ phase: "push", pushed: 1, pending: 0 });
});

test("of a long pull it is told how far it is, and it can be ended there, before anything shows", async () => {
  const { sync, url } = await stage.serve();
  for (const part of ["a", "b", "c", "d"])
    await sync.transaction((tx) => {
      for (let n = 0; n < 1_000; n++)
        tx.create({ id: `task:${part}${String(n)}`, text: "x".repeat(80) });
    });
  await sync.create({ id: "log:1" });
  const a = stage.client(url, { ...EXPLICIT, namespaces: { log: { sync: "push" } } });
  const seen: number[] = [];
  a.once("progress", () => {
    seen.push(a.allObjects().size);
    a.disconnect();
  });
  await expect(a.pull()).rejects.toMatchObject({ code: "unavailable" });
  const heard: number[] = [];
  a.on("progress", ({ phase, pulled }) => {
    if (phase === "pull") heard.push(pulled);
  });
  expect(await a.pull()).toEqual({ pulled: 4_000, pushed: 0 });
  expect(seen).toEqual([0]);
  expect(heard.length).toBeGreaterThan(2);
  expect(heard).toEqual([...heard].sort((one, other) => one - other));
  expect(a.allObjects().size).toBe(4_000);
});

test("what was told of a long pull comes to what it resolves with, also where all of it is left aside", async () => {
  const { sync, url } = await stage.serve({ limits: { pageBytes: 1_000 } });
  for (let n = 0; n < 100; n++) await sync.create({ id: `log:${String(n)}`, text: "x".repeat(80) });
  const a = stage.client(url, { ...EXPLICIT, namespaces: { log: { sync: "push" } } });
  const heard: number[] = [];
  a.on("progress", ({ pulled }) => heard.push(pulled));
  expect(await a.pull()).toEqual({ pulled: 0, pushed: 0 });
  expect(heard.length).toBeGreaterThan(1);
  expect(heard.at(-1)).toBe(0);
});

test("repair gives up what was not pushed, and takes what the server has", async () => {
  const { sync, a } = await scene();
  const write = a.update({ id: "task:0", title: "wrong" });
  const error = write.catch((cause: unknown) => cause as SyncError);
  await a.repair();
  expect(await error).toMatchObject({ code: "discarded" });
  expect(viewOf(a)).toEqual(viewOf(sync));
  void a.update({ id: "task:0", title: "right" });
  expect(await a.push()).toMatchObject({ pushed: 1 });
});

test("repair gives up what an earlier client has left, also before the storage has told of it", async () => {
  const memory = new SharedMemory();
  const { sync, url } = await stage.serve({ conflicts: "detect" });
  await sync.create({ id: "task:0", title: "the server's" });
  const options = { ...EXPLICIT, namespaces: DRAFTS };
  const former = stage.client(url, { ...options, storage: memoryStorage(memory) });
  await former.sync();
  await former.update({ id: "task:0", title: "wrong" }).reached("stored");
  await former.create({ id: "draft:1" });
  await former.close();

  const a = stage.client(url, { ...options, storage: memoryStorage(memory) });
  const rejected: string[] = [];
  a.on("reject", ({ code }) => rejected.push(code));
  await a.repair();
  expect(rejected).toEqual(["discarded"]);
  expect(a.pending).toBe(0);
  expect(viewOf(a)).toEqual({ ...viewOf(sync), "draft:1": { id: "draft:1" } });
  void a.create({ id: "task:1" });
  expect(await a.push()).toMatchObject({ pushed: 1 });
  expect(sync.get("task:0")).toMatchObject({ title: "the server's" });
});

test("repair tells of what it has given up when no end of the process brings it back", async () => {
  const memory = new SharedMemory();
  const held = new HeldStorage(memory);
  stage.afterwards(() => held.release());
  const { sync, url } = await stage.serve();
  const a = stage.client(url, { ...EXPLICIT, storage: persist(() => held) });
  const isKept = (): boolean => JSON.stringify([...memory.entries]).includes("secret");
  const told: unknown[] = [];
  const write = a.create({ id: "a", text: "secret" }, (error) => {
    told.push(error?.code, isKept());
  });
  write.catch(() => undefined);
  await write.reached("stored");
  held.hold();
  await a.repair();
  const before = [isKept(), a.pending, a.get("a"), told.length];
  held.release();
  await eventually(() => told.length > 0);
  expect(before).toEqual([true, 0, undefined, 0]);
  expect(told).toEqual(["discarded", false]);
  await a.push();
  expect(viewOf(sync)).toEqual({});
});

test("a repair that is called off before the storage has told of anything gives up nothing", async () => {
  const memory = new SharedMemory();
  const { sync, url } = await stage.serve();
  const former = stage.client(url, { ...EXPLICIT, storage: memoryStorage(memory) });
  await former.create({ id: "task:1" }).reached("stored");
  await former.close();
  const a = stage.client(url, { ...EXPLICIT, storage: memoryStorage(memory) });
  const repair = a.repair();
  a.disconnect();
  await expect(repair).rejects.toMatchObject({ code: "unavailable" });
  await a.sync();
  expect(sync.get("task:1")).toBeDefined();
});

test("what an earlier client has left is pushed as little as it comes to, also before the storage has told of it", async () => {
  const memory = new SharedMemory();
  const { sync, url } = await stage.serve();
  const former = stage.client(url, { ...EXPLICIT, storage: memoryStorage(memory) });
  void former.create({ id: "task:1", n: 0 });
  for (let n = 1; n < 10; n++) void former.update({ id: "task:1", n });
  void former.create({ id: "task:2" });
  await former.destroy("task:2").reached("stored");
  await former.close();
  const a = stage.client(url, { ...EXPLICIT, storage: memoryStorage(memory) });
  expect(await a.push()).toMatchObject({ pushed: 1 });
  expect(viewOf(sync)).toEqual({ "task:1": { id: "task:1", n: 9 } });
});

test("what two clients have left is still there when the next one could not push it", async () => {
  const { sync, url, port } = await stage.serve();
  const storage = memoryStorage(new SharedMemory());
  const tabs = ["a", "b"].map((name) => ({
    name,
    tab: stage.client(url, { ...EXPLICIT, storage }),
  }));
  for (const { name, tab } of tabs)
    for (const n of [1, 2, 3])
      await tab.create({ id: `task:${name}${String(n)}` }).reached("stored");
  await Promise.all(tabs.map(({ tab }) => tab.close()));
  await sync.close();
  const one = stage.client(url, { ...EXPLICIT, storage });
  await expect(one.push()).rejects.toMatchObject({ code: "unavailable" });
  await one.close();
  const { sync: again } = await stage.serve({}, port);
  const next = stage.client(url, { ...EXPLICIT, storage });
  expect(await next.push()).toEqual({ pulled: 0, pushed: 6 });
  expect(again.allObjects().size).toBe(6);
});

test("a pull is over also when what was fetched is answered before the view is whole", async () => {
  const { sync, url } = await stage.serve({ limits: { pageBytes: 1_000, pageBytesPerTurn: 1 } });
  for (let i = 0; i < 300; i++) void sync.create({ id: `task:${i}`, text: "x".repeat(100) });
  await sync.create({ id: "task:last" });
  const a = stage.client(url, EXPLICIT);
  const fetched = a.fetch("task:1");
  expect(await a.pull()).toMatchObject({ pulled: 301 });
  expect(await fetched).toMatchObject({ id: "task:1" });
});

test("a sync is over once, also when what others have left cannot be decided", async () => {
  const memory = new SharedMemory();
  const { sync, url } = await stage.serve({ conflicts: "detect" });
  const ids = ["task:1", "task:2"];
  for (const id of ids) await sync.create({ id, n: 0 });
  const undecided = {
    ...EXPLICIT,
    storage: memoryStorage(memory),
    onConflict: resolveWith(() => Promise.reject(new Error("not now"))),
  };
  const former = ids.map(() => stage.client(url, undecided));
  for (const one of former) await one.pull();
  for (const [i, id] of ids.entries()) await former[i]?.update({ id, n: 1 }).reached("stored");
  for (const id of ids) await sync.update({ id, n: 2 });
  for (const one of former) await one.sync();
  for (const one of former) await one.close();

  const first: { own?: string | undefined } = {};
  const next = stage.client(url, {
    ...undecided,
    onConflict: resolveWith(async ({ id }) => {
      await eventually(() => first.own);
      if (id !== first.own) throw new Error("not now");
      return undefined;
    }),
  });
  await eventually(() => next.pending === 1);
  first.own = next.pendingOperations()[0]?.id;
  await eventually(() => next.pending === 0);
  const heard: unknown[] = [];
  await next.sync((error) => heard.push(error));
  await next.pull();
  expect(heard).toEqual([null]);
});

test("a sync is over also when there is no room for who finishes what others have left", async () => {
  const memory = new SharedMemory();
  const { sync, url } = await stage.serve({
    authenticate: () => ({ id: "ann" }),
    limits: { sessionsPerIdentityMax: 1 },
  });
  const device = (): ObjectSync =>
    stage.client(url, { ...EXPLICIT, storage: memoryStorage(memory) });
  const former = [device(), device()];
  for (const [n, one] of former.entries()) {
    await one.sync();
    await one.create({ id: `task:${n}` }).reached("stored");
  }
  for (const one of former) await one.close();
  // As of clients that ended after they had sent it.
  for (const [key, text] of memory.entries)
    memory.entries.set(key, text.replace('"wasSent":false', '"wasSent":true'));

  const a = device();
  await a.sync();
  expect(sync.allObjects().size).toBe(1);
  await a.close();
  const b = device();
  await b.sync();
  expect([...sync.allObjects().keys()].sort()).toEqual(["task:0", "task:1"]);
});

test("what was made one stays in its order after a reload", async () => {
  const memory = new SharedMemory();
  const { sync, url } = await stage.serve();
  await sync.create({ id: "task:1" });
  await sync.create({ id: "task:2" });
  const a = stage.client(url, { ...EXPLICIT, storage: memoryStorage(memory) });
  await a.pull();
  void a.update({ id: "task:1", n: 1 });
  void a.update({ id: "task:2", n: 2 });
  await a.update({ id: "task:1", n: 3 }).reached("stored");
  await sync.create({ id: "task:3" });
  await expect(a.push()).rejects.toMatchObject({ code: "out_of_date" });
  const order = [
    { kind: "update", id: "task:1", changes: { n: 3 } },
    { kind: "update", id: "task:2", changes: { n: 2 } },
  ];
  expect(a.pendingOperations()).toEqual(order);
  await a.close();
  const again = stage.client(url, { ...EXPLICIT, storage: memoryStorage(memory) });
  await eventually(() => again.pending === 2);
  expect(again.pendingOperations()).toEqual(order);
  expect(await again.sync()).toMatchObject({ pushed: 2 });
});

test("what was made one is asked about also where it is not known upon what it was written", async () => {
  const asked: unknown[] = [];
  const { sync, a } = await scene({
    onConflict: resolveWith(({ collisions }) => {
      asked.push(collisions);
      return undefined;
    }),
  });
  await sync.create({ id: "task:1", title: "theirs" });
  // Nobody has shown it to this client yet.
  const writes = ["first", "second"].map((title) => a.update({ id: "task:1", title }));
  const failures = Promise.all(writes.map((write) => write.catch((error: unknown) => error)));
  await a.sync();
  expect(asked).toEqual([
    [{ id: "task:1", property: "title", base: undefined, mine: "second", theirs: "theirs" }],
  ]);
  expect(await failures).toMatchObject([{ code: "conflict" }, { code: "conflict" }]);
  expect(sync.get("task:1")).toMatchObject({ title: "theirs" });
});

test("what a server decides of writes that were given up is not taken for what was written since", async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const asked: string[] = [];
  const { sync, port } = await stage.serve({
    handlers: {
      create: async ({ id }) => {
        asked.push(String(id));
        if (id === "task:1") await held;
        if (id !== "task:3") return undefined;
        throw new SyncError("refused", "not this one");
      },
    },
  });
  const network = await stage.network(port);
  const a = stage.client(network.url, { ...EXPLICIT, ...TAPPED });
  const given = a.create({ id: "task:1" }).catch((error: unknown) => error);
  const syncing = a.sync().catch((error: unknown) => error);
  await eventually(() => asked.length === 1);
  network.goDown();
  await syncing;
  network.comeUp();
  await a.repair();
  expect(await given).toMatchObject({ code: "discarded" });
  const write = a.create({ id: "task:3" });
  const outcome = write.catch((error: unknown) => error);
  const again = a.sync();
  await write.reached("sent");
  release();
  await again;
  expect(await outcome).toMatchObject({ code: "refused" });
  expect(sync.get("task:3")).toBeUndefined();
});

test("reset leaves an empty client that can be used", async () => {
  const memory = new SharedMemory();
  const { sync, url } = await stage.serve();
  await sync.create({ id: "task:1" });
  const a = stage.client(url, { ...EXPLICIT, storage: memoryStorage(memory) });
  await a.pull();
  const write = a.create({ id: "task:2" });
  const error = write.catch((cause: unknown) => cause as SyncError);
  await a.reset();
  expect(await error).toMatchObject({ code: "discarded" });
  expect(a.allObjects().size).toBe(0);
  await a.close();
  const again = stage.client(url, { ...EXPLICIT, storage: memoryStorage(memory) });
  void again.create({ id: "task:3" });
  await again.sync();
  expect([...again.allObjects().keys()].sort()).toEqual(["task:1", "task:3"]);
});

test("register tells whether the server lets it in", async () => {
  const { url } = await stage.serve({
    authenticate: ({ auth }) => {
      if (auth !== "ann") throw new SyncError("unauthenticated", "who is that?");
      return "ann";
    },
  });
  const ann = stage.client(url, { ...EXPLICIT, auth: "ann" });
  const mallory = stage.client(url, { ...EXPLICIT, auth: "mallory" });
  await ann.register();
  await expect(mallory.register()).rejects.toMatchObject({ code: "unauthenticated" });
});

test("a client that is live has nothing to pull, and one that is not cannot stay connected", async () => {
  const { url, a } = await scene();
  const live = await stage.join(url);
  await expect(live.pull()).rejects.toMatchObject({ code: "unsupported" });
  await expect(live.sync()).rejects.toMatchObject({ code: "unsupported" });
  expect(() => live.autoSync(1_000)).toThrow(expect.objectContaining({ code: "unsupported" }));
  expect(() => a.connect()).toThrow(expect.objectContaining({ code: "unsupported" }));
  expect(() => a.autoSync(Number.NaN)).toThrow(expect.objectContaining({ code: "bad_option" }));
});

test("what is under way when the client is closed fails with closed", async () => {
  const { a } = await scene();
  const syncing = a.sync().catch((error: unknown) => error);
  const waiting = a.pull().catch((error: unknown) => error);
  await a.close();
  const closed = { code: "closed" };
  expect(await syncing).toMatchObject(closed);
  expect(await waiting).toMatchObject(closed);
  await expect(a.sync()).rejects.toMatchObject(closed);
  await expect(a.reset()).rejects.toMatchObject(closed);
  expect(() => a.autoSync(1)).toThrow(expect.objectContaining(closed));
});

test.each(["disconnect", "reset", "signOut", "close"] as const)(
  "who asks for the next visit when %s ends one is answered, and so are all after it",
  async (end) => {
    const { url } = await stage.serve();
    const a = stage.client(url, EXPLICIT);
    await a.sync();
    const heard: unknown[] = [];
    const ending = a.sync((error) => {
      heard.push(error?.code);
      void a.sync((next) => heard.push(next?.code ?? null));
    });
    await a[end]();
    await expect(ending).rejects.toBeInstanceOf(SyncError);
    await eventually(() => heard.length === 2);
    if (end !== "close") expect(await a.sync()).toEqual({ pulled: 0, pushed: 0 });
  },
);

/** Of a client that has nothing to do: it is offline, and goes to its server when it is told to. */
async function expectAtRest(client: ObjectSync): Promise<void> {
  expect(client.status).toBe("offline");
  expect(await client.sync()).toMatchObject({ pushed: 0 });
  expect(client.status).toBe("offline");
}

test.each(["disconnect", "reset"] as const)(
  "who hears of what a repair gives up may end it by %s, and goes nowhere",
  async (end) => {
    const { a } = await scene();
    void a.create({ id: "task:1" }).catch(() => undefined);
    a.on("reject", () => void a[end]());
    await expect(a.repair()).rejects.toBeInstanceOf(SyncError);
    await expectAtRest(a);
  },
);

test("who hears that a write comes to nothing may end the push that it was for, and goes nowhere", async () => {
  const { a } = await scene();
  void a.create({ id: "task:1" });
  void a.destroy("task:1", () => a.disconnect());
  await expect(a.push()).rejects.toMatchObject({ code: "unavailable" });
  await expectAtRest(a);
});

test("who hears how far a sync is may end it, and the next one is another", async () => {
  const { a } = await scene();
  void a.create({ id: "task:1" });
  const next: Promise<unknown>[] = [];
  a.on("progress", ({ pushed }) => {
    if (pushed === 0 || next.length > 0) return;
    a.disconnect();
    next.push(a.sync());
  });
  await expect(a.sync()).rejects.toMatchObject({ code: "unavailable" });
  expect(await next[0]).toMatchObject({ pushed: 0 });
  await expectAtRest(a);
});

test("a namespace that is not synced never leaves the device, and survives a reload", async () => {
  const memory = new SharedMemory();
  const { sync, url } = await stage.serve();
  const options = {
    ...EXPLICIT,
    namespaces: { draft: { sync: false } },
    storage: memoryStorage(memory),
  } as const;
  const a = stage.client(url, options);
  await a.pull();
  const draft = await a.create({ id: "draft:1", text: "dear", at: new Date(0) });
  await a.update({ id: "draft:1", text: "dear all" });
  await a.create({ id: "draft:2" });
  await a.destroy("draft:2");
  void a.create({ id: "task:1" });
  expect(await a.sync()).toMatchObject({ pushed: 1 });
  await sync.create({ id: "draft:3", text: "of somebody else" });
  await a.repair();
  expect([...sync.allObjects().keys()]).toEqual(["task:1", "draft:3"]);
  expect(a.get("draft:1")).toBe(draft);
  await a.close();
  const again = stage.client(url, options);
  await again.sync();
  expect(again.get("draft:1")).toEqual({ id: "draft:1", text: "dear all", at: new Date(0) });
  expect([...again.allObjects().keys()].sort()).toEqual(["draft:1", "task:1"]);
});

test("what never leaves the device is there again at once, whatever else its client has left", async () => {
  const store = new SharedMemory();
  const options = { ...EXPLICIT, namespaces: DRAFTS, storage: memoryStorage(store) };
  const first = await stage.serve();
  const [a, b] = [stage.client(first.url, options), stage.client(first.url, options)];
  await a.create({ id: "draft:a" });
  await b.create({ id: "draft:b" });
  await a.sync();
  await a.close();
  await first.sync.close();
  const second = await stage.serve({}, first.port); // another world, which counts anew
  let connections = 0;
  second.sync.on("connect", () => connections++);
  void b.create({ id: "task:b" });
  await b.sync();
  await b.close();
  const c = stage.client(second.url, options);
  await next(c, "restored");
  expect(c.get("draft:a")).toBeDefined();
  expect(c.get("draft:b")).toBeDefined();
  await c.sync();
  expect(connections).toBe(2);
  expect([...second.sync.allObjects().keys()]).toEqual(["task:b"]);
});

test("of two objects of one id that two clients have kept to themselves none is lost", async () => {
  const { url } = await stage.serve();
  const storage = memoryStorage(new SharedMemory());
  const options = { ...EXPLICIT, namespaces: DRAFTS, storage };
  const [a, b] = [stage.client(url, options), stage.client(url, options)];
  await a.create({ id: "draft:1", text: "dear ann" });
  await a.create({ id: "draft:2" });
  await b.create({ id: "draft:1", text: "dear bob" });
  await b.create({ id: "draft:3" });
  await Promise.all([a.close(), b.close()]);
  const c = stage.client(url, options);
  await next(c, "restored");
  const d = stage.client(url, options);
  await next(d, "restored");
  expect([...c.allObjects().keys()].sort()).toEqual(["draft:1", "draft:2", "draft:3"]);
  const texts = [c, d].map((client) => client.get("draft:1")?.["text"]);
  expect(texts.sort()).toEqual(["dear ann", "dear bob"]);
});

test("what a client has left of a user, and nobody goes on with, keeps no connection", async () => {
  const authenticate = ({ auth }: { auth: unknown }): unknown => ({ id: auth });
  const { sync, url } = await stage.serve({ authenticate });
  const connections = { begun: 0, ended: 0 };
  sync.on("connect", () => connections.begun++);
  sync.on("disconnect", () => connections.ended++);
  const storage = memoryStorage(new SharedMemory());
  const options = { auth: "ann", namespaces: DRAFTS, storage };
  const [a, b] = [stage.client(url, options), stage.client(url, options)];
  await Promise.all([next(a, "synced"), next(b, "synced")]);
  await a.create({ id: "draft:1", text: "one" });
  await b.create({ id: "draft:1", text: "another" });
  await Promise.all([a.close(), b.close()]);
  const c = stage.client(url, options);
  await eventually(() => connections.begun === 4 && connections.ended === 3);
  expect(c.isConnected()).toBe(true);
  expect(c.get("draft:1")).toBeDefined();
});

test("what is not synced is told of once, also when it is written over or forgotten before it is kept", async () => {
  const { url } = await stage.serve();
  const options = { storage: memoryStorage(new SharedMemory()), namespaces: DRAFTS };
  const a = stage.client(url, { ...EXPLICIT, ...options });
  await a.create({ id: "draft:1" });
  const told: string[] = [];
  const tell = (what: string) => (error: SyncError | null) => {
    told.push(`${what} ${error?.code ?? "ok"}`);
  };
  void a.update({ id: "draft:1", text: "dear" }, tell("first"));
  void a.destroy("draft:1", tell("end"));
  await a.create({ id: "draft:1" });
  expect(told).toEqual(["first ok", "end ok"]);
  void a.update({ id: "draft:1", text: "dear all" }, tell("last")).catch(() => undefined);
  await Promise.resolve(); // its storage is at it
  await a.reset();
  await a.create({ id: "draft:2" });
  expect(told).toEqual(["first ok", "end ok", "last discarded"]);
});

test("what is not synced fails as it would on a server", async () => {
  const { url } = await stage.serve();
  const a = stage.client(url, { ...EXPLICIT, namespaces: { draft: { sync: false } } });
  await a.create({ id: "draft:1" });
  await expect(a.create({ id: "draft:1" })).rejects.toMatchObject({ code: "exists" });
  await expect(a.update({ id: "draft:2", x: 1 })).rejects.toMatchObject({ code: "not_found" });
  const mixed = a.transaction((tx) => {
    tx.create({ id: "draft:3" });
    tx.create({ id: "task:1" });
  });
  await expect(mixed).rejects.toMatchObject({ code: "invalid_payload" });
  expect([...a.allObjects().keys()]).toEqual(["draft:1"]);
});

test("a namespace that is only pushed stays as it is here, and one that is only pulled is not written", async () => {
  const { sync, url } = await stage.serve();
  const namespaces = { log: { sync: "push" }, news: { sync: "pull" } } as const;
  const a = stage.client(url, { ...EXPLICIT, namespaces });
  const events: string[] = [];
  a.on("remove", (id) => events.push(id));
  await sync.create({ id: "log:theirs" });
  await sync.create({ id: "news:1" });
  void a.create({ id: "log:1", n: 1 });
  void a.update({ id: "log:1", n: 2 });
  await a.sync();
  await expect(a.update({ id: "news:1", x: 1 })).rejects.toMatchObject({ code: "forbidden" });
  await sync.update({ id: "log:1", n: 3 });
  await a.sync();
  expect(a.get("log:1")).toEqual({ id: "log:1", n: 2 });
  expect([...a.allObjects().keys()].sort()).toEqual(["log:1", "news:1"]);
  void a.update({ id: "log:1", n: 4 });
  await a.sync();
  expect(sync.get("log:1")).toMatchObject({ n: 4 });
  expect(events).toEqual([]);
});

test("what is only pushed stays here under the id that the server gave it", async () => {
  const { sync, url } = await stage.serve({
    handlers: { create: (object) => ({ ...object, id: `log:s${JSON.stringify(object["n"])}` }) },
  });
  const a = stage.client(url, { ...EXPLICIT, namespaces: { log: { sync: "push" } } });
  const write = a.create({ id: "log:1", n: 7 });
  await a.sync();
  expect(await write).toMatchObject({ id: "log:s7" });
  expect([...a.allObjects().keys()]).toEqual(["log:s7"]);
  void a.update({ id: "log:s7", n: 8 });
  await a.sync();
  expect(viewOf(a)).toEqual(viewOf(sync));
});

test.each([
  [{ task: { sync: "sometimes" } }],
  [{ task: true }],
  [{ task: null }],
  [{ "task:": { sync: false } }], // which would be said of no object
  [null],
])("the option namespaces cannot be %j", (namespaces) => {
  expect(() => stage.client("http://localhost", { namespaces: namespaces as never })).toThrow(
    expect.objectContaining({ code: "bad_option", property: "namespaces" }),
  );
});
