import { afterEach, expect, test } from "@jest/globals";
import { explicit } from "../../client/explicit/index.ts";
import { memoryStorage, SharedMemory } from "../../client/offline/memory.ts";
import type { ObjectSync, SyncError } from "../../client/index.ts";
import { eventually } from "../support/eventually.ts";
import { KeptStore } from "../support/kept-store.ts";
import { next, Stage, TAPPED, viewOf } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

const OFFLINE = { autoConnect: false };

/** What is in the storage when its client ends without a word: nobody holds any of it. */
function leftBy(memory: SharedMemory): SharedMemory {
  const left = new SharedMemory();
  for (const [key, value] of memory.entries) left.entries.set(key, value);
  return left;
}

/** A client of this storage that has taken in what was kept. */
async function opened(
  url: string,
  memory: SharedMemory,
  options: object = {},
): Promise<ObjectSync> {
  const client = stage.client(url, { storage: memoryStorage(memory), ...options });
  await next(client, "restored");
  return client;
}

const TREE = {
  id: "tree",
  planted: new Date(0),
  rings: Uint8Array.of(1, 2),
  deep: { $date: [null] },
};

test("an app opens with its data and its writes before the network does, and they happen once", async () => {
  const { sync, url } = await stage.serve();
  const memory = new SharedMemory();
  const first = await opened(url, memory);
  await first.whenSynced();
  await first.create(TREE);
  await sync.create({ id: "stone", weight: 1 });
  await eventually(() => first.get("stone") !== undefined);
  await first.close();

  const second = await opened(url, memory, OFFLINE);
  expect(viewOf(second)).toEqual({ tree: TREE, stone: { id: "stone", weight: 1 } });
  await second.update({ id: "stone", weight: 2, wet: true }).reached("stored");
  await second.create({ id: "leaf", count: 0 }).reached("stored");
  await second.update({ id: "leaf", count: 1 }).reached("stored");
  await second.update({ id: "stone", wet: undefined }).reached("stored");
  const left = leftBy(memory); // and it ends

  const added: string[] = [];
  const created: string[] = [];
  const third = stage.client(url, { storage: memoryStorage(left), ...OFFLINE });
  third.on("add", ({ id }) => added.push(id));
  third.on("create", ({ id }) => created.push(id));
  await next(third, "restored");
  const expected = {
    tree: TREE,
    stone: { id: "stone", weight: 2 },
    leaf: { id: "leaf", count: 1 },
  };
  expect(viewOf(third)).toEqual(expected);
  expect(added.sort()).toEqual(["leaf", "stone", "tree"]);
  expect(created).toEqual([]);
  expect(third.pending).toBe(4);

  const heard: unknown[] = [];
  sync.on("create", ({ id }) => heard.push(id));
  sync.on("update", ({ id }, changed) => heard.push([id, changed]));
  third.connect();
  await eventually(() => third.pending === 0);
  expect(viewOf(third)).toEqual(expected);
  expect(viewOf(sync)).toEqual(expected);
  expect(heard).toEqual([
    ["stone", { weight: 2, wet: true }],
    "leaf",
    ["leaf", { count: 1 }],
    ["stone", { wet: undefined }],
  ]);
});

test("a write that was sent and not answered before a crash is not made twice", async () => {
  const { sync, port } = await stage.serve();
  const network = await stage.network(port);
  const memory = new SharedMemory();
  const first = await opened(network.url, memory, TAPPED);
  await first.whenSynced();
  await first.create({ id: "tree", height: 1 });
  network.stopDelivering();
  const sent = first.update({ id: "tree", height: 2 });
  await eventually(() => sync.get("tree")?.["height"] === 2);
  expect(sent.stage).toBe("sent");
  const left = leftBy(memory);
  await sync.update({ id: "tree", height: 3 });

  const second = await opened(`http://localhost:${port}`, left);
  await eventually(() => second.pending === 0);
  expect(second.get("tree")).toEqual({ id: "tree", height: 3 });
  expect(sync.get("tree")).toEqual({ id: "tree", height: 3 });
});

test("two clients of one storage never send each other's writes, and the next finishes both", async () => {
  const { sync, url } = await stage.serve();
  const memory = new SharedMemory();
  const one = await opened(url, memory, OFFLINE);
  const two = await opened(url, memory, OFFLINE);
  await one.create({ id: "one" }).reached("stored");
  await two.create({ id: "two" }).reached("stored");
  expect(viewOf(two)).toEqual({ two: { id: "two" } });
  const left = leftBy(memory);

  const creates: string[] = [];
  sync.on("create", ({ id }) => creates.push(id));
  const next = await opened(url, left, OFFLINE);
  expect(viewOf(next)).toEqual({ one: { id: "one" }, two: { id: "two" } });
  next.connect();
  await eventually(() => next.pending === 0);
  expect(creates.sort()).toEqual(["one", "two"]);
});

test("what was sent by a client that has ended is asked for under its own name", async () => {
  const { sync, port } = await stage.serve();
  const network = await stage.network(port);
  const memory = new SharedMemory();
  const both = [
    await opened(network.url, memory, TAPPED),
    await opened(network.url, memory, TAPPED),
  ];
  const creates: string[] = [];
  sync.on("create", ({ id }) => creates.push(id));
  for (const client of both) await client.whenSynced();
  network.stopDelivering();
  for (const [i, client] of both.entries()) {
    void client.create({ id: `thing ${String(i)}` });
    void client.create({ id: "the same" });
  }
  await eventually(() => creates.length === 3);
  const left = leftBy(memory);

  const next = stage.client(`http://localhost:${port}`, { storage: memoryStorage(left) });
  const codes: string[] = [];
  next.on("reject", ({ code }) => codes.push(code));
  await eventually(() => left.entries.size === 1 + 3); // its own box, and what it sees
  expect(creates).toHaveLength(3);
  expect(codes).toEqual(["exists"]); // one of the two that are the same; nobody had told the other
});

test("a full storage is told, keeps what it has, and does not keep a client from its server", async () => {
  const { sync, url } = await stage.serve();
  const memory = new SharedMemory();
  let isFull = false;
  const set = memory.entries.set.bind(memory.entries);
  memory.entries.set = (key, value) => {
    if (isFull) throw new Error("full");
    return set(key, value);
  };
  const client = stage.client(url, { storage: memoryStorage(memory), ...OFFLINE });
  const errors: SyncError[] = [];
  client.on("error", (error) => errors.push(error));
  await next(client, "restored");
  await client.create({ id: "kept" }).reached("stored");
  isFull = true;
  const late = client.create({ id: "late" });
  await eventually(() => errors.some(({ code }) => code === "storage_failed"));
  expect(late.stage).toBe("local");
  const left = leftBy(memory);
  expect(viewOf(await opened(url, left, OFFLINE))).toEqual({ kept: { id: "kept" } });

  client.connect();
  isFull = false;
  await late;
  expect(viewOf(sync)).toEqual({ kept: { id: "kept" }, late: { id: "late" } });
});

test("with a storage that refuses everything, what was made one is not made twice", async () => {
  const { sync, url } = await stage.serve();
  const memory = new SharedMemory();
  const set = memory.entries.set.bind(memory.entries);
  const remove = memory.entries.delete.bind(memory.entries);
  let isBroken = false;
  const guarded =
    <Args extends unknown[], Result>(act: (...args: Args) => Result) =>
    (...args: Args): Result => {
      if (isBroken) throw new Error("broken");
      return act(...args);
    };
  memory.entries.set = guarded(set);
  memory.entries.delete = guarded(remove);
  const made: unknown[] = [];
  sync.on("update", ({ n }) => made.push(n));
  await sync.create({ id: "task:1", n: 0 });
  const client = stage.client(url, { storage: memoryStorage(memory), live: explicit });
  await client.pull();
  void client.update({ id: "task:1", n: 1 });
  await client.update({ id: "task:1", n: 2 }).reached("stored");
  let failures = 0;
  client.on("error", ({ code }) => (failures += code === "storage_failed" ? 1 : 0));
  isBroken = true;
  const syncing = client.sync().catch(() => undefined);
  await Promise.race([syncing, eventually(() => failures > 2)]);
  const left = leftBy(memory);
  client.disconnect();
  await syncing;
  await sync.update({ id: "task:1", n: 3 }); // what is made again is seen
  const again = await opened(url, left, { live: explicit });
  await again.sync();
  expect(made.filter((n) => n === 2)).toHaveLength(1);
  isBroken = false;
});

test("a storage that cannot be opened is told, and the client goes on without", async () => {
  const { url } = await stage.serve();
  const open = (): Promise<never> => Promise.reject(new Error("blocked"));
  const client = stage.client(url, { storage: { open } });
  const errors: unknown[] = [];
  client.on("error", (error) => errors.push(error.message));
  const write = client.create({ id: "tree" });
  expect((await write).id).toBe("tree");
  expect(write.stage).toBe("accepted");
  expect(errors).toEqual([expect.stringContaining("blocked")]);
});

test.each([
  ["accepted", false],
  ["durable", true],
] as const)("a write tells how far it is, until it is %s or rejected", async (last, isDurable) => {
  const { sync, port } = await stage.serve(isDurable ? { store: new KeptStore() } : {});
  const network = await stage.network(port);
  network.goDown();
  const client = await opened(network.url, new SharedMemory(), TAPPED);
  const [write, refused] = [client.create({ id: "tree" }), client.create({ id: "tree" })];
  expect(write.stage).toBe("local");
  expect(await write.reached("stored")).toBe("stored");
  network.stopDelivering();
  network.comeUp();
  await eventually(() => network.connections > 0);
  expect(write.stage).toBe("stored"); // the server's welcome is on its way
  network.deliverAgain();
  expect(await Promise.all([write.reached("sent"), write.reached("durable")])).toContain(last);
  await write;
  expect(write.stage).toBe(last);
  await expect(refused).rejects.toMatchObject({ code: "exists" });
  expect(refused.stage).toBe("rejected");
  expect(await refused.reached("durable")).toBe("rejected");
  expect(viewOf(sync)).toEqual({ tree: { id: "tree" } });

  network.stopDelivering();
  const unheard = client.create({ id: "leaf" });
  expect(await unheard.reached("sent")).toBe("sent");
  network.cut();
  network.deliverAgain();
  expect(await unheard.reached("accepted")).toBe(last);
});
