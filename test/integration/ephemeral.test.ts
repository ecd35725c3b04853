import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { Welcome } from "../../lib/messages.ts";
import { SqliteStore } from "../../server/stores/sqlite/index.ts";
import { eventually } from "../support/eventually.ts";
import { KeptStore } from "../support/kept-store.ts";
import { RawClient } from "../support/raw-client.ts";
import { ServerProcess } from "../support/server-process.ts";
import { next, recordEvents, Stage, urlOf, viewOf } from "../support/stage.ts";

const stage = new Stage();
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  file = join(folder, "worlds.db");
});

afterEach(async () => {
  await stage.clear();
  rmSync(folder, { recursive: true });
});

async function startProcess(port = 0, env: Record<string, string> = {}): Promise<ServerProcess> {
  const given = { STORE: file, EPHEMERAL: "shot", SESSION_OBJECTS: "player", ...env };
  const server = await ServerProcess.start(
    "test/support/plain-server.ts",
    /port (\d+)/,
    port,
    given,
  );
  stage.afterwards(() => server.kill());
  return server;
}

async function welcomeAt(port: number): Promise<Welcome> {
  const raw = new RawClient(urlOf(port));
  stage.afterwards(() => raw.socket.disconnect());
  return raw.until(() => raw.messages.find((one) => one.kind === "welcome"));
}

test("kill -9: what is ephemeral is gone for everyone, the rest is there, and no number comes twice", async () => {
  const first = await startProcess();
  const { port } = first;
  const ann = await stage.join(urlOf(port));
  const bob = await stage.join(urlOf(port));
  const tree = await ann.create({ id: "tree", height: 1 });
  await ann.create({ id: "player:ann", x: 0 });
  for (let x = 1; x <= 40; x++) await ann.update({ id: "player:ann", x });
  await ann.transaction((tx) => {
    tx.update({ id: "tree", height: 2 });
    tx.create({ id: "shot:1", from: "player:ann" });
    tx.create({ id: "stone" });
  });
  await bob.create({ id: "player:bob", x: 7 });
  await eventually(() => ann.allObjects().size === 5 && bob.allObjects().size === 5);
  const before = await welcomeAt(port);

  const away = Promise.all([next(ann, "disconnect"), next(bob, "disconnect")]);
  await first.kill();
  await away;
  const events = recordEvents(bob);
  const late = ann.update({ id: "tree", height: 3 });
  const moved = ann.update({ id: "player:ann", x: 41 });
  moved.catch(() => undefined);
  await startProcess(port);
  await Promise.all([late, next(bob, "synced")]);
  await expect(moved).rejects.toMatchObject({ code: expect.stringMatching(/^(gone|not_found)$/) });

  const after = await welcomeAt(port);
  expect(after.epoch).toBe(before.epoch);
  expect(after.seq).toBeGreaterThan(before.seq);
  expect(after.nextHandle).toBeGreaterThan(before.nextHandle);
  await ann.create({ id: "player:ann", x: 41 });
  await eventually(() => bob.get("player:ann") !== undefined);
  const expected = {
    tree: { id: "tree", height: 3 },
    stone: { id: "stone" },
    "player:ann": { id: "player:ann", x: 41 },
  };
  expect([viewOf(ann), viewOf(bob)]).toEqual([expected, expected]);
  expect(ann.get("tree")).toBe(tree);
  // They were not begun anew: each was told what has ended.
  for (const id of ["player:ann", "player:bob", "shot:1"])
    expect(events).toContain(`destroy ${id}`);
  expect(events).not.toContain("remove tree");
});

test("kill -9 with more handles than a server remembers ends: everyone begins anew", async () => {
  const few = { LIMITS: JSON.stringify({ tombstonesMax: 3 }) };
  const first = await startProcess(0, few);
  const { port } = first;
  const bob = await stage.join(urlOf(port));
  await bob.create({ id: "tree" });
  for (let i = 0; i < 5; i++) await bob.create({ id: `shot:${i}` });
  const events = recordEvents(bob);
  const away = next(bob, "disconnect");
  await first.kill();
  await away;
  await startProcess(port, few);
  await next(bob, "synced");
  expect(viewOf(bob)).toEqual({ tree: { id: "tree" } });
  expect(events).toContain("remove shot:0");
  expect(events).not.toContain("destroy shot:0");
});

test("a server that ends in order ends what is ephemeral as well", async () => {
  const options = { ephemeral: ["shot"] };
  const first = await stage.serve({ ...options, store: new SqliteStore(file) });
  const client = await stage.join(first.url);
  await client.create({ id: "tree" });
  await client.create({ id: "shot:1" });
  const away = next(client, "disconnect");
  await first.sync.close();
  await away;
  const again = await stage.serve({ ...options, store: new SqliteStore(file) }, first.port);
  await next(client, "synced");
  expect(viewOf(client)).toEqual({ tree: { id: "tree" } });
  expect(viewOf(again.sync)).toEqual({ tree: { id: "tree" } });
});

test("writes of ephemeral objects wait for no store, and are decided while it refuses", async () => {
  const store = new KeptStore();
  const { sync, url } = await stage.serve({ store, ephemeral: ["shot"] });
  const errors: string[] = [];
  sync.on("error", ({ code }) => errors.push(code));
  const client = await stage.join(url);
  await client.create({ id: "shot:1", x: 0 });
  const { commits } = store;
  store.refuses = true;
  for (let x = 1; x <= 100; x++) await client.update({ id: "shot:1", x });
  const write = client.update({ id: "shot:1", x: 100.5 });
  await write;
  expect([write.stage, store.commits]).toEqual(["accepted", commits]);
  await expect(client.create({ id: "tree" })).rejects.toMatchObject({ code: "unavailable" });
  await client.update({ id: "shot:1", x: 101 });
  store.refuses = false;
  await client.create({ id: "tree" });
  expect(errors).toEqual(["unavailable"]);
  expect(JSON.stringify(store.backup())).not.toContain("shot");
});

test("a store is told in time of the numbers that a world uses, and only then", async () => {
  const store = new KeptStore();
  const limits = { reservedCommits: 10, reservedHandles: 1_000 };
  const { sync } = await stage.serve({ store, ephemeral: ["shot"], limits });
  await sync.create({ id: "shot:1", x: 0 });
  for (let x = 1; x <= 100; x++) await sync.update({ id: "shot:1", x });
  expect(store.commits).toBe(Math.ceil(101 / 11));
});

test("no number is used that a store could not be told of", async () => {
  const store = new KeptStore();
  const limits = { reservedCommits: 3 };
  const { sync, url } = await stage.serve({ store, ephemeral: ["shot"], limits });
  sync.on("error", () => undefined);
  const client = await stage.join(url);
  await client.create({ id: "shot:1", x: 0 });
  store.refuses = true;
  for (let x = 1; x <= 3; x++) await client.update({ id: "shot:1", x });
  const refused = client.update({ id: "shot:1", x: 4 });
  await expect(refused).rejects.toMatchObject({ code: "unavailable" });
  expect(client.get("shot:1")).toEqual({ id: "shot:1", x: 3 });
  store.refuses = false;
  await client.update({ id: "shot:1", x: 5 });
  expect(sync.get("shot:1")).toEqual({ id: "shot:1", x: 5 });
});

test("what a client has created under session objects is destroyed when it is gone, for everyone", async () => {
  const { sync, url } = await stage.serve({
    store: new SqliteStore(file),
    sessionObjects: ["player"],
    limits: { sessionGraceMs: 30 },
  });
  const ann = await stage.join(url);
  const bob = await stage.join(url);
  await ann.create({ id: "player:ann" });
  await ann.create({ id: "tree" });
  await bob.create({ id: "player:bob" });
  await sync.create({ id: "player:of-the-server" });
  const events = recordEvents(bob);
  await ann.close();
  await eventually(() => bob.get("player:ann") === undefined);
  expect(events).toContain("destroy player:ann");
  expect(Object.keys(viewOf(bob)).sort()).toEqual(["player:bob", "player:of-the-server", "tree"]);
});
