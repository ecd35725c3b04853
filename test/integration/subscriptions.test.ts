import { isDeepStrictEqual } from "node:util";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { SyncError, SyncObject } from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import { next, recordEvents, Stage, viewOf } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

/** Waits until what is looked at is as expected. */
async function comesTo(look: () => unknown, expected: unknown): Promise<void> {
  await eventually(() => isDeepStrictEqual(look(), expected), look);
}

const ids = (client: { allObjects: () => ReadonlyMap<string, unknown> }): string[] =>
  [...client.allObjects().keys()].sort();

describe("subscriptions", () => {
  test("a client is shown what it subscribes to, and nothing else", async () => {
    const { sync, url } = await stage.serve();
    await sync.create({ id: "chat:1", text: "hello" });
    await sync.create({ id: "player:1", level: 3 });
    await sync.create({ id: "player:2", level: 7 });
    const all = await stage.join(url);
    const none = await stage.join(url, { subscribe: [] });
    const chat = await stage.join(url, { subscribe: [{ namespace: "chat" }] });
    const one = await stage.join(url, { subscribe: [{ id: "player:1" }, { id: "player:9" }] });
    const strong = await stage.join(url, { subscribe: [{ query: { level: { $gte: 5 } } }] });
    expect(ids(all)).toEqual(["chat:1", "player:1", "player:2"]);
    expect(ids(none)).toEqual([]);
    expect(ids(chat)).toEqual(["chat:1"]);
    expect(ids(one)).toEqual(["player:1"]);
    expect(ids(strong)).toEqual(["player:2"]);

    const seen = recordEvents(strong);
    await sync.update({ id: "player:1", level: 5 });
    await sync.update({ id: "player:2", level: 1 });
    await sync.create({ id: "player:9", level: 9 });
    await sync.create({ id: "chat:2", text: "again" });
    await comesTo(() => ids(strong), ["player:1", "player:9"]);
    await comesTo(() => ids(one), ["player:1", "player:9"]);
    await comesTo(() => ids(chat), ["chat:1", "chat:2"]);
    await comesTo(() => ids(all).length, 5);
    expect(ids(none)).toEqual([]);
    expect(seen).toEqual(["add player:1", "remove player:2", "create player:9", "add player:9"]);
  });

  test("taking back one that was refused, for want of the option, takes nothing away", async () => {
    const { sync, url } = await stage.serve({ rules: { tree: { read: true } } });
    await sync.create({ id: "tree:1" });
    const client = await stage.join(url);
    const unsubscribe = client.subscribe({ namespace: "tree" });
    await expect(unsubscribe.ready).rejects.toMatchObject({ code: "bad_option" });
    unsubscribe();
    await client.fetch("tree:1"); // answered after whatever else was asked
    await sync.create({ id: "tree:2" });
    await comesTo(() => ids(client), ["tree:1", "tree:2"]);
  });

  test("what is subscribed to later comes whole, and what is no longer asked for leaves", async () => {
    const { sync, url } = await stage.serve();
    for (let i = 0; i < 3; i++) await sync.create({ id: `a:${String(i)}`, i });
    for (let i = 0; i < 3; i++) await sync.create({ id: `b:${String(i)}`, i });
    const client = await stage.join(url, { subscribe: [{ namespace: "a" }] });
    const other = await stage.join(url, { subscribe: [{ namespace: "a" }] });
    const unsubscribe = client.subscribe({ namespace: "b" });
    await unsubscribe.ready;
    expect(ids(client)).toEqual(["a:0", "a:1", "a:2", "b:0", "b:1", "b:2"]);
    expect(ids(other)).toEqual(["a:0", "a:1", "a:2"]);
    await sync.update({ id: "b:0", i: 10 });
    await comesTo(() => client.get("b:0"), { id: "b:0", i: 10 });
    unsubscribe();
    await comesTo(() => ids(client), ["a:0", "a:1", "a:2"]);
    await sync.update({ id: "a:0", i: 11 });
    await comesTo(() => viewOf(client), viewOf(other));
    await comesTo(() => client.get("a:0"), { id: "a:0", i: 11 });
  });

  test("what is fetched is held and kept current, also after a reconnect; what is not there is null", async () => {
    const { sync, url } = await stage.serve();
    await sync.create({ id: "tree:1", height: 1 });
    const client = await stage.join(url, { subscribe: [] });
    expect(await client.fetch(["tree:1", "tree:2"])).toEqual([{ id: "tree:1", height: 1 }, null]);
    await sync.update({ id: "tree:1", height: 2 });
    await comesTo(() => client.get("tree:1"), { id: "tree:1", height: 2 });
    client.disconnect();
    await sync.update({ id: "tree:1", height: 3 });
    await sync.create({ id: "tree:2", height: 1 });
    client.connect();
    await comesTo(() => client.get("tree:1"), { id: "tree:1", height: 3 });
    await comesTo(() => ids(client), ["tree:1", "tree:2"]);
  });

  test("a query that cannot be read is refused, and the client goes on without it", async () => {
    const { sync, url } = await stage.serve();
    const client = await stage.join(url, { subscribe: [] });
    const refused = client.subscribe({ query: { level: { $near: 5 } } });
    await expect(refused.ready).rejects.toMatchObject({ code: "invalid_query" });
    await sync.create({ id: "chat:1" });
    const chat = client.subscribe({ namespace: "chat" });
    await chat.ready;
    expect(ids(client)).toEqual(["chat:1"]);
  });

  test("a write gets through although its object has left the view meanwhile", async () => {
    const { sync, url } = await stage.serve();
    await sync.create({ id: "player:1", level: 7 });
    const client = await stage.join(url, { subscribe: [{ query: { level: { $gte: 5 } } }] });
    await sync.update({ id: "player:1", level: 1 });
    // The client has not heard of it yet, and names the object by its handle.
    await client.update({ id: "player:1", name: "ann" });
    await comesTo(() => ids(client), []);
    expect(sync.get("player:1")).toEqual({ id: "player:1", level: 1, name: "ann" });
  });

  test("any number of subscriptions at once is as many as the server takes", async () => {
    const { sync, url } = await stage.serve({ limits: { subscriptionsPerSecondMax: 5 } });
    const count = 50;
    for (let i = 0; i < count; i++) await sync.create({ id: `thing:${i}` });
    const client = await stage.join(url, { subscribe: [] });
    const topics = Array.from({ length: count }, (_, i) => ({ id: `thing:${i}` }));
    await Promise.all(topics.map((topic) => client.subscribe(topic).ready));
    expect(ids(client).length).toBe(count);
  });

  test("what is subscribed to before all else is shown is not forgotten", async () => {
    const { sync, url } = await stage.serve({ limits: { pageBytes: 500 } });
    await sync.transaction((steps) => {
      for (let i = 0; i < 999; i++) steps.create({ id: `a:${i}`, text: "x".repeat(100) });
      steps.create({ id: "b:1" });
    });
    const client = stage.client(url, { subscribe: [{ namespace: "a" }] });
    await next(client, "connect");
    await client.subscribe({ namespace: "b" }).ready;
    expect(ids(client).length).toBe(1_000);
  }, 5_000);

  test("what is fetched in vain is not subscribed to", async () => {
    const { sync, url } = await stage.serve({ limits: { topicIdsMax: 2 } });
    for (const id of ["a", "b", "c"]) await sync.create({ id });
    const client = await stage.join(url, { subscribe: [] });
    await client.fetch(["a", "b"]);
    await expect(client.fetch("c")).rejects.toMatchObject({ code: "limit_exceeded" });
    client.disconnect();
    client.connect();
    await client.whenSynced();
    expect(ids(client)).toEqual(["a", "b"]);
  });

  test("more queries than one client may have are limit_exceeded, and what was shown stays", async () => {
    const { sync, url } = await stage.serve({ limits: { queriesMax: 2 } });
    for (const n of [1, 2, 3]) await sync.create({ id: `tree:${n}`, n });
    const client = await stage.join(url, { subscribe: [{ query: { n: 1 } }, { query: { n: 2 } }] });
    const third = client.subscribe({ query: { n: 3 } });
    await expect(third.ready).rejects.toMatchObject({ code: "limit_exceeded" });
    expect(ids(client)).toEqual(["tree:1", "tree:2"]);
  });

  test("a client that is shown everything need not subscribe, and is told so", async () => {
    const { url } = await stage.serve();
    const client = await stage.join(url);
    await expect(client.subscribe({ namespace: "chat" }).ready).rejects.toMatchObject({
      code: "bad_option",
      property: "subscribe",
    });
  });

  test("an object is in the channels that the server names, and moves between them", async () => {
    const { sync, url } = await stage.serve({
      channels: ({ x }) =>
        typeof x === "number" ? `cell:${String(Math.floor(x / 10))}` : undefined,
    });
    await sync.create({ id: "player:1", x: 1 });
    await sync.create({ id: "player:2", x: 11 });
    await sync.create({ id: "chat:1" });
    const client = await stage.join(url, { subscribe: [{ channel: "cell:1" }] });
    expect(ids(client)).toEqual(["player:2"]);
    await sync.update({ id: "player:1", x: 15 });
    await sync.update({ id: "player:2", x: 25 });
    await comesTo(() => ids(client), ["player:1"]);
    await sync.destroy("player:1");
    await comesTo(() => ids(client), []);
  });
});

interface User {
  readonly name: string;
}

const isOwn = (user: unknown, object: SyncObject): boolean =>
  object["owner"] === (user as User).name;

describe("rules", () => {
  const rules = {
    card: { read: isOwn, create: isOwn, update: isOwn, destroy: isOwn },
    player: {
      read: true,
      update: isOwn,
      properties: { hand: { read: isOwn }, score: { write: false } },
    },
  };
  const authenticate = ({ auth }: { readonly auth: unknown }): User => ({ name: String(auth) });

  test("nobody is shown what they may not read, and who may not write is refused", async () => {
    const { sync, url } = await stage.serve({ rules, authenticate });
    const errors: SyncError[] = [];
    sync.on("error", (error) => errors.push(error));
    await sync.create({ id: "card:1", owner: "ann", face: "queen" });
    await sync.create({ id: "player:ann", owner: "ann", hand: ["queen"], score: 1 });
    const ann = await stage.join(url, { auth: "ann" });
    const bob = await stage.join(url, { auth: "bob" });
    expect(viewOf(ann)).toEqual({
      "card:1": { id: "card:1", owner: "ann", face: "queen" },
      "player:ann": { id: "player:ann", owner: "ann", hand: ["queen"], score: 1 },
    });
    expect(viewOf(bob)).toEqual({ "player:ann": { id: "player:ann", owner: "ann", score: 1 } });

    // Hidden and absent look alike.
    const refusals = ["card:1", "card:2"].map((id) =>
      bob.update({ id, face: "king" }).catch((error: unknown) => {
        const { code, message } = error as SyncError;
        return [code, message.replace(id, "ID")];
      }),
    );
    const [hidden, absent] = await Promise.all(refusals);
    expect(hidden).toEqual(absent);
    expect(hidden).toEqual(["not_found", "there is no object ID"]);
    expect(await bob.fetch(["card:1", "card:2"])).toEqual([null, null]);
    await expect(bob.update({ id: "player:ann", score: 2 })).rejects.toMatchObject({
      code: "forbidden",
    });
    await expect(ann.update({ id: "player:ann", score: 2 })).rejects.toMatchObject({
      code: "forbidden_field",
      property: "score",
    });
    await expect(bob.create({ id: "card:9", owner: "ann" })).rejects.toMatchObject({
      code: "forbidden",
    });
    await expect(bob.create({ id: "card:1", owner: "ann" })).rejects.toMatchObject({
      code: "forbidden",
    });
    await bob.create({ id: "card:9", owner: "bob", face: "ten" });
    await ann.update({ id: "player:ann", hand: ["queen", "ace"] });
    await comesTo(() => sync.get("player:ann")?.["hand"], ["queen", "ace"]);
    expect(bob.get("player:ann")).toEqual({ id: "player:ann", owner: "ann", score: 1 });
    expect(ann.get("card:9")).toBeUndefined();
    expect(errors).toEqual([]);
  });

  test("an object that changes hands leaves one view and enters another", async () => {
    const { sync, url } = await stage.serve({ rules, authenticate });
    await sync.create({ id: "card:1", owner: "ann", face: "queen" });
    await sync.create({ id: "player:1", owner: "ann", hand: ["queen"] });
    const ann = await stage.join(url, { auth: "ann" });
    const bob = await stage.join(url, { auth: "bob" });
    const [seenByAnn, seenByBob] = [recordEvents(ann), recordEvents(bob)];
    await ann.update({ id: "card:1", owner: "bob" });
    await comesTo(() => bob.get("card:1")?.["face"], "queen");
    await comesTo(() => ann.get("card:1"), undefined);
    expect(seenByBob).toEqual(["add card:1"]);
    expect(seenByAnn).toEqual(["update card:1 owner", "remove card:1"]);
    await sync.update({ id: "player:1", owner: "bob" });
    await comesTo(() => bob.get("player:1")?.["hand"], ["queen"]);
    await comesTo(() => ann.get("player:1"), { id: "player:1", owner: "bob" });
  });

  test("what is revoked leaves, also from the view of who was away", async () => {
    let isPublic = true;
    const { sync, url } = await stage.serve({
      rules: { "*": { read: () => isPublic } },
      authenticate,
    });
    await sync.create({ id: "secret:1" });
    const here = await stage.join(url, { auth: "ann" });
    const away = await stage.join(url, { auth: "bob" });
    expect([ids(here), ids(away)]).toEqual([["secret:1"], ["secret:1"]]);
    away.disconnect();
    isPublic = false;
    await sync.revoke();
    await comesTo(() => ids(here), []);
    expect(ids(away)).toEqual(["secret:1"]);
    away.connect();
    await comesTo(() => ids(away), []);
    isPublic = true;
    await sync.revoke(["secret:1"]);
    await comesTo(() => [ids(here), ids(away)], [["secret:1"], ["secret:1"]]);
  });

  test("other rules purge what they no longer allow, and show what they newly do; also to who was away", async () => {
    const { sync, url } = await stage.serve({ rules: { "*": { read: true } }, authenticate });
    await sync.create({ id: "a:1" });
    await sync.create({ id: "b:1" });
    const here = await stage.join(url, { auth: "ann" });
    const away = await stage.join(url, { auth: "bob" });
    away.disconnect();
    sync.setRules({ a: { read: true } });
    await comesTo(() => ids(here), ["a:1"]);
    expect(ids(away)).toEqual(["a:1", "b:1"]);
    away.connect();
    await comesTo(() => ids(away), ["a:1"]);
    away.disconnect();
    sync.setRules(undefined);
    await comesTo(() => ids(here), ["a:1", "b:1"]);
    away.connect();
    await comesTo(() => ids(away), ["a:1", "b:1"]);
    expect(() => sync.setRules({ a: { read: "yes" } } as never)).toThrow("must be true, false");
  });
});
