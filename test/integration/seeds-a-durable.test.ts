import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { SyncError } from "../../client/index.ts";
import { eventually } from "../support/eventually.ts";
import type { Network } from "../support/network.ts";
import { ServerProcess } from "../support/server-process.ts";
import { recordEvents, Stage, TAPPED, urlOf, viewOf } from "../support/stage.ts";

/** SEEDS.md, rows A 13, 22 and 23, where the server is killed meanwhile: `seeds-a` has them without. */

const stage = new Stage();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
});

afterEach(async () => {
  await stage.clear();
  rmSync(folder, { recursive: true });
});

/** A server as a process of its own, with its world on the disk. */
async function start(port = 0, limits: Readonly<Record<string, number>> = {}) {
  const env = { STORE: join(folder, "worlds.db"), LIMITS: JSON.stringify(limits) };
  const server = await ServerProcess.start("test/support/plain-server.ts", /port (\d+)/, port, env);
  stage.afterwards(() => server.kill());
  return server;
}

/** What a client does and hears of, whose callbacks must each run once. */
function callbacks(): [string[], (what: string) => (error: SyncError | null) => void] {
  const called: string[] = [];
  return [called, (what) => (error) => called.push(`${what} ${error?.code ?? "done"}`)];
}

/** Whether the client could go on from where it was when it came back last. */
function wasResumed(network: Network): unknown {
  const message = network.taps.at(-1)?.messages[0]?.message;
  return message?.kind === "welcome" ? message.isResumed : undefined;
}

test("A13: offline edits apply locally, outlive the server, and converge; a rejected one rolls back with an event", async () => {
  const first = await start();
  const { port } = first;
  const network = await stage.network(port);
  const [away, other] = [await stage.join(network.url, TAPPED), await stage.join(urlOf(port))];
  for (const id of ["tree", "stump", "stone"]) await other.create({ id, height: 1 });
  await eventually(() => away.allObjects().size === 3);
  network.goDown();
  await eventually(() => !away.isConnected());
  const rejected: string[] = [];
  away.on("reject", (error, { operations }) => {
    rejected.push(`${error.code} ${operations.map(({ id }) => id).join()}`);
  });
  const writes = [
    away.update({ id: "tree", height: 2 }),
    away.update({ id: "stump", height: 2 }),
    away.destroy("stone"),
    away.create({ id: "taken", by: "me" }),
    away.create({ id: "flower" }),
  ];
  expect(viewOf(away)).toEqual({
    tree: { id: "tree", height: 2 },
    stump: { id: "stump", height: 2 },
    taken: { id: "taken", by: "me" },
    flower: { id: "flower" },
  });
  await other.destroy("stump");
  await other.create({ id: "taken", by: "another" });
  await other.update({ id: "tree", name: "oak" });
  await first.kill();
  await start(port);
  const events = recordEvents(away);
  network.comeUp();
  const outcomes = await Promise.allSettled(writes);
  expect(outcomes.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected", // who destroyed it did not know of this
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  expect(rejected).toEqual(["gone stump", "exists taken"]);
  await away.whenSynced();
  expect(events.sort()).toEqual([
    "destroy stump",
    "remove stump",
    "update taken by",
    "update tree name",
  ]);
  const all = {
    tree: { id: "tree", height: 2, name: "oak" },
    taken: { id: "taken", by: "another" },
    flower: { id: "flower" },
  };
  await eventually(() => other.get("flower"));
  expect([viewOf(away), viewOf(other)]).toEqual([all, all]);
  expect(viewOf(await stage.join(urlOf(port)))).toEqual(all);
}, 60_000);

test("A22: what was missed while the server was killed and started arrives once, in order", async () => {
  const first = await start();
  const { port } = first;
  const network = await stage.network(port);
  const [away, other] = [await stage.join(network.url, TAPPED), await stage.join(urlOf(port))];
  for (const id of ["kept", "changed", "destroyed", "untouched"]) await other.create({ id });
  await eventually(() => away.allObjects().size === 4);
  const events = recordEvents(away);
  network.goDown();
  await eventually(() => !away.isConnected());
  await other.create({ id: "new" });
  await other.update({ id: "changed", height: 1 });
  await first.kill();
  const late = other.destroy("destroyed");
  await start(port);
  await late;
  await other.update({ id: "changed", height: 2, name: "oak" });
  await other.update({ id: "kept", height: 3 });
  network.comeUp();
  await away.whenSynced();
  expect(wasResumed(network)).toBe(true);
  expect(events).toEqual([
    "add new",
    ...["destroy destroyed", "remove destroyed"],
    "update changed height,name",
    "update kept height",
  ]);
  expect(viewOf(away)).toEqual(viewOf(other));
  await other.create({ id: "later" });
  await eventually(() => away.get("later"));
  expect(events.slice(5)).toEqual(["create later", "add later"]);
}, 60_000);

test("A22: who was away for longer than the server remembers is resynced, also by one that was started since", async () => {
  const first = await start(0, { tombstonesMax: 2 });
  const { port } = first;
  const network = await stage.network(port);
  const [away, other] = [await stage.join(network.url, TAPPED), await stage.join(urlOf(port))];
  for (const id of ["a", "b", "c", "d", "tree"]) await other.create({ id });
  await eventually(() => away.allObjects().size === 5);
  const tree = away.get("tree");
  network.goDown();
  await eventually(() => !away.isConnected());
  const pending = [away.update({ id: "tree", height: 7 }), away.update({ id: "a", height: 1 })];
  const events = recordEvents(away);
  for (const id of ["a", "b", "c", "d"]) await other.destroy(id);
  await other.update({ id: "tree", name: "oak" });
  await first.kill();
  await start(port, { tombstonesMax: 2 });
  network.comeUp();
  const outcomes = await Promise.allSettled(pending);
  await away.whenSynced();
  expect(wasResumed(network)).toBe(false);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  expect(viewOf(away)).toEqual({ tree: { id: "tree", name: "oak", height: 7 } });
  expect(away.get("tree")).toBe(tree);
  expect(events.sort()).toEqual([
    "remove a",
    "remove b",
    "remove c",
    "remove d",
    "update tree name",
  ]);
}, 60_000);

test("A23: writes made while the server is dead are sent once, in order, and their callbacks run once", async () => {
  const first = await start();
  const { port } = first;
  const [client, other] = [await stage.join(urlOf(port)), await stage.join(urlOf(port))];
  await first.kill();
  await eventually(() => !client.isConnected() && !other.isConnected());
  const [called, note] = callbacks();
  const writes = [
    client.create({ id: "tree", height: 0 }, note("create")),
    client.update({ id: "tree", height: 1 }, note("update")),
    client.create({ id: "tree" }, note("create again")),
    client.create({ id: "stone" }, note("create another")),
    client.destroy("tree", note("destroy")),
  ];
  const events = recordEvents(other);
  const second = await start(port);
  await Promise.allSettled(writes);
  await second.kill();
  await start(port);
  await Promise.all([client.whenSynced(), other.whenSynced()]);
  expect(called).toEqual([
    "create done",
    "update done",
    "create again exists",
    "create another done",
    "destroy done",
  ]);
  expect(events.filter((event) => event === "add stone")).toHaveLength(1);
  const all = { stone: { id: "stone" } };
  expect([viewOf(client), viewOf(other)]).toEqual([all, all]);
}, 60_000);

test("A23: a write that was acknowledged to nobody before the server was killed is not made again", async () => {
  const first = await start();
  const { port } = first;
  const network = await stage.network(port);
  const [client, other] = [await stage.join(network.url, TAPPED), await stage.join(urlOf(port))];
  const [called, note] = callbacks();
  network.stopDelivering();
  const writes = [
    client.create({ id: "tree", height: 1 }, note("create")),
    client.update({ id: "tree", height: 2 }, note("update")),
  ];
  await eventually(() => other.get("tree")?.["height"] === 2); // so it is on the disk
  await other.update({ id: "tree", height: 3 }); // which a second update would undo
  await first.kill();
  expect(called).toEqual([]);
  await start(port);
  network.cut();
  network.deliverAgain();
  await Promise.all(writes);
  await Promise.all([client.whenSynced(), other.whenSynced()]);
  expect(called).toEqual(["create done", "update done"]);
  const all = { tree: { id: "tree", height: 3 } };
  expect([viewOf(client), viewOf(other)]).toEqual([all, all]);
}, 60_000);
