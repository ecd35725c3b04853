import { afterEach, expect, test } from "@jest/globals";
import { explicit } from "../../client/explicit/index.ts";
import type { Conflict } from "../../client/index.ts";
import { memoryStorage, SharedMemory } from "../../client/offline/memory.ts";
import { preferLocal, resolveWith } from "../../client/conflicts/index.ts";
import { eventually } from "../support/eventually.ts";
import { next, Stage } from "../support/stage.ts";

/** What a page needs to show what is not synced yet, also after a reload without a network. */

const stage = new Stage();
afterEach(() => stage.clear());

test("what pending writes do is known until they are decided, also by the next client", async () => {
  const { sync, url } = await stage.serve();
  await sync.create({ id: "task:1", title: "tea" });
  await sync.create({ id: "task:2", title: "milk" });
  const memory = new SharedMemory();
  const options = {
    live: explicit,
    namespaces: { draft: { sync: false } },
    storage: memoryStorage(memory),
  } as const;
  const a = stage.client(url, options);
  await a.pull();
  expect(a.pendingOperations()).toEqual([]);
  await a.create({ id: "draft:1" });
  const writes = [
    a.update({ id: "task:1", title: "coffee" }),
    a.destroy("task:2"),
    a.create({ id: "task:3" }),
  ];
  const pending = [
    { kind: "update", id: "task:1", changes: { title: "coffee" } },
    { kind: "destroy", id: "task:2" },
    { kind: "create", id: "task:3" },
  ];
  expect(a.pendingOperations()).toMatchObject(pending);
  for (const write of writes) await write.reached("stored");
  await a.close();
  const again = stage.client(url, options);
  await next(again, "restored");
  expect(again.pendingOperations()).toMatchObject(pending);
  await again.push();
  expect(again.pendingOperations()).toEqual([]);
});

test("what comes back of one's own writes is not pulled", async () => {
  const { sync, url } = await stage.serve();
  await sync.create({ id: "task:1", title: "tea" });
  const a = stage.client(url, { live: explicit });
  expect(await a.sync()).toEqual({ pulled: 1, pushed: 0 });
  void a.update({ id: "task:1", title: "coffee" });
  void a.create({ id: "task:2" });
  await sync.create({ id: "task:3" });
  expect(await a.sync()).toEqual({ pulled: 1, pushed: 2 });
  void a.destroy("task:1");
  expect(await a.sync()).toEqual({ pulled: 0, pushed: 1 });
});

test("a conflict that nobody has settled yet is asked about by the next client, without a server", async () => {
  const { sync, port } = await stage.serve({ conflicts: "detect" });
  await sync.create({ id: "task:1", title: "tea" });
  const memory = new SharedMemory();
  const asked: Conflict[] = [];
  const storage = memoryStorage(memory);
  const network = await stage.network(port);
  const a = stage.client(network.url, {
    live: explicit,
    storage,
    onConflict: resolveWith((conflict) => {
      asked.push(conflict);
      return new Promise(() => undefined);
    }),
  });
  await a.pull();
  const write = a.update({ id: "task:1", title: "mine" });
  await write.reached("stored");
  await sync.update({ id: "task:1", title: "theirs" });
  await a.pull();
  void a.sync().catch(() => undefined);
  await eventually(() => asked.length === 1);
  network.goDown();
  await a.close();
  const again = stage.client(network.url, {
    live: explicit,
    storage,
    onConflict: resolveWith((conflict) => {
      asked.push(conflict);
      return preferLocal(conflict);
    }),
  });
  await next(again, "restored");
  await eventually(() => asked.length === 2);
  expect(asked[1]?.collisions).toEqual([
    { id: "task:1", property: "title", base: "tea", mine: "mine", theirs: "theirs" },
  ]);
  network.comeUp();
  expect(await again.sync()).toMatchObject({ pushed: 1 });
  expect(sync.get("task:1")).toMatchObject({ title: "mine" });
  expect(write.stage).toBe("rejected");
});
