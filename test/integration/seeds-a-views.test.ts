import { isDeepStrictEqual } from "node:util";
import { afterEach, expect, test } from "@jest/globals";
import { SyncError, type SyncObject } from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import { recordEvents, Stage, TAPPED, viewOf } from "../support/stage.ts";

/** SEEDS.md, A: what its own authors said was missing, about who sees what. */

const stage = new Stage();
afterEach(() => stage.clear());

async function comesTo(look: () => unknown, expected: unknown): Promise<void> {
  await eventually(() => isDeepStrictEqual(look(), expected), look);
}

const ids = (client: { allObjects: () => ReadonlyMap<string, unknown> }): string[] =>
  [...client.allObjects().keys()].sort();

test("A10: clients subscribe to objects, only those arrive, and the world is not exposed", async () => {
  const { sync, port } = await stage.serve();
  for (let i = 0; i < 100; i++) await sync.create({ id: `secret:${String(i)}`, text: "canary" });
  await sync.create({ id: "tree:1", height: 1 });
  await sync.create({ id: "tree:2", height: 2 });
  const network = await stage.network(port);
  const client = await stage.join(network.url, { ...TAPPED, subscribe: [{ id: "tree:1" }] });
  const seen = recordEvents(client);
  expect(ids(client)).toEqual(["tree:1"]);
  await sync.update({ id: "secret:1", text: "another canary" });
  await sync.update({ id: "tree:2", height: 3 });
  await sync.update({ id: "tree:1", height: 4 });
  await comesTo(() => client.get("tree:1")?.["height"], 4);
  const unsubscribe = client.subscribe({ id: "tree:2" });
  await unsubscribe.ready;
  expect(client.get("tree:2")).toEqual({ id: "tree:2", height: 3 });
  unsubscribe();
  await comesTo(() => ids(client), ["tree:1"]);
  expect(seen).toEqual(["update tree:1 height", "add tree:2", "remove tree:2"]);
  const told = JSON.stringify(network.taps.flatMap(({ messages }) => messages));
  expect(told).toContain("tree:1");
  expect(told).not.toContain("canary");
  expect(told).not.toContain("secret");
});

test("A20: not all objects and properties are visible alike: in events, fetches and diffs", async () => {
  const mine = (user: unknown, object: SyncObject): boolean => object["owner"] === user;
  const { sync, port } = await stage.serve({
    authenticate: ({ auth }) => auth,
    rules: { "*": { read: true, properties: { hand: { read: mine } } }, diary: { read: mine } },
  });
  await sync.create({ id: "diary:1", owner: "ann", text: "canary 1" });
  await sync.create({ id: "player:1", owner: "ann", hand: "canary 2", score: 0 });
  const network = await stage.network(port);
  const bob = await stage.join(network.url, { ...TAPPED, auth: "bob" });
  const ann = await stage.join(network.url, { auth: "ann" });
  const seenByBob = recordEvents(bob);

  await sync.update({ id: "player:1", hand: "canary 3" });
  await sync.update({ id: "diary:1", text: "canary 4" });
  await sync.update({ id: "player:1", hand: "canary 5", score: 1 });
  await comesTo(() => bob.get("player:1"), { id: "player:1", owner: "ann", score: 1 });
  await comesTo(() => ann.get("player:1")?.["hand"], "canary 5");
  expect(ann.get("diary:1")).toEqual({ id: "diary:1", owner: "ann", text: "canary 4" });
  expect(await bob.fetch(["diary:1", "diary:9"])).toEqual([null, null]);
  await sync.destroy("diary:1");
  await sync.create({ id: "end" });
  await comesTo(() => ids(bob), ["end", "player:1"]);
  expect(seenByBob).toEqual(["update player:1 score", "create end", "add end"]);

  // The same again for who comes back.
  bob.disconnect();
  await sync.update({ id: "player:1", hand: "canary 6", score: 2 });
  bob.connect();
  await comesTo(() => bob.get("player:1"), { id: "player:1", owner: "ann", score: 2 });
  const toldBob = JSON.stringify(
    network.taps.filter((_, i) => i !== 1).flatMap(({ messages }) => messages),
  );
  expect(toldBob).toContain("score");
  expect(toldBob).not.toContain("canary");
});

test("A25: who may connect, write and see, and what is valid, can be built by an application itself", async () => {
  const { sync, url } = await stage.serve({
    authenticate: ({ auth }) => {
      if (typeof auth === "string") return auth;
      throw new SyncError("unauthenticated", "say who you are");
    },
    authorize: ({ session, operation }) => operation.id.endsWith(String(session.identity)),
  });
  const world = sync.world("default");
  // Its own schema, its own rooms, and its own idea of who is in which.
  sync.check(({ object }) => {
    if (typeof object["room"] !== "string") {
      throw new SyncError("refused", "everything is in a room", {
        id: object.id,
        property: "room",
      });
    }
  });
  await world.nameChannels(({ room }) => (typeof room === "string" ? `room ${room}` : undefined));
  world.direct(() => [{ channel: "room hall" }]);

  await sync.create({ id: "bed", room: "attic" });
  const ann = await stage.join(url, { auth: "ann" });
  expect(ids(ann)).toEqual([]);
  await expect(ann.create({ id: "player:ann" })).rejects.toMatchObject({
    code: "refused",
    id: "player:ann",
    property: "room",
  });
  await expect(ann.create({ id: "player:bob", room: "hall" })).rejects.toMatchObject({
    code: "forbidden",
  });
  await ann.create({ id: "player:ann", room: "hall" });
  world.show(ann.sessionId ?? "", [{ channel: "room attic" }]);
  await comesTo(() => viewOf(ann), { bed: { id: "bed", room: "attic" } });
  const stranger = stage.client(url);
  await expect(stranger.whenSynced()).rejects.toMatchObject({ code: "unauthenticated" });
});
