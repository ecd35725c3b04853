import { once } from "node:events";
import type { IncomingMessage, Server as HttpServer } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, expect, test } from "@jest/globals";
import { Server as SocketIoServer } from "socket.io";
import type { ObjectSync } from "../../client/index.ts";
import { PROTOCOL } from "../../lib/index.ts";
import { ObjectSyncServer } from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import type { Network } from "../support/network.ts";
import { HELLO } from "../support/raw-client.ts";
import { next, recordEvents, Stage, viewOf } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

interface Place {
  readonly sync: ObjectSyncServer;
  readonly url: string;
  readonly port: number;
  /** The transports that clients have asked for, in order, each request once. */
  readonly requests: string[];
}

async function open(): Promise<Place> {
  const { http, url } = await stage.http();
  const sync = new ObjectSyncServer().attach(http);
  stage.afterwards(() => sync.close());
  return { sync, url, port: Number(new URL(url).port), requests: watch(http) };
}

function watch(http: HttpServer): string[] {
  const requests: string[] = [];
  const note = ({ url }: IncomingMessage): void => {
    requests.push(new URL(url ?? "", "http://localhost").searchParams.get("transport") ?? "");
  };
  http.prependListener("request", note);
  http.prependListener("upgrade", note);
  return requests;
}

/** All kinds of values and changes, by this client and by the server. */
async function exercise(client: ObjectSync, sync: ObjectSyncServer): Promise<string[]> {
  const events = recordEvents(client);
  const values = { text: "žluťoučký kůň 🐎", list: [1, [2.5, null]], at: new Date(7), on: true };
  await client.create({ id: "tree", ...values, bytes: Uint8Array.of(0, 127, 128, 255) });
  await client.update({ id: "tree", text: undefined, height: 1 });
  await sync.create({ id: "stone", large: "x".repeat(200_000) });
  await client.transaction((steps) => {
    steps.update({ id: "tree", height: 2 });
    steps.create({ id: "flower" });
  });
  await sync.destroy("flower");
  await eventually(() => client.get("stone") && client.get("flower") === undefined);
  await expect(client.create({ id: "stone" })).rejects.toMatchObject({ code: "exists" });
  expect(await client.fetch(["stone", "nothing"])).toEqual([sync.get("stone"), null]);
  expect(viewOf(client)).toEqual(viewOf(sync));
  return events;
}

test("a client comes by WebSocket at once, without a request besides", async () => {
  const { sync, url, requests } = await open();
  await exercise(await stage.join(url), sync);
  expect(requests).toEqual(["websocket"]);
});

test("where WebSocket is blocked a client comes by polling, and both deliver the same", async () => {
  const [free, blocked] = [await open(), await open()];
  const network = await stage.network(blocked.port);
  network.blocksWebSockets = true;
  const [byWebSocket, byPolling] = [await stage.join(free.url), await stage.join(network.url)];
  const [atOne, atOther] = [
    await exercise(byWebSocket, free.sync),
    await exercise(byPolling, blocked.sync),
  ];
  expect(atOther).toEqual(atOne);
  expect(viewOf(byPolling)).toEqual(viewOf(byWebSocket));
  expect(free.requests).toEqual(["websocket"]);
  expect(new Set(blocked.requests)).toEqual(new Set(["polling"]));
});

test("a client that polls comes back after drops, and nothing is lost or made twice", async () => {
  const { sync, port } = await open();
  const network = await stage.network(port);
  network.blocksWebSockets = true;
  const client = await stage.join(network.url);
  const made: string[] = [];
  sync.on("create", ({ id }) => made.push(id));
  const ids = Array.from({ length: 30 }, (_, i) => `thing:${i}`);
  const writes: Promise<unknown>[] = [];
  for (const [i, id] of ids.entries()) {
    writes.push(client.create({ id }));
    if (i % 10 !== 5) continue;
    await breakOff(network, client);
    await client.whenSynced();
  }
  await Promise.all(writes);
  expect(made).toEqual(ids);
  expect(viewOf(client)).toEqual(viewOf(sync));
});

test("a client that starts by polling and moves to WebSocket misses nothing on the way", async () => {
  const { sync, url, requests } = await open();
  const [mover, other] = [
    stage.client(url, { transports: ["polling", "websocket"] }),
    await stage.join(url),
  ];
  const events = recordEvents(mover);
  let created = 0;
  const webSockets = (): number => requests.filter((each) => each === "websocket").length;
  while (webSockets() < 2 || created < 200) {
    await Promise.all([
      other.create({ id: `other:${created}` }),
      mover.create({ id: `mover:${created}` }),
    ]);
    created += 1;
  }
  await eventually(() => mover.allObjects().size === 2 * created);
  expect(viewOf(mover)).toEqual(viewOf(sync));
  expect(events.filter((event) => event.startsWith("add "))).toHaveLength(2 * created);
  expect(new Set(events).size).toBe(events.length);
});

test.each([0, 1, 2, 3, 5, 8])(
  "a network that is cut while a client moves to WebSocket costs nothing (%d turns after it asks)",
  async (turns) => {
    const { http, url } = await stage.http();
    // A client that polls no more and whose WebSocket broke off notices by the pings only.
    const io = new SocketIoServer(http, { pingInterval: 100, pingTimeout: 100 });
    const sync = new ObjectSyncServer().attach(io);
    stage.afterwards(async () => {
      await sync.close();
      await io.close();
    });
    const network = await stage.network(Number(new URL(url).port));
    const made: string[] = [];
    sync.on("create", ({ id }) => made.push(id));
    const client = stage.client(network.url, {
      path: "/socket.io",
      transports: ["polling", "websocket"],
    });
    const asked = once(http, "upgrade");
    const ids: string[] = [];
    const writes: Promise<unknown>[] = [];
    const write = (): void => {
      ids.push(`thing:${ids.length}`);
      writes.push(client.create({ id: ids.at(-1) }));
    };
    write();
    await asked;
    for (let turn = 0; turn < turns; turn++) {
      write();
      await nextTurn();
    }
    const isBack = breakOff(network, client);
    write();
    await isBack;
    await client.whenSynced();
    write();
    await Promise.all(writes);
    expect(made).toEqual(ids);
    expect(viewOf(client)).toEqual(viewOf(sync));
  },
);

/** Cuts until the client notices: between two requests, one that polls has no connection. */
async function breakOff(network: Network, client: ObjectSync): Promise<void> {
  let hasLeft = false;
  void next(client, "disconnect").then(() => (hasLeft = true));
  await eventually(() => {
    if (!hasLeft) network.cut();
    return hasLeft;
  });
}

test("who is sent away, takes the reason by polling and then asks for nothing more, is gone before half a minute", async () => {
  const { http, url } = await stage.http();
  const io = new SocketIoServer(http);
  const sync = new ObjectSyncServer({ authenticate: () => ({ id: "ann" }) }).attach(io);
  stage.afterwards(() => sync.close());
  const asked = async (path: string, init?: RequestInit): Promise<string> =>
    (await fetch(`${url}/socket.io/?EIO=4&transport=polling${path}`, init)).text();
  const opened = await asked("");
  const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
  const body = `40${PROTOCOL.defaultNamespace},${JSON.stringify(HELLO)}`;
  await asked(`&sid=${sid}`, { method: "POST", body });
  await asked(`&sid=${sid}`);
  expect(sync.endSessions("ann")).toBe(1);
  expect(await asked(`&sid=${sid}`)).toContain(`41${PROTOCOL.defaultNamespace},`);
  expect(io.engine.clientsCount).toBe(1);
  await eventually(() => io.engine.clientsCount === 0);
});
