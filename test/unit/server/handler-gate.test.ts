import { expect, test } from "@jest/globals";
import { SERVER_LIMITS } from "../../../lib/limits.ts";
import type { Changes, ObjectId, Properties } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";
import { World } from "../../../lib/world.ts";
import { HandlerGate, meet } from "../../../server/handler-gate.ts";
import { silently, type Handlers } from "../../../server/handlers.ts";
import { FakeEnvironment } from "../client/fake-server.ts";

const id = (text: string) => text as ObjectId;
const create = (name: string, properties: Properties = {}, chosen = true): Operation => ({
  kind: "create",
  id: id(name),
  properties,
  chosen,
});
const update = (name: string, changes: Changes): Operation => ({
  kind: "update",
  id: id(name),
  changes,
});
const destroy = (name: string): Operation => ({ kind: "destroy", id: id(name) });

const WRITER = {
  id: "session",
  world: "garden",
  identity: { id: "ann" },
  client: "c",
  schemaVersion: 1,
};

/** A gate before a world that holds the object "tree" and remembers that "stump" was destroyed. */
function newGate(handlers: Handlers) {
  const record = { epoch: "e", seq: 0, horizon: 0, nextHandle: 1, objects: [] };
  const world = new World(record, SERVER_LIMITS, 0);
  world.commit([create("tree", { height: 1, name: "ash" }), create("stump")], 0);
  world.commit([destroy("stump")], 0);
  const gate = new HandlerGate(
    "garden",
    handlers,
    { task: ["project"] },
    world,
    SERVER_LIMITS,
    new FakeEnvironment().scheduler,
  );
  const consult = async (...operations: Operation[]) => {
    const {
      operations: left,
      silent,
      renamed,
    } = await gate.consult(operations, WRITER, { clientId: "ann", n: 7 });
    return { operations: left, silent: [...silent], renamed: Object.fromEntries(renamed) };
  };
  return { gate, world, consult };
}

test("what no handler is interested in goes through as it is", async () => {
  const operations = [create("a"), update("tree", { height: 2 }), destroy("tree")];
  const { consult } = newGate({});
  expect(await consult(...operations)).toEqual({ operations, silent: [], renamed: {} });
});

test("a created object gets the handler's id only where it had none of its own", async () => {
  const given: object[] = [];
  const { consult } = newGate({
    create: (object) => {
      given.push(object);
      return { ...object, id: "row:1", at: 7 };
    },
  });
  expect(await consult(create("provisional", { height: 1 }, false))).toEqual({
    operations: [{ ...create("row:1", { height: 1, at: 7 }), chosen: false }],
    silent: [],
    renamed: { provisional: "row:1" },
  });
  expect(given).toEqual([{ height: 1 }]);
});

test("what comes after in the same mutation goes to the object under its new id", async () => {
  const asked: unknown[] = [];
  const { consult } = newGate({
    create: (object) => ({ ...object, id: "row:1" }),
    update: (object) => void asked.push(object),
    destroy: (name) => void asked.push(name),
  });
  const { operations } = await consult(
    create("p", { height: 1 }, false),
    update("p", { height: 2 }),
    destroy("p"),
  );
  expect(asked).toEqual([{ id: "row:1", height: 2 }, "row:1"]);
  expect(operations.map((operation) => operation.id)).toEqual(["row:1", "row:1", "row:1"]);
});

test("what comes after in the same mutation refers to the object by its new id", async () => {
  const asked: unknown[] = [];
  const { consult } = newGate({
    create: (object) => {
      asked.push(object);
      return { ...object, id: object.id ?? `row:${asked.length}` };
    },
    update: (object) => void asked.push(object),
  });
  const { operations } = await consult(
    create("p", { name: "home" }, false),
    create("task:1", { project: "p" }),
    create("q", { project: "p" }, false),
    update("q", { project: "p" }),
    update("task:1", { project: "q" }),
  );
  expect(asked).toEqual([
    { name: "home" },
    { id: "task:1", project: "row:1" },
    { project: "row:1" },
    { id: "task:1", project: "row:3" },
  ]);
  expect(operations).toEqual([
    { ...create("row:1", { name: "home" }), chosen: false },
    create("task:1", { project: "row:1" }),
    { ...create("row:3", { project: "row:1" }), chosen: false },
    update("task:1", { project: "row:3" }),
  ]);
});

test("an update handler sees the whole object as it would be, and may change it further", async () => {
  const given: object[] = [];
  const { consult } = newGate({
    update: (object) => {
      given.push(object);
      return { ...object, version: 2, name: "oak" };
    },
  });
  const { operations } = await consult(update("tree", { height: 2 }));
  expect(given).toEqual([{ id: "tree", height: 2, name: "ash" }]);
  expect(operations).toEqual([update("tree", { height: 2, version: 2, name: "oak" })]);
});

test("an update that changes nothing reaches neither the handler nor the world", async () => {
  let calls = 0;
  const { consult } = newGate({ update: () => void (calls += 1) });
  expect(
    (await consult(update("tree", { height: 1, name: "ash", none: undefined }))).operations,
  ).toEqual([]);
  expect(calls).toBe(0);
});

test("an update of an object that the world does not hold fetches it first", async () => {
  const asked: unknown[] = [];
  const { consult } = newGate({
    fetch: (ids) => {
      asked.push(["fetch", ids]);
      return [{ id: "old", height: 5, name: "yew" }];
    },
    update: (object) => void asked.push(["update", object]),
  });
  const { operations, silent } = await consult(update("old", { height: 6 }));
  expect(asked).toEqual([
    ["fetch", ["old"]],
    ["update", { id: "old", height: 6, name: "yew" }],
  ]);
  expect(operations).toEqual([
    create("old", { height: 5, name: "yew" }),
    update("old", { height: 6 }),
  ]);
  expect(silent).toEqual(["old"]); // it was not created just now
});

test("an update of what the fetch handler does not find is left to fail, and asks nobody else", async () => {
  let calls = 0;
  const { consult } = newGate({ fetch: () => [null], update: () => void (calls += 1) });
  expect((await consult(update("nothing", { height: 6 }))).operations).toEqual([
    update("nothing", { height: 6 }),
  ]);
  expect(calls).toBe(0);
});

test("without a fetch handler the update handler is asked, and the object brought in", async () => {
  const { consult } = newGate({ update: (object) => ({ ...object, name: "of the database" }) });
  const { operations, silent } = await consult(update("old", { height: 6 }));
  expect(operations).toEqual([create("old", { height: 6, name: "of the database" })]);
  expect(silent).toEqual(["old"]);
});

test("what is destroyed is neither fetched nor updated again", async () => {
  let calls = 0;
  const count = (): void => void (calls += 1);
  const { consult, gate } = newGate({ fetch: count, update: count, destroy: count });
  const operations = [update("stump", { height: 1 }), destroy("stump")];
  expect((await consult(...operations)).operations).toEqual(operations);
  expect(await gate.load([id("stump"), id("tree")], null)).toEqual([]);
  expect(calls).toBe(0);
});

test("a destroy of what only the database has is done there, and is nothing to the world", async () => {
  const destroyed: string[] = [];
  const { consult } = newGate({ destroy: (name) => void destroyed.push(name) });
  expect((await consult(destroy("old"), destroy("tree"))).operations).toEqual([destroy("tree")]);
  expect(destroyed).toEqual(["old", "tree"]);
});

test("a create of an id that is taken asks nobody", async () => {
  let calls = 0;
  const { consult } = newGate({ create: () => void (calls += 1) });
  expect((await consult(create("tree"))).operations).toEqual([create("tree")]);
  expect(calls).toBe(0);
});

test("what a handler answers silently is noted", async () => {
  const { consult } = newGate({
    create: () => silently(),
    update: (object) => silently(object),
    destroy: () => undefined,
  });
  const { silent } = await consult(create("a"), update("tree", { height: 2 }), destroy("tree"));
  expect(silent).toEqual(["a", "tree"]);
});

test("load brings in what is asked for and found, and nothing else", async () => {
  const { gate } = newGate({
    fetch: async () =>
      Promise.resolve([null, { id: "b", height: 2 }, { id: "unasked" }, { height: 3 }]),
  });
  expect(await gate.load([id("a"), id("b"), id("tree")], null)).toEqual([
    create("b", { height: 2 }),
  ]);
});

test.each<[what: string, handlers: Handlers, operation: Operation]>([
  ["a create's is no object", { create: () => 7 as never }, create("a")],
  ["a create's has no proper id", { create: () => ({ id: 7 }) }, create("a")],
  ["a create's has a value that is none", { create: () => ({ f: () => 0 }) }, create("a")],
  [
    "an update's has another id",
    { update: () => ({ id: "other" }) },
    update("tree", { height: 2 }),
  ],
  ["a fetch's is no array", { fetch: () => ({}) as never }, update("old", { height: 2 })],
  [
    "a fetch's has a reserved key",
    { fetch: () => [JSON.parse('{"id":"old","__proto__":1}') as object] },
    update("old", { height: 2 }),
  ],
])("an answer that cannot be used is handler_failed: %s", async (_what, handlers, operation) => {
  const { consult } = newGate(handlers);
  await expect(consult(operation)).rejects.toMatchObject({ code: "handler_failed" });
});

test("a handler is told which step of which write it is about, and on whose behalf", async () => {
  const steps: unknown[] = [];
  const note = (_subject: unknown, sessionId: string | null, _callback: unknown, context: object) =>
    void steps.push([sessionId, context]);
  const { gate, consult } = newGate({
    create: (...given) => note(...given),
    destroy: (...given) => note(...given),
    fetch: (...given) => note(...given),
  });
  await consult(create("a"), destroy("tree"));
  await gate.consult([create("b")], null, null);
  await gate.load([id("old")], WRITER);
  const by = { world: "garden", identity: WRITER.identity };
  expect(steps).toEqual([
    ["session", { ...by, step: { clientId: "ann", n: 7, index: 0 } }],
    ["session", { ...by, step: { clientId: "ann", n: 7, index: 1 } }],
    [null, { world: "garden", identity: undefined, step: null }],
    ["session", { ...by, step: null }],
  ]);
});

test("a refresh makes the world agree with what the fetch handler finds, and with what it does not", async () => {
  const rows = [
    { id: "tree", name: "oak", age: 5 },
    { id: "stump", height: 1 },
  ];
  const { gate, world } = newGate({ fetch: (ids) => rows.filter((row) => ids.includes(row.id)) });
  world.commit([create("flower")], 0);
  const ids = ["tree", "stump", "flower", "nothing", "tree"].map(id);
  const operations = await gate.refresh(ids, null);
  expect(operations).toEqual([
    update("tree", { name: "oak", age: 5, height: undefined }),
    create("stump", { height: 1 }),
    destroy("flower"),
  ]);
  world.commit(operations, 0);
  expect([...world.objects()].map((object) => ({ ...object }))).toEqual(rows);
  expect(await newGate({}).gate.refresh(ids, null)).toEqual([]); // nobody knows otherwise
});

test("a row that was brought in before the create that made it is decided is met, not made again", () => {
  const { world } = newGate({});
  const renamed = new Map([[id("provisional"), id("tree")]]);
  const made = create("tree", { height: 1, age: 2 }, false);
  const other = create("stone");
  expect(meet([made, other], renamed, world)).toEqual([
    update("tree", { height: 1, age: 2, name: undefined }),
    other,
  ]);
  expect(meet([made], new Map(), world)).toEqual([made]); // an id that a client chose is taken
});
