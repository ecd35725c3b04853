import { afterEach, expect, test } from "@jest/globals";
import { SyncError } from "../../client/index.ts";
import type { CheckedChange, ObjectSyncServer } from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import { Stage, viewOf } from "../support/stage.ts";

/** `check` of a server: whoever wants to refuse creates and updates. */

const stage = new Stage();
afterEach(() => stage.clear());

/** Refuses what would be heavier than 10, and keeps all that it is asked about. */
function weigh(sync: ObjectSyncServer): CheckedChange[] {
  const changes: CheckedChange[] = [];
  sync.check((change) => {
    changes.push(change);
    if (Number(change.object["weight"]) <= 10) return;
    throw new SyncError("refused", "too heavy", { id: change.id, property: "weight" });
  });
  return changes;
}

const TOO_HEAVY = { code: "refused", message: "too heavy", property: "weight" };

test("a check is asked about what clients and the server's own code write, in every world", async () => {
  const { sync, url } = await stage.serve({
    worlds: ["cellar"],
    authenticate: ({ auth }) => auth,
  });
  const changes = weigh(sync);
  const client = await stage.join(url, { world: "cellar", auth: "ann" });
  await client.create({ id: "rock", weight: 1 });
  await client.update({ id: "rock", weight: 2 });
  await sync.create({ id: "rock", weight: 3 });
  await client.destroy("rock");
  const told = changes.map(({ kind, id, world, session, before, object }) => {
    return [kind, id, world, session?.identity, before?.["weight"], object["weight"]];
  });
  expect(told).toEqual([
    ["create", "rock", "cellar", "ann", undefined, 1],
    ["update", "rock", "cellar", "ann", 2, 2], // `before` is the object itself, which is changed by now
    ["create", "rock", "default", undefined, undefined, 3],
  ]);
  expect(changes[2]?.session).toBeNull();
});

test("what a check refuses is rolled back with its error, and the whole write with it", async () => {
  const { sync, url } = await stage.serve();
  weigh(sync);
  const client = await stage.join(url);
  await client.create({ id: "rock", weight: 1 });
  await expect(client.update({ id: "rock", weight: 11 })).rejects.toMatchObject(TOO_HEAVY);
  await expect(
    client.transaction((tx) => {
      tx.create({ id: "feather", weight: 0 });
      tx.update({ id: "rock", weight: 11 });
    }),
  ).rejects.toMatchObject(TOO_HEAVY);
  await expect(sync.create({ weight: 11 })).rejects.toMatchObject(TOO_HEAVY);
  const left = { rock: { id: "rock", weight: 1 } };
  expect([viewOf(client), viewOf(sync)]).toEqual([left, left]);
});

test("a check judges each write by the state that it meets, not by what the client saw", async () => {
  const { sync, url } = await stage.serve();
  sync.check(({ object }) => {
    if (Number(object["a"]) + Number(object["b"]) > 10) throw new SyncError("refused", "too much");
  });
  await sync.create({ id: "sum", a: 0, b: 0 });
  const [ann, bob] = [await stage.join(url), await stage.join(url)];
  const outcomes = await Promise.allSettled([
    ann.update({ id: "sum", a: 6 }),
    bob.update({ id: "sum", b: 6 }),
  ]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
});

test("a check that was taken away is not asked any more", async () => {
  const { sync } = await stage.serve();
  const refuse = (): never => {
    throw new SyncError("refused", "no");
  };
  const [undo, undoSecond] = [sync.check(refuse), sync.check(refuse)];
  undo();
  await expect(sync.create({ id: "rock" })).rejects.toMatchObject({ code: "refused" });
  undoSecond();
  await sync.create({ id: "rock" });
});

test.each<[what: string, check: () => void, cause: RegExp | undefined]>([
  [
    "throws what is no SyncError",
    () => {
      throw new Error("secret");
    },
    /secret/,
  ],
  ["is async", () => Promise.reject(new Error("secret")) as unknown as undefined, undefined],
])("a check that %s refuses the write, and is told on the server only", async (_, check, cause) => {
  const { sync, url } = await stage.serve();
  const errors: SyncError[] = [];
  sync.on("error", (error) => errors.push(error));
  sync.check(check);
  const client = await stage.join(url);
  const problem: unknown = await client.create({ id: "rock" }).catch((error: unknown) => error);
  expect(problem).toMatchObject({ code: "handler_failed", id: "rock" });
  expect(String(problem)).not.toMatch(/secret/);
  expect(errors).toMatchObject([{ code: "handler_failed", id: "rock" }]);
  if (cause !== undefined) expect(String(errors[0]?.cause)).toMatch(cause);
});

test("what has no function cannot be a check", async () => {
  const { sync } = await stage.serve();
  expect(() => sync.check("no" as never)).toThrow(expect.objectContaining({ code: "bad_option" }));
});

test("handlers do not hear of what a check refuses; what they make of a write is checked again", async () => {
  const heard: unknown[] = [];
  const heavier = (object: Record<string, unknown>): Record<string, unknown> => {
    heard.push(object["weight"]);
    return { ...object, id: object["id"] ?? "rock:1", weight: Number(object["weight"]) + 5 };
  };
  const { sync, url } = await stage.serve({ handlers: { create: heavier, update: heavier } });
  const changes = weigh(sync);
  const client = await stage.join(url);
  await expect(client.create({ id: "rock", weight: 11 })).rejects.toMatchObject(TOO_HEAVY);
  expect(heard).toEqual([]);
  await expect(client.create({ id: "rock", weight: 6 })).rejects.toMatchObject(TOO_HEAVY);
  expect(heard).toEqual([6]);
  await client.create({ id: "rock", weight: 5 });
  await expect(client.update({ id: "rock", weight: 20 })).rejects.toMatchObject(TOO_HEAVY);
  expect(heard).toEqual([6, 5]);
  // What has no id yet is checked once it has one.
  changes.length = 0;
  await client.create({ weight: 1 });
  expect(changes.map(({ id }) => id)).toEqual(["rock:1"]);
});

test("what a fetch handler brings in is checked", async () => {
  const { sync, url } = await stage.serve({
    handlers: { fetch: (ids) => ids.map((id) => ({ id, weight: id === "stone" ? 11 : 1 })) },
  });
  const changes = weigh(sync);
  const client = await stage.join(url);
  expect(await client.fetch("rock")).toEqual({ id: "rock", weight: 1 });
  expect(changes.map(({ id, session }) => [id, session])).toEqual([["rock", null]]);
  await expect(client.fetch("stone")).rejects.toMatchObject(TOO_HEAVY);
  expect(sync.get("stone")).toBeUndefined();
});

test("who comes back with a refused write gets the same answer, and the check is not asked again", async () => {
  const { sync, port } = await stage.serve();
  const changes = weigh(sync);
  const network = await stage.network(port);
  const client = await stage.join(network.url, { transports: ["websocket"] });
  network.stopDelivering();
  const write = client.create({ id: "rock", weight: 11 });
  await eventually(() => changes.length > 0);
  network.cut();
  network.deliverAgain();
  await expect(write).rejects.toMatchObject(TOO_HEAVY);
  expect(changes).toHaveLength(1);
});
