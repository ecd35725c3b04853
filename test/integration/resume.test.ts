import { afterEach, expect, test } from "@jest/globals";
import type { ObjectSync } from "../../client/index.ts";
import type { SyncError } from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import { KeptStore } from "../support/kept-store.ts";
import type { Network } from "../support/network.ts";
import { next, recordEvents, Stage, TAPPED, viewOf } from "../support/stage.ts";
import type { Tapped } from "../support/wire-tap.ts";

const stage = new Stage();
afterEach(() => stage.clear());

/** Notes each time that a callback is called, and with what. */
function callbacks(): [
  called: string[],
  callback: (name: string) => (e: SyncError | null) => void,
] {
  const called: string[] = [];
  return [called, (name) => (error) => called.push(`${name} ${error?.code ?? "accepted"}`)];
}

async function goDown(network: Network, client: ObjectSync): Promise<void> {
  network.goDown();
  await eventually(() => !client.isConnected());
}

/** How the server received the client when it came back last. */
function wasResumed(network: Network): boolean | undefined {
  const message = network.taps.at(-1)?.messages[0]?.message;
  return message?.kind === "welcome" ? message.isResumed : undefined;
}

test("a cursor older than the horizon: a clean resync, pending writes kept and settled once", async () => {
  const { sync, port, url } = await stage.serve({ limits: { tombstonesMax: 3 } });
  for (const id of ["a", "b", "c", "d", "e", "tree"]) await sync.create({ id, height: 1 });
  const network = await stage.network(port);
  const [away, other] = [await stage.join(network.url, TAPPED), await stage.join(url)];
  await goDown(network, away);
  const [called, callback] = callbacks();
  const rejected: string[] = [];
  away.on("reject", (error, { operations }) => rejected.push(`${operations[0]?.id} ${error.code}`));
  const writes = [
    away.update({ id: "tree", height: 2 }, callback("update")),
    away.update({ id: "a", height: 2 }, callback("update of what is gone")),
    away.create({ id: "mine", height: 9 }, callback("create")),
    away.create({ id: "tree" }, callback("create of what exists")),
    away.destroy("b", callback("destroy of what is gone")),
  ];
  const events = recordEvents(away);
  await Promise.all(["a", "b", "c", "d", "e"].map((id) => sync.destroy(id)));
  await sync.update({ id: "tree", name: "oak" });
  await sync.create({ id: "new" });
  await eventually(() => other.get("new")); // so much is flushed, and forgotten

  network.comeUp();
  await Promise.allSettled(writes);
  expect(wasResumed(network)).toBe(false);
  const codes = Object.fromEntries(
    called.map((line) => line.split(/ (?=\w+$)/)) as [string, string][],
  );
  expect(called).toHaveLength(writes.length);
  expect(codes).toMatchObject({
    update: "accepted",
    create: "accepted",
    "create of what exists": "exists",
  });
  expect(["gone", "not_found"]).toContain(codes["update of what is gone"]);
  expect(rejected).toHaveLength(called.filter((line) => !line.endsWith("accepted")).length);
  const all = {
    tree: { id: "tree", height: 2, name: "oak" },
    new: { id: "new" },
    mine: { id: "mine", height: 9 },
  };
  expect([viewOf(away), viewOf(sync)]).toEqual([all, all]);
  // A resync tells what came and went, but nothing of it as news.
  expect(events.filter((event) => /^(create|destroy) /.test(event))).toEqual([]);
  expect(events).toContain("add new");
});

test("a cursor of another epoch: a clean resync to the new world, pending writes kept and settled once", async () => {
  const first = await stage.serve();
  for (const id of ["tree", "stone"]) await first.sync.create({ id, height: 1 });
  const network = await stage.network(first.port);
  const away = await stage.join(network.url, TAPPED);
  await away.update({ id: "stone", height: 2 });
  const stone = away.get("stone");
  await goDown(network, away);
  await first.sync.close();

  const [called, callback] = callbacks();
  const writes = [
    away.update({ id: "stone", height: 3 }, callback("update")),
    away.update({ id: "tree", height: 3 }, callback("update of what is not there")),
    away.create({ id: "mine" }, callback("create")),
  ];
  const events = recordEvents(away);
  const second = await stage.serve();
  for (const id of ["stone", "flower"]) await second.sync.create({ id, height: 7 });
  network.leadTo(second.port);
  network.comeUp();
  await Promise.allSettled(writes);
  expect(wasResumed(network)).toBe(false);
  expect(called).toEqual([
    "update accepted",
    "update of what is not there not_found",
    "create accepted",
  ]);
  const all = {
    stone: { id: "stone", height: 3 },
    flower: { id: "flower", height: 7 },
    mine: { id: "mine" },
  };
  expect([viewOf(away), viewOf(second.sync)]).toEqual([all, all]);
  expect(away.get("stone")).toBe(stone);
  expect(events.sort()).toEqual(["add flower", "remove tree"]);

  // It goes on as usual there: exactly once, and resumed after a drop.
  const back = next(away, "synced");
  network.cut();
  await away.update({ id: "stone", height: 4 }, callback("update"));
  await back;
  expect(wasResumed(network)).toBe(true);
  expect(second.sync.get("stone")).toEqual({ id: "stone", height: 4 });
  expect(called.slice(3)).toEqual(["update accepted"]);
});

test("a cursor from the future, of a server put back to an old state: a clean resync", async () => {
  const store = new KeptStore();
  const first = await stage.serve({ store });
  await first.sync.create({ id: "tree", height: 1 });
  const network = await stage.network(first.port);
  const away = await stage.join(network.url, TAPPED);
  const [called, callback] = callbacks();
  await away.update({ id: "tree", height: 2 }, callback("update"));
  const backup = store.backup();
  for (let height = 3; height < 20; height++) await away.update({ id: "tree", height });
  await away.create({ id: "lost" });
  await goDown(network, away);
  await first.sync.close();

  const write = away.create({ id: "mine" }, callback("create"));
  store.restore(backup);
  const second = await stage.serve({ store });
  network.leadTo(second.port);
  network.comeUp();
  await write;
  expect(wasResumed(network)).toBe(false);
  expect(called).toEqual(["update accepted", "create accepted"]);
  const all = { tree: { id: "tree", height: 2 }, mine: { id: "mine" } };
  expect([viewOf(away), viewOf(second.sync)]).toEqual([all, all]);
});

test("a server that comes back with its store resumes its clients, and answers from its ledger", async () => {
  const store = new KeptStore();
  const handlers = {
    create: (object: object) => ({ ...object, id: "named-by-handler" }),
    destroy: () => Promise.reject(new TypeError("never")),
  };
  const first = await stage.serve({ store, handlers });
  first.sync.on("error", () => undefined);
  const network = await stage.network(first.port);
  const client = await stage.join(network.url, TAPPED);
  const [called, callback] = callbacks();
  network.stopDelivering(); // whatever is acknowledged now is lost
  const writes = [
    client.save({ name: "anonymous" }, callback("create")),
    client.destroy("named-by-handler", callback("destroy")),
  ];
  await eventually(() => first.sync.get("named-by-handler"));
  await first.sync.update({ id: "named-by-handler", height: 5 });
  await goDown(network, client);
  await first.sync.close();

  const creates: string[] = [];
  const second = await stage.serve({
    store,
    handlers: {
      create: (object) => {
        creates.push(JSON.stringify(object));
        return object;
      },
    },
  });
  network.leadTo(second.port);
  network.deliverAgain();
  network.comeUp();
  await Promise.allSettled(writes);
  expect(wasResumed(network)).toBe(true);
  expect(called).toEqual(["create accepted", "destroy handler_failed"]);
  expect(creates).toEqual([]);
  const all = { "named-by-handler": { id: "named-by-handler", name: "anonymous", height: 5 } };
  expect([viewOf(client), viewOf(second.sync)]).toEqual([all, all]);
});

test("a retried transaction is recognised, although a handler has named what it creates", async () => {
  let rows = 0;
  const { sync, port } = await stage.serve({
    handlers: { create: (object) => ({ ...object, id: `row:${++rows}` }) },
  });
  const network = await stage.network(port);
  const client = await stage.join(network.url);
  network.stopDelivering();
  const write = client.transaction((steps) => {
    const id = steps.create({ height: 1 });
    steps.update({ id, height: 2 });
  });
  const later = client.update({ id: [...client.allObjects().keys()][0] ?? "", height: 3 });
  await eventually(() => sync.get("row:1")?.["height"] === 3);
  const back = next(client, "synced");
  network.cut();
  network.deliverAgain();
  await Promise.all([write, later, back]);
  expect(rows).toBe(1);
  const all = { "row:1": { id: "row:1", height: 3 } };
  expect([viewOf(client), viewOf(sync)]).toEqual([all, all]);
});

test("a client whose ledger was forgotten goes on writing", async () => {
  const { sync, port, url } = await stage.serve({ limits: { ledgerClientsMax: 1 } });
  const network = await stage.network(port);
  const [away, other] = [await stage.join(network.url, TAPPED), await stage.join(url)];
  for (const id of ["a", "b", "c"]) await away.create({ id });
  await goDown(network, away);
  const write = away.create({ id: "d" });
  await other.create({ id: "e" });
  network.comeUp();
  await write;
  await away.create({ id: "f" });
  await eventually(() => away.allObjects().size === 6);
  expect(viewOf(away)).toEqual(viewOf(sync));
});

test("a drop amid the pages of a snapshot begins it anew; amid those of a resume, goes on", async () => {
  const { sync, port } = await stage.serve({ limits: { pageBytes: 4_096 } });
  const text = "x".repeat(200);
  for (let i = 0; i < 200; i++) await sync.create({ id: `thing:${i}`, text });
  const network = await stage.network(port);
  const cutAtPage = (page: number) => {
    let seen = 0;
    network.onMessage = ({ message }: Tapped) => {
      if (message.kind !== "delta" || ++seen < page) return;
      network.onMessage = () => undefined;
      network.cut();
    };
  };
  cutAtPage(5);
  const client = stage.client(network.url, TAPPED);
  const events = recordEvents(client);
  await client.whenSynced();
  expect(network.taps.length).toBeGreaterThan(1);
  expect(events).toHaveLength(200);
  expect(viewOf(client)).toEqual(viewOf(sync));

  await goDown(network, client);
  for (let i = 0; i < 200; i++) await sync.update({ id: `thing:${i}`, text: `${text}${i}` });
  const attempts = network.taps.length;
  cutAtPage(5);
  network.comeUp();
  await client.whenSynced();
  expect(network.taps.length).toBeGreaterThanOrEqual(attempts + 2);
  expect(wasResumed(network)).toBe(true);
  expect(events.slice(200)).toEqual(
    Array.from({ length: 200 }, (_, i) => `update thing:${i} text`),
  );
  expect(viewOf(client)).toEqual(viewOf(sync));
});

test("over connections that break again and again every write is made once, and all agree", async () => {
  const { sync, port } = await stage.serve();
  const made: string[] = [];
  sync.on("create", ({ id }) => made.push(id));
  const names = ["ann", "bob", "eve"];
  const crowd = await Promise.all(
    names.map(async (name) => {
      const network = await stage.network(port);
      let messages = 0;
      network.onMessage = () => {
        messages += 1;
        if (messages % 7 === 0) network.cut();
      };
      return { name, network, client: await stage.join(network.url) };
    }),
  );
  const [called, callback] = callbacks();
  await Promise.all(
    crowd.map(async ({ name, client }) => {
      for (let i = 0; i < 40; i++) {
        const id = `${name}:${i}`;
        void client.create({ id, height: i }, callback(id));
        await client.update({ id, height: i + 1 });
      }
    }),
  );
  for (const { network } of crowd) network.onMessage = () => undefined;
  const ids = names.flatMap((name) => Array.from({ length: 40 }, (_, i) => `${name}:${i}`));
  expect([...made].sort()).toEqual([...ids].sort());
  expect([...called].sort()).toEqual(ids.map((id) => `${id} accepted`).sort());
  for (const { client, network } of crowd) {
    await eventually(() => client.allObjects().size === ids.length && client.status === "synced");
    expect(viewOf(client)).toEqual(viewOf(sync));
    expect(network.taps.length).toBeGreaterThan(3);
  }
});
