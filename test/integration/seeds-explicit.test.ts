import { afterEach, expect, test } from "@jest/globals";
import { Accounts } from "../../server/plugins/accounts/index.ts";
import { explicit } from "../../client/explicit/index.ts";
import { memoryStorage, SharedMemory } from "../../client/offline/memory.ts";
import type { Conflict, ObjectSync, ObjectSyncOptions, Resolution } from "../../client/index.ts";
import { preferLocal, preferRemote, resolveWith } from "../../client/conflicts/index.ts";
import { eventually } from "../support/eventually.ts";
import { Stage, TAPPED, viewOf, type Served } from "../support/stage.ts";

/** SEEDS.md, parts B and C: what those clients did, or wished to, by clients that sync explicitly. */

const stage = new Stage();
afterEach(() => stage.clear());

const EXPLICIT = { live: explicit } as const;
const TASK = { id: "task:1", name: "milk", done: false };

interface Scene extends Served {
  readonly local: ObjectSync;
  readonly remote: ObjectSync;
  readonly asked: Conflict[];
}

/** Two devices that have the same task; the local one is asked about conflicts. */
async function scene(
  decide: (conflict: Conflict) => Resolution | Promise<Resolution>,
  options: ObjectSyncOptions = {},
): Promise<Scene> {
  const served = await stage.serve({ conflicts: "detect" });
  const asked: Conflict[] = [];
  const onConflict = resolveWith((conflict) => {
    asked.push(conflict);
    return decide(conflict);
  });
  const local = stage.client(served.url, { ...EXPLICIT, ...options, onConflict });
  const remote = stage.client(served.url, EXPLICIT);
  void remote.create(TASK);
  await remote.sync();
  await local.sync();
  return { ...served, local, remote, asked };
}

/** The remote device changes the task, and then the local one does, not knowing. */
async function collide({ local, remote }: Scene): Promise<void> {
  void remote.update({ id: "task:1", name: "theirs" });
  await remote.sync();
  void local.update({ id: "task:1", name: "mine" });
}

type Objects = readonly ({ readonly id: string } & Record<string, unknown>)[];

function expectEverywhere({ sync, local, remote }: Scene, ...objects: Objects): void {
  const wanted = Object.fromEntries(objects.map((object) => [object.id, object]));
  for (const one of [sync, local, remote]) expect(viewOf(one)).toEqual(wanted);
}

test("B 7: different properties edited on two sides are both kept, without a conflict", async () => {
  const all = await scene(preferLocal);
  void all.remote.update({ id: "task:1", name: "oat milk" });
  void all.local.update({ id: "task:1", done: true });
  await all.remote.sync();
  await all.local.sync();
  await all.remote.sync();
  expect(all.asked).toEqual([]);
  expectEverywhere(all, { id: "task:1", name: "oat milk", done: true });
});

test("B 8: of the same property the handler gets exactly that property", async () => {
  const all = await scene(preferLocal);
  void all.remote.update({ id: "task:1", done: true });
  await collide(all);
  await all.local.sync();
  expect(all.asked.map(({ collisions }) => collisions)).toEqual([
    [{ id: "task:1", property: "name", base: "milk", mine: "mine", theirs: "theirs" }],
  ]);
});

test("B 9: preferLocal: everyone shows what is local", async () => {
  const all = await scene(preferLocal);
  await collide(all);
  await all.local.sync();
  await all.remote.sync();
  expectEverywhere(all, { ...TASK, name: "mine" });
});

test("B 10: preferRemote: everyone shows what is remote, and nothing is pushed again", async () => {
  const all = await scene(preferRemote);
  await collide(all);
  let updates = 0;
  all.sync.on("update", () => updates++);
  expect(await all.local.sync()).toMatchObject({ pushed: 0 });
  await all.remote.sync();
  expect(updates).toBe(0);
  expectEverywhere(all, { ...TASK, name: "theirs" });
});

test("B 11: what a custom handler adds is pushed", async () => {
  const all = await scene(({ mine, theirs }) => ({
    name: `${theirs?.["name"] as string} and ${mine?.["name"] as string}`,
    note: "merged by hand",
  }));
  await collide(all);
  await all.local.sync();
  await all.remote.sync();
  expectEverywhere(all, { ...TASK, name: "theirs and mine", note: "merged by hand" });
});

test("B 12: a sync that is cut is an error and leaves what is queued, deletes too; the next one sends it", async () => {
  const { sync, port, url } = await stage.serve();
  const network = await stage.network(port);
  const local = stage.client(network.url, { ...EXPLICIT, ...TAPPED });
  await sync.create(TASK);
  await sync.create({ id: "task:2" });
  await local.sync();
  const writes = [
    local.destroy("task:1"),
    local.update({ id: "task:2", done: true }),
    local.create({ id: "task:3" }),
  ];
  const queued = local.pendingOperations();
  expect(queued).toHaveLength(3);
  network.goDown();
  await expect(local.sync()).rejects.toMatchObject({ code: "unavailable", retryable: true });
  network.comeUp();
  // And while the server is on it, before it can say what it has decided.
  network.onMessage = ({ message }) => message.kind === "delta" && network.cut();
  await expect(local.sync()).rejects.toMatchObject({ code: "unavailable", retryable: true });
  expect(local.pendingOperations()).toEqual(queued);
  expect([...local.allObjects().keys()].sort()).toEqual(["task:2", "task:3"]);
  network.onMessage = () => undefined;
  await local.sync();
  await Promise.all(writes);
  const other = await stage.join(url);
  for (const one of [sync, local, other]) {
    expect(viewOf(one)).toEqual({
      "task:2": { id: "task:2", done: true },
      "task:3": { id: "task:3" },
    });
  }
});

test("B 16: links of many to many sync: each is an object, which two devices name alike", async () => {
  const references = { tagged: ["task", "tag"] };
  const all = await scene(preferLocal, { references });
  const link = { id: "tagged:task:1~tag:a", task: "task:1", tag: "tag:a" };
  for (const one of [all.local, all.remote]) {
    void one.transaction((tx) => {
      tx.create({ id: one === all.local ? "tag:b" : "tag:a" });
      tx.create(one === all.local ? { ...link, id: "tagged:task:1~tag:b", tag: "tag:b" } : link);
    });
  }
  await all.remote.sync();
  await all.local.sync();
  await all.remote.sync();
  const other = { ...link, id: "tagged:task:1~tag:b", tag: "tag:b" };
  expectEverywhere(all, TASK, { id: "tag:a" }, link, { id: "tag:b" }, other);
});

test("B 16: the same link made on two devices is one link, and no conflict", async () => {
  const all = await scene(preferLocal, { references: { tagged: ["task"] } });
  const link = { id: "tagged:task:1~home", task: "task:1" };
  const writes = [all.local.create(link), all.remote.create(link)];
  await all.remote.sync();
  await all.local.sync();
  await Promise.all(writes);
  expect(all.asked).toEqual([]);
  expectEverywhere(all, TASK, link);
});

test("B 17: a child that arrives before its parent finds it once that is there", async () => {
  const { sync, url } = await stage.serve();
  const local = stage.client(url, { ...EXPLICIT, subscribe: [{ namespace: "task" }] });
  await sync.create({ id: "task:1", project: "project:1" });
  await local.pull();
  const parent = local.get("task:1")?.["project"] as string;
  expect(local.get(parent)).toBeUndefined();
  await sync.create({ id: "project:1", name: "home" });
  const fetching = local.fetch(parent);
  await local.pull();
  expect(await fetching).toMatchObject({ name: "home" });
  expect(local.get(parent)).toMatchObject({ name: "home" });
});

test("B 17: a grouped write is atomic: all of it is there, or nothing is", async () => {
  const all = await scene(preferRemote);
  const group = all.local.transaction((tx) => {
    tx.create({ id: "project:1" });
    tx.update({ id: "task:nowhere", project: "project:1" });
  });
  const error = group.catch((cause: unknown) => cause);
  void all.local.transaction((tx) => {
    tx.create({ id: "project:2" });
    tx.update({ id: "task:1", project: "project:2" });
  });
  const live = await stage.join(all.url);
  const seen: boolean[] = [];
  const look = (one: { get(id: string): object | undefined }) => (): void => {
    const { project } = one.get("task:1") as { readonly project?: unknown };
    const isWhole = (one.get("project:2") === undefined) === (project === undefined);
    seen.push(isWhole && one.get("project:1") === undefined);
  };
  for (const client of [live, all.remote]) {
    client.on("add", look(client));
    client.on("update", look(client));
  }
  all.sync.on("create", look(all.sync));
  all.sync.on("update", look(all.sync));
  await all.local.sync();
  await all.remote.sync();
  await live.whenSynced();
  await eventually(() => live.get("project:2"));
  expect(seen.length).toBeGreaterThanOrEqual(5);
  expect(seen).not.toContain(false);
  expect(await error).toMatchObject({ code: "not_found", id: "task:nowhere" });
  expectEverywhere(all, { ...TASK, project: "project:2" }, { id: "project:2" });
});

test("C1: with a wrong secret what a client was asked for rejects, and nothing is lost; with the right one it goes on", async () => {
  const accounts = new Accounts({ cost: { N: 2, r: 1, p: 1 } });
  const { sync, url } = await stage.serve({ authenticate: accounts.authenticate });
  sync.use(accounts.plugin);
  await accounts.create("ann", "secret123");
  const device = stage.client(url, { ...EXPLICIT, auth: { name: "ann", secret: "secret124" } });
  const write = device.create(TASK);
  for (const call of ["register", "pull", "push", "sync"] as const) {
    await expect(device[call]()).rejects.toMatchObject({ code: "unauthenticated" });
  }
  expect([sync.allObjects().size, device.pending]).toEqual([0, 1]);
  device.setAuth({ name: "ann", secret: "secret123" });
  await device.sync();
  await write;
  expect(sync.get("task:1")).toEqual(TASK);
});

test("C7: two devices that sync at once converge", async () => {
  const all = await scene(preferLocal);
  for (let i = 0; i < 20; i++) {
    void all.local.create({ id: `task:local${i}` });
    void all.remote.create({ id: `task:remote${i}` });
    await Promise.all([all.local.sync(), all.remote.sync()]);
  }
  await Promise.all([all.local.sync(), all.remote.sync()]);
  expect(all.sync.allObjects().size).toBe(41);
  for (const one of [all.local, all.remote]) expect(viewOf(one)).toEqual(viewOf(all.sync));
});

test("C8: on a conflict the handler gets the key, the local and the remote value", async () => {
  const all = await scene(preferLocal);
  await collide(all);
  await all.local.sync();
  expect(all.asked).toMatchObject([
    { id: "task:1", mine: { ...TASK, name: "mine" }, theirs: { ...TASK, name: "theirs" } },
  ]);
});

test("C9: what the handler gives is all that remains, in one step, and is pushed", async () => {
  const all = await scene(() => ({ name: "merged", done: true }));
  const seen: unknown[] = [];
  await collide(all);
  all.local.on("update", (object) => seen.push({ ...object }));
  await all.local.sync();
  await all.remote.sync();
  expectEverywhere(all, { id: "task:1", name: "merged", done: true });
  expect(seen).toEqual([{ id: "task:1", name: "merged", done: true }]);
});

test("C10: when it gives nothing the remote value stays, and nothing is queued again", async () => {
  const all = await scene(() => undefined);
  await collide(all);
  await all.local.sync();
  expect(all.local.pending).toBe(0);
  expect(await all.local.push()).toEqual({ pulled: 0, pushed: 0 });
  await all.remote.sync();
  expectEverywhere(all, { ...TASK, name: "theirs" });
});

test("C12: a store that is not synced never leaves the device", async () => {
  const all = await scene(preferLocal, { namespaces: { private: { sync: false } } });
  const heard: string[] = [];
  all.sync.check(({ id }) => void heard.push(id));
  await all.local.create({ id: "private:diary", text: "" });
  await all.local.update({ id: "private:diary", text: "dear" });
  await all.local.create({ id: "private:brief" });
  await all.local.destroy("private:brief");
  const both = all.local.transaction((tx) => {
    tx.update({ id: "private:diary", text: "out" });
    tx.create({ id: "task:2" });
  });
  await expect(both).rejects.toMatchObject({ code: "invalid_payload" });
  void all.local.update({ id: "task:1", done: true });
  await all.local.sync();
  await all.remote.sync();
  expect(heard).toEqual(["task:1"]);
  expect(all.sync.get("private:diary")).toBeUndefined();
  expect(all.remote.get("private:diary")).toBeUndefined();
  expect(all.local.get("private:diary")).toMatchObject({ text: "dear" });
});

test("C13: autoSync pulls again and again, and another interval takes the place of the first", async () => {
  const all = await scene(preferLocal);
  all.local.autoSync(5);
  await all.sync.update({ id: "task:1", name: "first" });
  await eventually(() => all.local.get("task:1")?.["name"] === "first");
  all.local.autoSync(3_600_000);
  await eventually(() => all.local.status === "offline");
  await all.sync.update({ id: "task:1", name: "second" });
  await all.remote.sync(); // as long as a sync takes, and several intervals of before
  expect(all.local.get("task:1")).toMatchObject({ name: "first" });
});

test("C14: what was written offline survives a restart, and is pushed", async () => {
  const memory = new SharedMemory();
  const { sync, url } = await stage.serve();
  const before = stage.client(url, { ...EXPLICIT, storage: memoryStorage(memory) });
  const write = before.create(TASK);
  write.catch(() => undefined); // closed before it is pushed
  await write.reached("stored");
  await before.close();
  const after = stage.client(url, { ...EXPLICIT, storage: memoryStorage(memory) });
  await after.sync();
  expect(sync.get("task:1")).toEqual(TASK);
});

test("C15: after a sync that failed the next one works, in the same client", async () => {
  const { sync, port } = await stage.serve();
  const network = await stage.network(port);
  const local = stage.client(network.url, { ...EXPLICIT, ...TAPPED });
  void local.create(TASK);
  network.goDown();
  for (const call of [local.sync(), local.pull(), local.push()]) {
    await expect(call).rejects.toMatchObject({ retryable: true });
  }
  network.comeUp();
  await local.sync();
  expect(sync.get("task:1")).toEqual(TASK);
});

test("C19: reset leaves an empty database that can be used", async () => {
  const memory = new SharedMemory();
  const all = await scene(preferLocal, { storage: memoryStorage(memory) });
  const lost = all.local.create({ id: "task:lost" }).catch((error: unknown) => error);
  await all.local.reset();
  expect(await lost).toMatchObject({ code: "discarded" });
  expect([all.local.allObjects().size, all.local.pending]).toEqual([0, 0]);
  expect([...memory.entries.values()].join()).not.toMatch(/milk|lost/);
  void all.local.create({ id: "task:2" });
  await all.local.sync();
  await all.remote.sync();
  expectEverywhere(all, TASK, { id: "task:2" });
});

test("C20: whoever watches results hears after a pull, when all of it is there", async () => {
  const all = await scene(preferLocal);
  const open: unknown[] = [];
  all.local.namespace("task").on("add", () => {
    open.push([...all.local.allObjects().values()].filter(({ done }) => done === false).length);
  });
  await all.sync.create({ id: "task:2", done: false });
  await all.sync.create({ id: "task:3", done: false });
  await all.local.pull();
  expect(open).toEqual([3, 3]);
});
