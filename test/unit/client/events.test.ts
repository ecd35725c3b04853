import { expect, jest, test } from "@jest/globals";

import { create, destroy, quiet, setup, setupSynced, update } from "./fake-server.ts";

test("create fires for what is created while connected, add for all that comes into view", async () => {
  const { sync, server } = setup({ autoConnect: false });
  server.commit(create({ id: "tree:1" }));
  const heard: string[] = [];
  sync.on("create", ({ id }) => heard.push(`create ${id}`));
  sync.on("add", ({ id }) => heard.push(`add ${id}`));
  sync.on("synced", () => heard.push("synced"));
  sync.connect();
  await sync.whenSynced();
  server.commit(create({ id: "tree:2" }));
  expect(heard).toEqual(["add tree:1", "synced", "create tree:2", "add tree:2"]);
});

test("update and destroy of others come with what changed", async () => {
  const { sync, server } = await setupSynced([{ id: "tree:1", height: 3, name: "oak" }]);
  const heard: unknown[] = [];
  const tree = sync.get("tree:1");
  sync.on("update", (object, changed, previous) => heard.push(object === tree, changed, previous));
  sync.on("destroy", (id, object) => heard.push(id, object === tree));
  sync.on("remove", (id) => heard.push(`remove ${id}`));
  server.commit(update({ id: "tree:1", height: 4 }));
  server.commit(destroy("tree:1"));
  expect(heard).toEqual([true, { height: 4 }, { height: 3 }, "tree:1", true, "remove tree:1"]);
});

test("the events of one object and of one namespace are heard apart", async () => {
  const { sync, server } = await setupSynced();
  const heard: string[] = [];
  const undo = sync.object("tree:1").on("create", ({ id }) => heard.push(`object ${id}`));
  sync.namespace("tree").on("create", ({ id }) => heard.push(`namespace ${id}`));
  sync.namespace("tree").once("create", ({ id }) => heard.push(`once ${id}`));
  server.commit(create({ id: "tree:1" }), create({ id: "tree:2" }), create({ id: "treehouse:1" }));
  expect(heard).toEqual(["namespace tree:1", "once tree:1", "object tree:1", "namespace tree:2"]);
  undo();
  heard.length = 0;
  server.commit(destroy("tree:1"));
  server.commit(create({ id: "tree:1" }));
  expect(heard).toEqual(["namespace tree:1"]);
});

test("on, once and off return to where they were", async () => {
  const { sync, server } = await setupSynced();
  let count = 0;
  const listener = (): void => void (count += 1);
  const undo = sync.on("create", listener);
  sync.on("create", listener);
  sync.once("create", listener);
  server.commit(create({ id: "a" }));
  expect(count).toBe(3);
  undo();
  server.commit(create({ id: "b" }));
  expect(count).toBe(4);
  sync.off("create", listener);
  server.commit(create({ id: "c" }));
  expect(count).toBe(4);
  expect(() => sync.on("create", undefined as never)).toThrow("a listener must be a function");
});

test("a listener or callback that throws breaks nothing, and is an error event", async () => {
  const { sync, server } = await setupSynced();
  const errors: unknown[] = [];
  const heard: string[] = [];
  sync.on("error", (error) => errors.push([error.code, error.cause]));
  const bug = new Error("a bug");
  sync.on("create", () => {
    throw bug;
  });
  sync.on("create", ({ id }) => heard.push(id));
  server.commit(create({ id: "a" }));
  await sync.create({ id: "b" }, () => {
    throw bug;
  });
  expect(heard).toEqual(["a", "b"]);
  expect(errors).toEqual([1, 2, 3].map(() => ["handler_failed", bug]));
});

test("with no listener on error, a bug of the application's is printed", async () => {
  const { sync, server } = await setupSynced();
  const print = jest.spyOn(console, "error").mockImplementation(() => undefined);
  const bug = new Error("a bug");
  sync.on("create", () => {
    throw bug;
  });
  server.commit(create({ id: "a" }));
  expect(print.mock.calls).toEqual([[bug]]);
  const worse = new Error("a bug in the listener that is told of bugs");
  sync.on("error", () => {
    throw worse;
  });
  server.commit(create({ id: "b" }));
  expect(print.mock.calls).toEqual([[bug], [worse]]);
  print.mockRestore();
});

test("what a listener causes is told after all that is being told", async () => {
  const { sync, server } = await setupSynced();
  const heard: string[] = [];
  sync.on("create", ({ id }) => {
    if (id === "a") void sync.save({ id: "b", seen: true });
  });
  sync.on("create", ({ id }) => heard.push(`create ${id}`));
  sync.on("update", ({ id }) => heard.push(`update ${id}`));
  server.commit(create({ id: "a" }), create({ id: "b" }));
  await quiet();
  expect(heard).toEqual(["create a", "create b", "update b"]);
});

test("at every event all of the step is in the view", async () => {
  const { sync, server } = await setupSynced([
    { id: "a", sum: 5 },
    { id: "b", sum: 5 },
  ]);
  const sums: number[] = [];
  sync.on("update", () => {
    sums.push(Number(sync.get("a")?.["sum"]) + Number(sync.get("b")?.["sum"]));
  });
  server.commit(update({ id: "a", sum: 1 }), update({ id: "b", sum: 9 }));
  expect(sums).toEqual([10, 10]);
});

test("who begins to listen during an event hears of the next one", async () => {
  const { sync, server } = await setupSynced();
  const heard: string[] = [];
  let undo = sync.namespace("tree").on("create", renew);
  function renew({ id }: { id: string }): void {
    heard.push(`namespace ${id}`);
    undo();
    undo = sync.namespace("tree").on("create", renew);
    sync.object(id).once("create", () => heard.push(`object ${id}`));
    sync.once("create", () => heard.push(`all ${id}`));
  }
  server.commit(create({ id: "tree:1" }));
  expect(heard).toEqual(["namespace tree:1"]);
  server.commit(create({ id: "tree:2" }));
  expect(heard).toEqual(["namespace tree:1", "namespace tree:2", "all tree:1"]);
});
