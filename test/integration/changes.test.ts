import { afterEach, expect, test } from "@jest/globals";
import { matcher } from "../../lib/index.ts";
import type { ChangesSince, Cursor, HostedWorld, Rules } from "../../server/index.ts";
import { SqliteArchive, SqliteStore } from "../../server/stores/sqlite/index.ts";
import { newEpoch } from "../../server/operations/index.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { Stage } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

async function worldOf(options: Parameters<Stage["serve"]>[0] = {}): Promise<HostedWorld> {
  const { sync } = await stage.serve(options);
  return sync.world("default");
}

/** As "task:1" for what is there, "-task:1" for what is not. */
function told({ changes }: ChangesSince): string[] {
  return changes.map(({ id, object }) => (object === undefined ? `-${id}` : id));
}

test("a world tells what changed since a cursor, what was destroyed among it, oldest first", async () => {
  const world = await worldOf();
  await world.create({ id: "task:1", text: "a" });
  await world.create({ id: "task:2", text: "b" });
  await world.create({ id: "note:1" });
  const first = await world.changesSince(undefined, { namespace: "task" });
  expect(first).toMatchObject({ isWhole: true, cursor: { seq: 3 } });
  expect(told(first)).toEqual(["task:1", "task:2"]);
  await world.destroy("task:2");
  await world.update({ id: "task:1", text: "c" });
  await world.destroy("note:1");
  await world.create({ id: "task:3" });
  await world.destroy("task:3");
  await world.create({ id: "task:3", again: true });
  const second = await world.changesSince(first.cursor);
  expect(second.isWhole).toBe(false);
  expect(told(second)).toEqual(["-task:2", "task:1", "-note:1", "task:3"]);
  expect(second.changes[1]).toEqual({
    id: "task:1",
    created: 1,
    revision: 5,
    object: { id: "task:1", text: "c" },
  });
  expect(told(await world.changesSince(second.cursor))).toEqual([]);
});

test("who asks for everything many times at once is answered in so many turns of the loop", async () => {
  const world = await worldOf({ limits: { looksPerTurn: 10 } });
  await world.transaction((tx) => {
    for (let i = 0; i < 20; i++) tx.create({ id: `task:${String(i)}` });
  });
  let turn = 0;
  let isCounting = true;
  const count = (): void => {
    turn += 1;
    if (isCounting) setImmediate(count);
  };
  setImmediate(count);
  const turns = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const { changes } = await world.changesSince();
      expect(changes).toHaveLength(20);
      return turn;
    }),
  );
  isCounting = false;
  expect(new Set(turns).size).toBe(5);
});

test("a write tells which commit it was, and whether it was one", async () => {
  const world = await worldOf();
  const { cursor, isChanged } = await world.commit((steps) => {
    steps.create({ id: "a", n: 1 });
    steps.create({ id: "b", n: 1 });
  });
  expect(isChanged).toBe(true);
  const { changes } = await world.changesSince();
  expect(changes.map(({ revision }) => revision)).toEqual([cursor.seq, cursor.seq]);
  const again = await world.commit((steps) => steps.update({ id: "a", n: 1 }));
  expect(again).toEqual({ cursor, isChanged: false });
});

test("a cursor of another epoch, of the future, or older than what is remembered gives the whole", async () => {
  const world = await worldOf({ limits: { tombstonesMax: 1 } });
  for (const id of ["a", "b", "c"]) await world.create({ id });
  const { cursor } = await world.changesSince();
  await world.destroy("a");
  expect(told(await world.changesSince(cursor))).toEqual(["-a"]);
  await world.destroy("b");
  await eventually(async () => (await world.changesSince(cursor)).isWhole);
  expect(told(await world.changesSince(cursor))).toEqual(["c", "-b"]);
  const useless: Cursor[] = [
    { ...cursor, epoch: "another" },
    { ...cursor, seq: cursor.seq + 100 },
  ];
  for (const one of useless) expect(await world.changesSince(one)).toMatchObject({ isWhole: true });
  await expect(world.changesSince({ seq: 1 } as Cursor)).rejects.toMatchObject({
    code: "invalid_payload",
  });
});

test("a cursor goes on after a restart, and gives the whole after a restored backup", async () => {
  const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  stage.afterwards(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "worlds.db");
  const open = () => stage.serve({ store: new SqliteStore(file), ephemeral: ["cursor"] });
  const first = await open();
  await first.sync.create({ id: "kept:1" });
  const { cursor } = await first.sync.world("default").changesSince();
  await first.sync.destroy("kept:1");
  await first.sync.close();
  const second = await open();
  const changes = await second.sync.world("default").changesSince(cursor, { namespace: "kept" });
  expect([changes.isWhole, told(changes)]).toEqual([false, ["-kept:1"]]);
  await second.sync.create({ id: "cursor:1" });
  const withCursor = await second.sync.world("default").changesSince();
  await second.sync.close();
  const third = await open();
  // What was ephemeral has ended, and nobody knows any more which ids it had.
  const after = await third.sync.world("default").changesSince(withCursor.cursor);
  expect(after.isWhole).toBe(true);
  const { cursor: last } = await third.sync.world("default").changesSince();
  await third.sync.close();
  const archive = new SqliteArchive(file);
  await newEpoch(archive, ["default"]);
  archive.close();
  const restored = await open();
  expect(await restored.sync.world("default").changesSince(last)).toMatchObject({ isWhole: true });
});

const rules: Rules = {
  note: {
    read: (identity, { owner }) => identity === owner,
    create: true,
    update: (identity, { owner }) => identity === owner,
    destroy: false,
    properties: { secret: { read: false } },
  },
};

test("who has no connection sees and changes a world as the rules let a client", async () => {
  const world = await worldOf({ rules });
  await world.create({ id: "note:1", owner: "ann", secret: 1 });
  const ann = world.as("ann");
  const bob = world.as("bob");
  expect(await ann.get("note:1")).toEqual({ id: "note:1", owner: "ann" });
  expect(await bob.get("note:1")).toBeUndefined();
  expect([await ann.seesAll(), await world.as("ann").seesAll()]).toEqual([false, false]);
  expect((await ann.changesSince()).changes).toMatchObject([{ object: { owner: "ann" } }]);
  expect(told(await bob.changesSince())).toEqual(["-note:1"]);
  await ann.commit((steps) => steps.update({ id: "note:1", text: "mine" }));
  const refused = bob.commit((steps) => steps.update({ id: "note:1", text: "his" }));
  await expect(refused).rejects.toMatchObject({ code: "not_found" });
  const destroyed = ann.commit((steps) => steps.destroy("note:1"));
  await expect(destroyed).rejects.toMatchObject({ code: "forbidden" });
  expect(world.get("note:1")).toMatchObject({ text: "mine" });
});

test("authorize and listeners hear who wrote without a connection", async () => {
  const asked: unknown[] = [];
  const world = await worldOf({
    authorize: ({ session }) => session.identity === "ann",
  });
  world.on("create", (_object, { identity }) => asked.push(identity));
  await world.as("ann").commit((steps) => steps.create({ id: "a" }));
  await expect(world.as("bob").commit((steps) => steps.create({ id: "b" }))).rejects.toMatchObject({
    code: "forbidden",
  });
  expect(asked).toEqual(["ann"]);
});

test("a plugin asks of objects itself whether they match a query", () => {
  const isOpen = matcher({ done: { $ne: true } });
  expect([isOpen({ id: "a" }), isOpen({ id: "a", done: true })]).toEqual([true, false]);
  expect(() => matcher({ $no: 1 })).toThrow(/operator/);
});

test("a commit at a cursor is made only if nothing has changed since, whoever changed it", async () => {
  const world = await worldOf();
  const { cursor } = await world.commit((tx) => tx.create({ id: "task:1", text: "a" }));
  const both = await Promise.allSettled([
    world.commit((tx) => tx.update({ id: "task:1", text: "b" }), { at: cursor }),
    world.commit((tx) => tx.update({ id: "task:1", text: "c" }), { at: cursor }),
  ]);
  expect(both).toMatchObject([{ status: "fulfilled" }, { reason: { code: "out_of_date" } }]);
  expect(world.get("task:1")).toEqual({ id: "task:1", text: "b" });
  for (const at of [
    { ...cursor, epoch: "another", seq: 2 },
    { ...cursor, seq: 3 },
  ]) {
    const late = world.as("ann").commit((tx) => tx.destroy("task:1"), { at });
    await expect(late).rejects.toMatchObject({ code: "out_of_date" });
  }
});

test("other rules hold in private worlds as well, for who asks there by identity", async () => {
  const { sync } = await stage.serve({ rules: { "*": { read: true } } });
  const world = sync.world("inner", { private: true });
  await world.create({ id: "note:1" });
  expect(await world.as("eve").get("note:1")).toEqual({ id: "note:1" });
  sync.setRules({});
  expect(await world.as("eve").get("note:1")).toBeUndefined();
});
