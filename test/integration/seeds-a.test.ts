import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { get } from "node:http";
import type { Socket } from "node:net";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test } from "@jest/globals";
import { Server as SocketIoServer } from "socket.io";
import { io as connectSocketIo } from "socket.io-client";
import { z } from "zod";
import type { SyncObject } from "../../client/index.ts";
import {
  ObjectSync as Listener,
  ObjectSyncServer,
  silently,
  SyncError,
} from "../../server/index.ts";
import type { Handlers, ServerOptions } from "../../server/index.ts";
import { schemas } from "../../schema/index.ts";
import { jsonSchema } from "../../schema/json/index.ts";
import { Database } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { HELLO, RawClient } from "../support/raw-client.ts";
import { ServerProcess } from "../support/server-process.ts";
import { next, recordEvents, Stage, TAPPED, urlOf, viewOf, type Served } from "../support/stage.ts";

/** SEEDS.md, part A: what node-object-sync did, and what its TODO list asked for. */

const stage = new Stage();
afterEach(() => stage.clear());

type Options = Omit<ServerOptions, "handlers">;

/** A server by node-object-sync's way in: handlers in front of the application's own database. */
async function listen(handlers: Handlers, options: Options = {}): Promise<Served> {
  const { http, url } = await stage.http();
  const sync = Listener.listen(http, handlers, options);
  stage.afterwards(() => sync.close());
  return { sync, url, port: Number(new URL(url).port) };
}

const kinds = [
  ["callbacks", (database: Database) => database.withCallbacks()],
  ["promises", (database: Database) => database.withPromises()],
] as const;

const schemaKinds = [
  [
    "JSON Schema",
    jsonSchema({
      properties: { name: { type: "string" }, level: { type: "integer", minimum: 1 } },
      required: ["name", "level"],
      additionalProperties: false,
    }),
  ],
  ["Standard Schema", z.strictObject({ name: z.string(), level: z.int().min(1) })],
] as const;

test.each(kinds)(
  "A1: a save without an id calls back with the server's id, and creates on every client (handlers with %s)",
  async (_kind, handlersOf) => {
    const database = new Database();
    const { url } = await listen(handlersOf(database));
    const [ann, bob, eve] = [await stage.join(url), await stage.join(url), await stage.join(url)];
    const created: Record<string, SyncObject[]> = { ann: [], bob: [], eve: [] };
    ann.on("create", (object) => created["ann"]?.push(object));
    bob.on("create", (object) => created["bob"]?.push(object));
    eve.on("create", (object) => created["eve"]?.push(object));

    const called = await new Promise((resolve) => {
      void ann.save({ name: "tree" }, (error, object) => resolve([error, { ...object }]));
    });
    expect(called).toEqual([null, { id: "row:1", name: "tree" }]);
    await eventually(() => bob.get("row:1") && eve.get("row:1"));
    for (const client of [ann, bob, eve]) {
      expect(viewOf(client)).toEqual({ "row:1": { id: "row:1", name: "tree" } });
    }
    const each = [{ id: "row:1", name: "tree" }];
    expect(created).toEqual({ ann: each, bob: each, eve: each });
    expect(database.calls).toEqual(["create"]);
  },
);

test("A2: a late joiner gets no replayed create, and its fetch works", async () => {
  const database = new Database();
  const { url } = await listen(database.withCallbacks());
  const early = await stage.join(url);
  await early.save({ name: "tree" });
  database.rows.set("old", { id: "old", name: "older than the server" });

  const late = stage.client(url, { autoConnect: false });
  const events = recordEvents(late);
  late.connect();
  await late.whenSynced();
  expect(await late.fetch("row:1")).toEqual({ id: "row:1", name: "tree" });
  expect(await late.fetch(["old", "row:1", "nothing"])).toEqual([
    { id: "old", name: "older than the server" },
    { id: "row:1", name: "tree" },
    null,
  ]);
  const called = await new Promise((resolve) => {
    void late.fetch("old", (error, object) => resolve([error, { ...object }]));
  });
  expect(called).toEqual([null, { id: "old", name: "older than the server" }]);
  expect(events).toEqual(["add row:1", "add old"]);
});

test.each(kinds)(
  "A3: a save with an id updates everywhere, with the full object in hand (handlers with %s)",
  async (_kind, handlersOf) => {
    const database = new Database();
    const { url } = await listen(handlersOf(database));
    const [ann, bob] = [await stage.join(url), await stage.join(url)];
    const { id } = await ann.save({ name: "tree", height: 1 });
    await eventually(() => bob.get(id));
    const updates: unknown[] = [];
    for (const client of [ann, bob]) {
      client.on("update", (object, changed, previous) => {
        updates.push([{ ...object }, changed, previous]);
      });
    }
    await bob.save({ id, height: 2 });
    await eventually(() => ann.get(id)?.["height"] === 2);
    const told = [{ id, name: "tree", height: 2 }, { height: 2 }, { height: 1 }];
    expect(updates).toEqual([told, told]);
    expect(database.rows.get(id)).toEqual({ id, name: "tree", height: 2 });
  },
);

test.each(kinds)(
  "A4: a destroy tells its id everywhere, and the object is gone from allObjects (handlers with %s)",
  async (_kind, handlersOf) => {
    const database = new Database();
    const { url } = await listen(handlersOf(database));
    const [ann, bob] = [await stage.join(url), await stage.join(url)];
    const { id } = await ann.save({ name: "tree" });
    await eventually(() => bob.get(id));
    const destroyed: string[] = [];
    ann.on("destroy", (gone) => destroyed.push(`ann ${gone}`));
    bob.on("destroy", (gone) => destroyed.push(`bob ${gone}`));
    await new Promise<void>((resolve, reject) => {
      void bob.destroy(id, (error) => (error === null ? resolve() : reject(error)));
    });
    await eventually(() => ann.allObjects().size === 0);
    expect(bob.allObjects().size).toBe(0);
    expect(destroyed.sort()).toEqual([`ann ${id}`, `bob ${id}`]);
    expect(database.rows.size).toBe(0);
  },
);

test.each([
  ["with an error listener", true],
  ["without one", false],
])("A5: a handler's error is called back, and nothing is broadcast, %s", async (_how, listens) => {
  const { sync, url } = await listen({
    update: (_object, _sessionId, callback) => callback("not today"),
    destroy: (_id, _sessionId, callback) => callback(new SyncError("forbidden", "it is listed")),
  });
  await sync.create({ id: "tree", height: 1 });
  sync.setHandler("create", (_object, _sessionId, callback) => {
    callback(new Error("no room for it"));
  });
  const [ann, bob] = [await stage.join(url), await stage.join(url)];
  if (listens) ann.on("error", () => undefined);
  const events = recordEvents(bob);
  const called = (write: (callback: (error: SyncError | null) => void) => Promise<unknown>) =>
    new Promise<[string | undefined, string | undefined]>((resolve) => {
      void write((error) => resolve([error?.code, error?.message])).catch(() => undefined);
    });

  expect(await called((callback) => ann.save({ name: "stone" }, callback))).toEqual([
    "refused",
    "no room for it",
  ]);
  expect(await called((callback) => ann.save({ id: "tree", height: 2 }, callback))).toEqual([
    "refused",
    "not today",
  ]);
  expect(await called((callback) => ann.destroy("tree", callback))).toEqual([
    "forbidden",
    "it is listed",
  ]);
  // What bob sees next is what happens next: nothing of the above.
  sync.setHandler("create", undefined);
  await ann.create({ id: "flower" });
  await eventually(() => bob.get("flower"));
  expect(events).toEqual(["create flower", "add flower"]);
  expect(viewOf(ann)).toEqual({ tree: { id: "tree", height: 1 }, flower: { id: "flower" } });
});

test.each<[how: string, handlers: Handlers]>([
  [
    "through the callback",
    {
      create: (object, _sessionId, callback) => callback(null, object, false),
      update: (object, _sessionId, callback) => callback(null, object, false),
      destroy: (_id, _sessionId, callback) => callback(null, false),
    },
  ],
  [
    "by silently()",
    {
      create: (object) => silently(object),
      update: async (object) => Promise.resolve(silently(object)),
      destroy: () => silently(),
    },
  ],
])("A6: fireEvent = false %s changes the world without an event", async (_how, handlers) => {
  const { sync, url } = await listen(handlers);
  const [ann, bob] = [await stage.join(url), await stage.join(url)];
  const onServer: string[] = [];
  sync.on("create", ({ id }) => onServer.push(`create ${id}`));
  sync.on("update", ({ id }) => onServer.push(`update ${id}`));
  sync.on("destroy", (id) => onServer.push(`destroy ${id}`));
  const events = recordEvents(bob);

  await ann.create({ id: "tree", height: 1 });
  await eventually(() => bob.get("tree"));
  await ann.update({ id: "tree", height: 2 });
  await eventually(() => bob.get("tree")?.["height"] === 2);
  await ann.destroy("tree");
  await eventually(() => bob.get("tree") === undefined);
  expect(events).toEqual(["add tree", "remove tree"]);
  expect(onServer).toEqual([]);
});

test("A7: what the server saves is broadcast, without any database", async () => {
  const { sync, url } = await stage.serve();
  const [ann, bob] = [await stage.join(url), await stage.join(url)];
  const [atAnn, atBob] = [recordEvents(ann), recordEvents(bob)];
  const { id } = await sync.save({ name: "tree" });
  await eventually(() => ann.get(id) && bob.get(id));
  await sync.save({ id, name: "oak" });
  await eventually(() => ann.get(id)?.["name"] === "oak" && bob.get(id)?.["name"] === "oak");
  await sync.destroy(id);
  await eventually(() => ann.get(id) === undefined && bob.get(id) === undefined);
  const told = [
    ...[`create ${id}`, `add ${id}`],
    `update ${id} name`,
    ...[`destroy ${id}`, `remove ${id}`],
  ];
  expect([atAnn, atBob]).toEqual([told, told]);
});

test("A8: a server is killed and started again, and its clients reconnect by themselves", async () => {
  const listens = /port (\d+)/;
  const first = await ServerProcess.start("test/support/plain-server.ts", listens);
  stage.afterwards(() => first.kill());
  const url = urlOf(first.port);
  const [ann, bob] = [await stage.join(url), await stage.join(url)];
  await ann.create({ id: "tree" });
  await eventually(() => bob.get("tree"));

  await first.kill();
  await eventually(() => !ann.isConnected() && !bob.isConnected());
  const written = ann.create({ id: "flower" }); // while nobody is there
  expect([ann.status, bob.status]).toEqual(["connecting", "connecting"]);
  const second = await ServerProcess.start("test/support/plain-server.ts", listens, first.port);
  stage.afterwards(() => second.kill());
  await Promise.all([ann.whenSynced(), bob.whenSynced(), written]);
  await eventually(() => bob.get("flower"));
  // Without a database the world has ended with the process; what was pending has not.
  expect(viewOf(ann)).toEqual({ flower: { id: "flower" } });
  expect(viewOf(bob)).toEqual(viewOf(ann));
});

test("A9: an unchanged save succeeds without a write and without a broadcast", async () => {
  const database = new Database();
  const { url, port } = await listen(database.withCallbacks());
  const network = await stage.network(port);
  const [ann, bob] = [await stage.join(url), await stage.join(network.url)];
  const { id } = await ann.save({ name: "tree", leaves: ["a", "b"], at: new Date(1) });
  await eventually(() => bob.get(id));
  const before = network.taps[0]?.messages.length;
  const events = [recordEvents(ann), recordEvents(bob)];

  const saved = await ann.save({ id, name: "tree", leaves: ["a", "b"], at: new Date(1) });
  expect(saved).toBe(ann.get(id));
  await bob.fetch(id); // the answer comes after whatever was broadcast before
  expect(database.calls).toEqual(["create"]);
  expect(network.taps[0]?.messages.slice(before).map(({ message }) => message.kind)).toEqual([
    "fetched",
  ]);
  expect(events).toEqual([[], []]);
});

test("A12: an object keeps its one reference: before and after updates, a new id, a drop and a resync", async () => {
  const database = new Database();
  const { sync, port, url } = await listen(database.withPromises(), {
    limits: { tombstonesMax: 1 },
  });
  const network = await stage.network(port);
  const [client, other] = [await stage.join(network.url, TAPPED), await stage.join(url)];
  const saving = client.save({ name: "tree" });
  const [tree] = client.allObjects().values();
  expect(await saving).toBe(tree);
  expect(tree).toEqual({ id: "row:1", name: "tree" });
  expect(client.get("row:1")).toBe(tree);

  await client.save({ id: "row:1", height: 1 });
  await sync.save({ id: "row:1", height: 2 });
  await eventually(() => client.get("row:1")?.["height"] === 2);
  expect(client.get("row:1")).toBe(tree);

  const dropped = next(client, "disconnect");
  network.cut();
  await dropped;
  await sync.save({ id: "row:1", height: 3 });
  await eventually(() => tree?.["height"] === 3);
  expect(client.get("row:1")).toBe(tree);

  network.goDown();
  await eventually(() => !client.isConnected());
  for (const id of ["a", "b", "c"]) {
    await sync.create({ id });
    await sync.destroy(id);
  }
  await sync.save({ id: "row:1", height: 4 });
  await eventually(() => other.get("row:1")?.["height"] === 4); // so much is flushed, and forgotten
  network.comeUp();
  await client.whenSynced();
  expect(network.taps.at(-1)?.messages[0]?.message).toMatchObject({ isResumed: false });
  expect(client.get("row:1")).toBe(tree);
  expect(tree).toEqual({ id: "row:1", name: "tree", height: 4 });
  expect(await client.fetch("row:1")).toBe(tree);
});

test("A13: offline edits apply locally and converge; a rejected one rolls back with an event", async () => {
  const { sync, port, url } = await stage.serve({
    authorize: ({ operation }) => operation.id !== "locked",
  });
  await sync.create({ id: "locked", height: 1 });
  await sync.create({ id: "tree", height: 1, name: "ash" });
  await sync.create({ id: "stone" });
  const network = await stage.network(port);
  const [away, other] = [await stage.join(network.url, TAPPED), await stage.join(url)];
  network.goDown();
  await eventually(() => !away.isConnected());

  const rejected: string[] = [];
  away.on("reject", (error, { operations }) => {
    rejected.push(`${error.code} ${operations.map(({ id }) => id).join()}`);
  });
  const writes = [
    away.update({ id: "tree", height: 2 }),
    away.update({ id: "locked", height: 2 }),
    away.destroy("stone"),
    away.create({ id: "flower", color: "red" }),
  ];
  expect(viewOf(away)).toEqual({
    tree: { id: "tree", height: 2, name: "ash" },
    locked: { id: "locked", height: 2 },
    flower: { id: "flower", color: "red" },
  });
  expect(away.pending).toBe(4);
  await other.update({ id: "tree", name: "oak" });

  const events = recordEvents(away);
  network.comeUp();
  const outcomes = await Promise.allSettled(writes);
  expect(outcomes.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "fulfilled",
  ]);
  expect(rejected).toEqual(["forbidden locked"]);
  expect(events.sort()).toEqual(["update locked height", "update tree name"]);
  await eventually(() => other.get("flower"));
  const all = {
    tree: { id: "tree", height: 2, name: "oak" },
    locked: { id: "locked", height: 1 },
    flower: { id: "flower", color: "red" },
  };
  expect([viewOf(away), viewOf(other), viewOf(sync)]).toEqual([all, all, all]);
  expect(away.pending).toBe(0);
});

test("A15: one changed property of a 100-property object is a small frame, both ways", async () => {
  const messageMax = 20;
  const maskedHeader = 6;
  const { port } = await stage.serve();
  const [toWriter, toWatcher] = [await stage.network(port), await stage.network(port)];
  const [writer, watcher] = [await stage.join(toWriter.url), await stage.join(toWatcher.url)];
  const wide = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`property${i}`, i]));
  await writer.create({ id: "wide", ...wide });
  await eventually(() => watcher.get("wide"));
  const frames = toWatcher.taps[0]?.messages ?? [];

  for (const value of [1_000, 1_001]) {
    const before = [frames.length, toWriter.bytesUp, toWatcher.bytesDown] as const;
    await writer.save({ id: "wide", property42: value });
    await eventually(() => watcher.get("wide")?.["property42"] === value);
    const [frame, ...more] = frames.slice(before[0]);
    expect(more).toEqual([]);
    expect(frame?.bytes).toBeLessThanOrEqual(messageMax);
    expect(toWatcher.bytesDown - before[2]).toBe(2 + (frame?.bytes ?? 0));
    expect(toWriter.bytesUp - before[1]).toBeLessThanOrEqual(maskedHeader + messageMax);
  }
  // The second time not even the property's name travels.
  expect(frames.at(-1)?.bytes).toBeLessThanOrEqual(messageMax / 2);
});

test("A17: a handler that never answers is a timeout", async () => {
  const { sync, url } = await listen(
    {
      create: (_object, _sessionId, _callback) => undefined,
      update: () => new Promise(() => undefined),
      fetch: (_ids, _sessionId, _callback) => undefined,
    },
    { limits: { handlerTimeoutMs: 30 } },
  );
  const errors: string[] = [];
  sync.on("error", ({ code }) => errors.push(code));
  const client = await stage.join(url);
  await expect(client.create({ id: "tree" })).rejects.toMatchObject({
    code: "timeout",
    retryable: true,
  });
  await expect(client.update({ id: "tree", height: 1 })).rejects.toMatchObject({ code: "timeout" });
  await expect(client.fetch("tree")).rejects.toMatchObject({ code: "timeout" });
  await expect(sync.create({ id: "tree" })).rejects.toMatchObject({ code: "timeout" });
  expect(client.allObjects().size).toBe(0);
  sync.setHandler("create", undefined);
  expect(await client.create({ id: "tree" })).toEqual({ id: "tree" });
  expect(new Set(errors)).toEqual(new Set(["timeout"]));
});

test("A17: a handler that throws is handler_failed, and its words stay on the server", async () => {
  const fail = (): never => {
    throw new Error("the password of the database is 12345");
  };
  const { sync, url } = await listen({
    create: fail,
    update: async () => Promise.resolve().then(fail),
    destroy: (_id, _sessionId, callback) => {
      callback(null);
      callback(new Error("twice"));
      fail();
    },
    fetch: fail,
  });
  const causes: unknown[] = [];
  sync.on("error", ({ cause }) => causes.push(cause));
  const client = await stage.join(url);
  const failed = { code: "handler_failed", message: expect.not.stringContaining("12345") };
  await expect(client.create({ id: "tree" })).rejects.toMatchObject(failed);
  sync.setHandler("fetch", undefined);
  await expect(client.update({ id: "tree", height: 1 })).rejects.toMatchObject(failed);
  sync.setHandler("fetch", fail);
  await expect(client.fetch("tree")).rejects.toMatchObject(failed);
  await client.destroy("tree"); // the first answer counts
  expect(causes).toHaveLength(3);
  expect(client.isConnected()).toBe(true);
});

test("A17: a garbage message ends its connection only", async () => {
  const { sync, url } = await stage.serve();
  const client = await stage.join(url);
  const hostile = new RawClient(url, { ...HELLO, clientId: "a-hostile-client" });
  stage.afterwards(() => hostile.close());
  await hostile.until(() => hostile.messages.some(({ kind }) => kind === "delta"));
  hostile.send(Array.from({ length: 300 }, (_, i) => (i * 151) % 256));
  expect(await hostile.goodbye()).toBe("unsupported");
  await client.create({ id: "tree" });
  expect(viewOf(sync)).toEqual({ tree: { id: "tree" } });
});

test.each(schemaKinds)(
  "A18: what violates a rigid schema is refused, with object, property and reason, and shows nowhere (%s)",
  async (_kind, player) => {
    const database = new Database();
    const { sync, url } = await listen(database.withPromises());
    sync.use(schemas({ player }, { strict: true }));
    const [ann, bob] = [await stage.join(url), await stage.join(url)];
    await ann.create({ id: "player:1", name: "Ada", level: 1 });
    await eventually(() => bob.get("player:1"));
    const events = [recordEvents(ann), recordEvents(bob)];

    const refused = (property: string | undefined) => ({
      code: "schema_violation",
      id: "player:1",
      ...(property !== undefined && { property }),
      message: expect.stringMatching(/^player:1 would not fit its schema: /) as unknown,
    });
    const update = (changes: object) => ann.update({ id: "player:1", ...changes });
    await expect(update({ level: "high" })).rejects.toMatchObject(refused("level"));
    await expect(update({ name: undefined })).rejects.toMatchObject(refused("name"));
    await expect(update({ hat: "red" })).rejects.toMatchObject(refused(undefined));
    await expect(ann.create({ id: "tree:1" })).rejects.toMatchObject({ id: "tree:1" });
    await expect(sync.update({ id: "player:1", level: 0 })).rejects.toMatchObject(refused("level"));

    await bob.update({ id: "player:1", level: 2 });
    await eventually(() => ann.get("player:1")?.["level"] === 2);
    const left = { "player:1": { id: "player:1", name: "Ada", level: 2 } };
    expect([viewOf(ann), viewOf(bob), viewOf(sync)]).toEqual([left, left, left]);
    expect(events[1]).toEqual(["update player:1 level"]);
    expect(database.calls).toEqual(["create", "update player:1"]);
  },
);

test("A21: neither the default path nor the default namespace is socket.io's", async () => {
  const { url } = await stage.serve();
  await stage.join(url);
  for (const path of ["/socket.io/", "/socket.io/socket.io.js"]) {
    expect((await fetch(`${url}${path}?EIO=4&transport=polling`)).status).toBe(404);
  }
});

test("A21: a server under a path and a namespace of one's own is found there, and nowhere else", async () => {
  const { url } = await stage.serve({ path: "/live/world/", namespace: "/arena" });
  const client = await stage.join(url, { path: "/live/world", namespace: "/arena" });
  await client.create({ id: "tree" });
  expect((await fetch(`${url}/live/world/client.mjs`)).status).toBe(200);
  expect((await fetch(`${url}/object-sync/client.mjs`)).status).toBe(404);
  expect((await fetch(`${url}/object-sync/?EIO=4&transport=polling`)).status).toBe(404);
});

test("A21: attached to an application's HTTP server it leaves other requests and WebSockets alone", async () => {
  const { http, url } = await stage.http((request, response) => {
    response.end(`the application's ${request.url ?? ""}`);
  });
  const upgrades: string[] = [];
  http.on("upgrade", (request, socket) => {
    if (request.url !== "/chat") return;
    upgrades.push(request.url);
    socket.end(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: chat\r\nConnection: Upgrade\r\n\r\nhi",
    );
  });
  const sync = new ObjectSyncServer().attach(http);
  stage.afterwards(() => sync.close());
  const [ann, bob] = [
    await stage.join(url),
    await stage.join(url, { transports: ["polling"] }), // whose requests pass the same listeners
  ];
  await ann.create({ id: "tree" });
  await eventually(() => bob.get("tree"));
  expect(await (await fetch(`${url}/page?a=1`)).text()).toBe("the application's /page?a=1");
  expect(await (await fetch(`${url}/object-syncing`)).text()).toBe(
    "the application's /object-syncing",
  );
  expect(await upgraded(url, "/chat")).toBe("hi");
  expect(upgrades).toEqual(["/chat"]);

  await sync.close();
  expect(http.listening).toBe(true);
  expect(await (await fetch(`${url}/page`)).text()).toBe("the application's /page");
});

test("A21: in an application's own socket.io server, with its parser, both go their ways", async () => {
  const { http, url } = await stage.http();
  const io = new SocketIoServer(http);
  stage.afterwards(() => io.close());
  io.on("connection", (socket) => {
    socket.on("shout", (text: string, answer: (text: string) => void) => {
      answer(text.toUpperCase());
    });
  });
  const sync = new ObjectSyncServer().attach(io);
  stage.afterwards(() => sync.close());

  const application = connectSocketIo(url, { transports: ["websocket"], forceNew: true });
  stage.afterwards(() => application.disconnect());
  const [ann, bob] = [
    await stage.join(url, { path: "/socket.io" }),
    await stage.join(url, { path: "/socket.io", transports: ["polling"] }),
  ];
  const bytes = Uint8Array.of(1, 2, 3);
  await ann.create({ id: "tree", height: 1, bytes });
  await eventually(() => bob.get("tree"));
  await bob.save({ id: "tree", height: 2 });
  await eventually(() => ann.get("tree")?.["height"] === 2);
  expect(viewOf(bob)).toEqual({ tree: { id: "tree", height: 2, bytes } });
  expect(await application.emitWithAck("shout", "hello")).toBe("HELLO");
  expect((await fetch(`${url}/object-sync/client.js`)).status).toBe(200);

  await sync.close();
  expect(await application.emitWithAck("shout", "still here")).toBe("STILL HERE");
});

test("A21: two servers on one HTTP server keep apart, and either can go", async () => {
  const { http, url } = await stage.http((_request, response) => response.end("the application"));
  const one = new ObjectSyncServer({ path: "/one" }).attach(http);
  const two = new ObjectSyncServer({ path: "/two" }).attach(http);
  stage.afterwards(() => Promise.all([one.close(), two.close()]));
  const [atOne, atTwo] = [
    await stage.join(url, { path: "/one" }),
    await stage.join(url, { path: "/two", transports: ["polling"] }),
  ];
  await atOne.create({ id: "tree" });
  await atTwo.create({ id: "stone" });
  expect([viewOf(one), viewOf(two)]).toEqual([
    { tree: { id: "tree" } },
    { stone: { id: "stone" } },
  ]);

  await one.close();
  expect(await (await fetch(url)).text()).toBe("the application");
  await atTwo.create({ id: "flower" });
  expect((await fetch(`${url}/two/client.js`)).status).toBe(200);
  expect([...two.allObjects().keys()]).toEqual(["stone", "flower"]);
});

/** The bytes that follow when a connection becomes something else. */
async function upgraded(url: string, path: string): Promise<string> {
  const request = get(url + path, { headers: { Connection: "Upgrade", Upgrade: "chat" } });
  const [, socket, head] = (await once(request, "upgrade")) as [unknown, Socket, Buffer];
  socket.destroy();
  return head.toString();
}

test("A22: after a drop within the horizon, what was missed arrives once and in order", async () => {
  const { sync, port } = await stage.serve();
  const network = await stage.network(port);
  const away = await stage.join(network.url, TAPPED);
  for (const id of ["kept", "changed", "destroyed", "untouched"]) await sync.create({ id });
  await eventually(() => away.allObjects().size === 4);
  const events = recordEvents(away);

  network.goDown();
  await eventually(() => !away.isConnected());
  await sync.create({ id: "new" });
  await sync.update({ id: "changed", height: 1 });
  await sync.update({ id: "changed", height: 2, name: "oak" });
  await sync.destroy("destroyed");
  await sync.create({ id: "brief" });
  await sync.destroy("brief");
  await sync.update({ id: "kept", height: 3 });
  network.comeUp();
  await away.whenSynced();

  expect(events).toEqual([
    "add new", // not `create`: it was created while this client was away
    "update changed height,name",
    ...["destroy destroyed", "remove destroyed"],
    "update kept height",
  ]);
  expect(network.taps.at(-1)?.messages[0]?.message).toMatchObject({ isResumed: true });
  expect(viewOf(away)).toEqual(viewOf(sync));
  await sync.create({ id: "later" });
  await eventually(() => away.get("later"));
  expect(events.slice(5)).toEqual(["create later", "add later"]);
});

test("A22: after a drop beyond the horizon there is a resync, and pending writes are kept", async () => {
  const { sync, port, url } = await stage.serve({ limits: { tombstonesMax: 2 } });
  const network = await stage.network(port);
  const [away, other] = [await stage.join(network.url, TAPPED), await stage.join(url)];
  for (const id of ["a", "b", "c", "d", "tree"]) await sync.create({ id });
  await eventually(() => away.allObjects().size === 5);
  network.goDown();
  await eventually(() => !away.isConnected());
  const pending = [
    away.update({ id: "tree", height: 7 }),
    away.create({ id: "mine" }),
    away.update({ id: "a", height: 1 }),
  ];
  const events = recordEvents(away);
  for (const id of ["a", "b", "c", "d"]) await sync.destroy(id);
  await sync.update({ id: "tree", name: "oak" });
  await eventually(() => other.get("tree")?.["name"] === "oak"); // so much is flushed, and forgotten

  network.comeUp();
  const outcomes = await Promise.allSettled(pending);
  expect(network.taps.at(-1)?.messages[0]?.message).toMatchObject({ isResumed: false });
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  const all = { tree: { id: "tree", name: "oak", height: 7 }, mine: { id: "mine" } };
  expect([viewOf(away), viewOf(sync)]).toEqual([all, all]);
  expect(events.sort()).toEqual([
    ...["remove a", "remove b", "remove c", "remove d"],
    "update tree name",
  ]);
});

test("A23: writes made while disconnected are sent once, in order, and their callbacks run once", async () => {
  const { sync, port } = await stage.serve();
  const network = await stage.network(port);
  const client = await stage.join(network.url, TAPPED);
  const onServer: string[] = [];
  sync.on("create", ({ id }) => onServer.push(`create ${id}`));
  sync.on("update", ({ id }, { height }) =>
    onServer.push(`update ${id} ${JSON.stringify(height)}`),
  );
  sync.on("destroy", (id) => onServer.push(`destroy ${id}`));
  network.goDown();
  await eventually(() => !client.isConnected());

  const called: string[] = [];
  const note = (what: string) => (error: SyncError | null) => {
    called.push(`${what} ${error?.code ?? "done"}`);
  };
  const writes = [
    client.create({ id: "tree", height: 0 }, note("create")),
    client.update({ id: "tree", height: 1 }, note("update")),
    client.update({ id: "tree", height: 2 }, note("update again")),
    client.create({ id: "tree" }, note("create again")),
    client.destroy("tree", note("destroy")),
  ];
  expect(onServer).toEqual([]);
  network.comeUp();
  await Promise.allSettled(writes);
  for (let drops = 0; drops < 3; drops++) {
    const back = next(client, "synced");
    network.cut();
    await back;
  }
  expect(onServer).toEqual(["create tree", "update tree 1", "update tree 2", "destroy tree"]);
  expect(called).toEqual([
    "create done",
    "update done",
    "update again done",
    "create again exists",
    "destroy done",
  ]);
});

test("A23: a write whose acknowledgement was lost is not made again", async () => {
  const database = new Database();
  const { sync, port } = await listen(database.withPromises());
  const network = await stage.network(port);
  const client = await stage.join(network.url, TAPPED);
  let calls = 0;
  network.stopDelivering();
  const write = client.save({ name: "tree" }, () => (calls += 1));
  await eventually(() => sync.allObjects().size === 1);
  expect(calls).toBe(0);
  network.cut();
  network.deliverAgain();
  await write;
  expect(calls).toBe(1);
  expect(database.calls).toEqual(["create"]);
  expect(viewOf(client)).toEqual({ "row:1": { id: "row:1", name: "tree" } });
});

test("A24: the server serves the client, as a script with a global and as a module", async () => {
  const { url } = await stage.serve();
  const script = await fetch(`${url}/object-sync/client.js`);
  expect([script.status, script.headers.get("content-type")]).toEqual([
    200,
    "text/javascript; charset=utf-8",
  ]);
  const page: Record<string, unknown> = { ...globalThis };
  runInNewContext(await script.text(), page);
  expect(typeof page["ObjectSync"]).toBe("function");

  const module = await fetch(`${url}/object-sync/client.mjs?v=1`);
  expect([module.status, module.headers.get("content-type")]).toEqual([
    200,
    "text/javascript; charset=utf-8",
  ]);
  const built = new URL("../../dist/browser/client.mjs", import.meta.url);
  expect(await module.text()).toBe(await readFile(built, "utf8"));

  const etag = module.headers.get("etag") ?? "";
  const again = await fetch(`${url}/object-sync/client.mjs`, {
    headers: { "If-None-Match": etag },
  });
  expect(again.status).toBe(304);
  expect((await fetch(`${url}/object-sync/../package.json`)).status).toBe(404);
});
