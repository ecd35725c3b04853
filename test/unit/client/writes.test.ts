import { expect, test } from "@jest/globals";

import { SyncError } from "../../../lib/errors.ts";
import type { ObjectId } from "../../../lib/object.ts";
import type { Outcome } from "../../../lib/outcome.ts";
import { create, destroy, quiet, setup, setupSynced } from "./fake-server.ts";

const refused = (code: "forbidden" = "forbidden"): Outcome => ({
  kind: "rejected",
  error: { code, message: "not you" },
});

test("save without an id creates an object under a drawn one, and gives the live object", async () => {
  const { sync, server } = await setupSynced();
  const tree = await sync.save({ name: "oak" });
  expect(tree).toBe(sync.get(tree.id));
  expect(tree).toEqual({ id: "drawn-2", name: "oak" });
  expect(server.world.get(tree.id)).toEqual(tree);
  expect(server.link.mutations[0]?.operations[0]).toMatchObject({ kind: "create", chosen: false });
});

test("save with an id changes only what is given", async () => {
  const { sync, server } = await setupSynced([{ id: "tree:1", name: "oak", height: 3 }]);
  const tree = sync.get("tree:1");
  await expect(sync.save({ id: "tree:1", height: 4, name: undefined })).resolves.toBe(tree);
  expect(tree).toEqual({ id: "tree:1", height: 4 });
  expect(server.world.get("tree:1")).toEqual({ id: "tree:1", height: 4 });
});

test("a write shows at once, and its event fires once", async () => {
  const { sync } = await setupSynced([{ id: "tree:1", height: 3 }]);
  const heard: unknown[] = [];
  sync.on("update", (object, changed, previous) => heard.push([object.id, changed, previous]));
  const saved = sync.save({ id: "tree:1", height: 4 });
  expect(sync.get("tree:1")?.["height"]).toBe(4);
  expect(sync.pending).toBe(1);
  await saved;
  expect(sync.pending).toBe(0);
  expect(heard).toEqual([["tree:1", { height: 4 }, { height: 3 }]]);
});

test("with optimistic: false a write shows when it is accepted", async () => {
  const { sync, server } = setup({ optimistic: false });
  server.commit(create({ id: "tree:1", height: 3 }));
  await sync.whenSynced();
  const saved = sync.save({ id: "tree:1", height: 4 });
  expect(sync.get("tree:1")?.["height"]).toBe(3);
  await expect(saved).resolves.toMatchObject({ height: 4 });
});

test("create under a taken id is refused as exists", async () => {
  const { sync } = await setupSynced([{ id: "tree:1", height: 3 }]);
  await expect(sync.create({ id: "tree:1", height: 9 })).rejects.toMatchObject({ code: "exists" });
  expect(sync.get("tree:1")).toEqual({ id: "tree:1", height: 3 });
});

test("update of an object that does not exist is refused as not_found", async () => {
  const { sync } = await setupSynced();
  await expect(sync.update({ id: "tree:9", height: 9 })).rejects.toMatchObject({
    code: "not_found",
    id: "tree:9",
  });
});

test("destroy takes the object away at once", async () => {
  const { sync, server } = await setupSynced([{ id: "tree:1", height: 3 }]);
  const heard: string[] = [];
  sync.on("destroy", (id, object) => heard.push(`${id} of height ${Number(object["height"])}`));
  const destroyed = sync.destroy("tree:1");
  expect(sync.get("tree:1")).toBeUndefined();
  await expect(destroyed).resolves.toBeUndefined();
  expect(server.world.get("tree:1")).toBeUndefined();
  expect(heard).toEqual(["tree:1 of height 3"]);
});

test("a refused write is rolled back, and reported by event, callback and promise, in this order", async () => {
  const { sync, server } = await setupSynced([{ id: "tree:1", height: 3 }]);
  server.judge = () => refused();
  const heard: string[] = [];
  sync.on("update", (object) => heard.push(`update ${Number(object["height"])}`));
  sync.on("reject", (error, write) =>
    heard.push(`reject ${error.code} ${String(write.operations.length)}`),
  );
  const saved = sync.save({ id: "tree:1", height: 4 }, (error) =>
    heard.push(`callback ${String(error?.code)}`),
  );
  await expect(saved).rejects.toBeInstanceOf(SyncError);
  expect(sync.get("tree:1")).toEqual({ id: "tree:1", height: 3 });
  expect(heard).toEqual(["update 4", "update 3", "reject forbidden 1", "callback forbidden"]);
});

test("a refused write that nobody waits for is only an event", async () => {
  const { sync, server } = await setupSynced();
  server.judge = () => refused();
  const rejected = new Promise((resolve) => sync.once("reject", resolve));
  void sync.save({ name: "oak" });
  await expect(rejected).resolves.toMatchObject({ code: "forbidden" });
});

test("what cannot be written rejects and calls back, later, and nothing is written", async () => {
  const { sync, server } = await setupSynced();
  const heard: unknown[] = [];
  sync.on("reject", (error) => heard.push(error.code));
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const attempts: [unknown, string][] = [
    [null, "invalid_payload"],
    ["text", "invalid_payload"],
    [[1], "invalid_payload"],
    [{ id: "" }, "invalid_id"],
    [{ id: 0 }, "invalid_id"],
    [{ id: "a\0b" }, "invalid_id"],
    [{ x: NaN }, "invalid_value"],
    [{ x: 2 ** 60 }, "invalid_value"],
    [{ x: () => 1 }, "invalid_value"],
    [{ circle }, "too_deep"],
    [JSON.parse('{"__proto__": 1}'), "reserved_key"],
    [
      {
        get x(): number {
          throw new Error("a bad getter");
        },
      },
      "invalid_payload",
    ],
  ];
  for (const [object, code] of attempts) {
    let called: unknown = "not yet";
    const saved = sync.save(object as object, (error) => (called = error?.code));
    expect(called).toBe("not yet");
    await expect(saved).rejects.toMatchObject({ code });
    expect(called).toBe(code);
  }
  expect(heard).toEqual(attempts.map(([, code]) => code));
  expect(sync.allObjects().size).toBe(0);
  expect(server.link.messages).toEqual([]);
});

test("a callback that is no function rejects, and nothing is written", async () => {
  const { sync } = await setupSynced();
  const saved = sync.save({ name: "oak" }, "callback" as never);
  await expect(saved).rejects.toMatchObject({ code: "invalid_payload" });
  expect(sync.allObjects().size).toBe(0);
});

test("a write that is too large is refused at the call", async () => {
  const { sync, server } = await setupSynced();
  const saved = sync.save({ id: "tree:1", text: "x".repeat(600 * 1024) });
  await expect(saved).rejects.toMatchObject({ code: "too_large" });
  expect(server.link.messages).toEqual([]);
});

test("a write that turns out too large for the server fails, and those after it go on", async () => {
  const { sync, server } = setup({ autoConnect: false });
  Object.assign(server.welcome, { mutationBytesMax: 1_000 });
  const large = sync.create({ id: "tree:1", text: "x".repeat(2_000) });
  const small = sync.create({ id: "tree:2" });
  sync.connect();
  await expect(large).rejects.toMatchObject({ code: "too_large" });
  await expect(small).resolves.toEqual({ id: "tree:2" });
  expect([...sync.allObjects().keys()]).toEqual(["tree:2"]);
});

test("a write that was too large for one server is given to the next, which takes more", async () => {
  const { sync, server, environment } = setup({ autoConnect: false });
  Object.assign(server.welcome, { mutationBytesMax: 1_000 });
  const text = "x".repeat(2_000);
  const large = sync.create({ id: "tree:1", text });
  server.isAutomatic = false;
  sync.connect();
  server.link.accept();
  await quiet();
  expect(server.link.mutations.map(({ operations }) => operations)).toEqual([[]]);
  Object.assign(server.welcome, { mutationBytesMax: 10_000 });
  server.isAutomatic = true;
  server.link.drop();
  environment.advance(250);
  await expect(large).resolves.toEqual({ id: "tree:1", text });
  expect(server.world.get("tree:1")).toEqual({ id: "tree:1", text });
});

test("reject tells what was to be written, as far as it was understood", async () => {
  const { sync } = setup({ autoConnect: false, limits: { mutationBytesMax: 1_000 } });
  const heard: unknown[] = [];
  sync.on("reject", ({ code, id, property }, { operations }) => {
    heard.push([code, id, property, operations.length]);
  });
  void sync.create(42 as never);
  void sync.save({ id: "tree:1", height: NaN });
  void sync.transaction((tx) => {
    tx.create({ id: "tree:1" });
    tx.destroy("");
  });
  void sync.save({ id: "tree:1", text: "x".repeat(2_000) });
  await quiet();
  expect(heard).toEqual([
    ["invalid_payload", undefined, undefined, 0],
    ["invalid_value", "tree:1", "height", 0],
    ["invalid_id", "", undefined, 0],
    ["too_large", "tree:1", undefined, 1],
  ]);
});

test("more undecided writes than the limit are refused", async () => {
  const { sync } = setup({ autoConnect: false, limits: { writesMax: 2 } });
  void sync.save({ name: "a" });
  void sync.save({ name: "b" });
  await expect(sync.save({ name: "c" })).rejects.toMatchObject({ code: "limit_exceeded" });
  expect(sync.pending).toBe(2);
});

test("the writes of one tick travel in one message", async () => {
  const { sync, server } = await setupSynced();
  await Promise.all([sync.save({ n: 1 }), sync.save({ n: 2 }), sync.save({ n: 3 })]);
  expect(server.link.messages.length).toBe(1);
  expect(server.link.mutations.map(({ n }) => n)).toEqual([1, 2, 3]);
});

test("many writes travel in messages of a bounded size", async () => {
  const { sync, server } = await setupSynced();
  const text = "x".repeat(10_000);
  await Promise.all(Array.from({ length: 20 }, () => sync.save({ text })));
  expect(server.link.messages.length).toBe(4);
});

test("only so many writes are on the way at a time", async () => {
  const { sync, server } = setup();
  Object.assign(server.welcome, { mutationsInFlightMax: 2 });
  await sync.whenSynced();
  server.isAutomatic = false;
  const saved = [1, 2, 3, 4, 5].map((n) => sync.save({ n }));
  await quiet();
  expect(server.link.mutations.length).toBe(2);
  server.link.decide();
  server.link.flush();
  await quiet();
  expect(server.link.mutations.length).toBe(4);
  server.isAutomatic = true;
  server.link.decide();
  server.link.flush();
  await Promise.all(saved);
});

test("a handler's own id takes the place of a drawn one, also in the writes that follow", async () => {
  const { sync, server } = await setupSynced();
  server.isAutomatic = false;
  server.judge = (operation) =>
    operation.kind === "create"
      ? { kind: "accepted", renamed: new Map([[operation.id, "row:7" as ObjectId]]) }
      : undefined;
  const heard: string[] = [];
  sync.on("add", ({ id }) => heard.push(`add ${id}`));
  sync.on("remove", (id) => heard.push(`remove ${id}`));
  sync.on("create", ({ id }) => heard.push(`create ${id}`));
  const created = sync.save({ name: "oak" });
  const [drawn] = sync.allObjects().keys();
  const object = sync.get(String(drawn));
  await quiet();
  const updated = sync.save({ id: String(drawn), height: 3 });
  server.isAutomatic = true;
  server.link.decide();
  server.link.flush();
  await expect(created).resolves.toBe(object);
  expect(object).toEqual({ id: "row:7", name: "oak", height: 3 });
  expect(sync.get("row:7")).toBe(object);
  expect(sync.get(String(drawn))).toBeUndefined();
  await expect(updated).resolves.toBe(object);
  expect(server.world.get("row:7")).toEqual({ id: "row:7", name: "oak", height: 3 });
  await expect(sync.save({ id: String(drawn), height: 4 })).resolves.toBe(object); // as it was told at first
  expect(server.world.get("row:7")).toEqual({ id: "row:7", name: "oak", height: 4 });
  expect(heard).toEqual([
    `create ${String(drawn)}`,
    `add ${String(drawn)}`,
    `remove ${String(drawn)}`,
    "add row:7",
  ]);
});

test("a write resolves with a copy of what was written when the object is gone by then", async () => {
  const { sync, server } = await setupSynced();
  server.isAutomatic = false;
  const saved = sync.create({ id: "tree:1", height: 3, width: undefined });
  await quiet();
  server.link.decide();
  server.commit(destroy("tree:1"));
  server.link.flush();
  await expect(saved).resolves.toEqual({ id: "tree:1", height: 3 });
  expect(sync.get("tree:1")).toBeUndefined();
});

test("a transaction is one mutation, and shows as one", async () => {
  const { sync, server } = await setupSynced([{ id: "account:a", sum: 10 }]);
  const sums: number[] = [];
  const total = (): number =>
    [...sync.allObjects().values()].reduce((sum, object) => sum + Number(object["sum"]), 0);
  for (const name of ["create", "update", "destroy"] as const) {
    sync.on(name, () => sums.push(total()));
  }
  await sync.transaction((tx) => {
    expect(tx.create({ id: "account:b", sum: 7 })).toBe("account:b");
    tx.update({ id: "account:a", sum: 3 });
    const id = tx.save({ sum: 0 });
    tx.destroy(id);
  });
  expect(sums.length).toBeGreaterThan(0);
  expect(new Set(sums)).toEqual(new Set([10]));
  expect(server.link.mutations.length).toBe(1);
  expect(server.world.get("account:b")).toEqual({ id: "account:b", sum: 7 });
});

test("a transaction whose function throws, or is async, writes nothing", async () => {
  const { sync, server } = await setupSynced();
  const thrown = sync.transaction((tx) => {
    tx.create({ id: "tree:1" });
    throw new Error("changed my mind");
  });
  await expect(thrown).rejects.toThrow("changed my mind");
  const invalid = sync.transaction((tx) => void tx.create({ id: "" }));
  await expect(invalid).rejects.toMatchObject({ code: "invalid_id" });
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- this is what is refused
  const late = sync.transaction(async (tx) => {
    await Promise.resolve();
    tx.create({ id: "tree:1" });
  });
  await expect(late).rejects.toMatchObject({ code: "invalid_payload" });
  await quiet();
  expect(sync.allObjects().size).toBe(0);
  expect(server.link.messages).toEqual([]);
});

test("an empty transaction resolves without the server", async () => {
  const { sync, server } = setup({ autoConnect: false });
  await expect(sync.transaction(() => undefined)).resolves.toBeUndefined();
  expect(server.links.length).toBe(0);
});
