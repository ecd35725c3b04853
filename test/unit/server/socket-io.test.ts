import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, expect, test } from "@jest/globals";
import { SyncError } from "../../../lib/errors.ts";
import { SERVER_LIMITS } from "../../../lib/limits.ts";
import type { Link } from "../../../lib/link.ts";
import { encodeGoodbye } from "../../../lib/messages.ts";
import { openSocketIo, type Handshake } from "../../../server/socket-io.ts";
import { eventually } from "../../support/eventually.ts";
import { Network } from "../../support/network.ts";
import { HELLO, RawClient } from "../../support/raw-client.ts";

/** The server's end of a connection, over a real one. */

const closings: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

const MIB = 1024 * 1024;

async function open(refusal?: Error) {
  const http = createServer();
  const links: Link[] = [];
  const handshakes: Handshake[] = [];
  const events: string[] = [];
  const { leave } = openSocketIo(http, {
    path: "/object-sync",
    namespace: "/object-sync",
    limits: SERVER_LIMITS,
    admit: async (handshake) => {
      handshakes.push(handshake);
      await Promise.resolve();
      if (refusal !== undefined) throw refusal;
      return (link) => {
        links.push(link);
        return {
          message: (bytes) => events.push(`message ${bytes.join()}`),
          drained: () => events.push("drained"),
          closed: () => events.push("closed"),
        };
      };
    },
  });
  http.listen(0);
  await once(http, "listening");
  closings.push(() => http.close(), leave);
  const network = await Network.to((http.address() as AddressInfo).port);
  closings.push(() => network.close());
  const connect = (options: object = {}): RawClient => {
    const client = new RawClient(network.url, HELLO, options);
    closings.push(() => client.close());
    return client;
  };
  return { network, links, handshakes, events, connect };
}

test("who connects is admitted by its hello, and has a link", async () => {
  const { links, handshakes, events, connect } = await open();
  const client = connect();
  await eventually(() => links.length === 1);
  expect(handshakes[0]).toMatchObject({ hello: HELLO });
  client.send([1, 2, 3]);
  await eventually(() => events.includes("message 1,2,3"));
  expect(links[0]?.waitingBytes).toBe(0);
  client.close();
  await eventually(() => events.at(-1) === "closed");
});

test.each([
  ["a SyncError as it is", new SyncError("forbidden", "not you"), "forbidden", "not you"],
  ["another error without its message", new Error("the password is 123"), "unavailable", ""],
])("who is not admitted is told %s", async (_what, refusal, code, message) => {
  const { connect, links } = await open(refusal);
  const client = connect();
  await client.until(() => client.isOver);
  expect(client.connectError?.data).toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
  expect(JSON.stringify(client.connectError?.data)).not.toContain("123");
  expect(links).toEqual([]);
});

test("what is no message of ours arrives as one that cannot be read", async () => {
  const { links, events, connect } = await open();
  const client = connect();
  await eventually(() => links.length === 1);
  client.socket.emit("o", { an: "object" });
  client.socket.emit("o");
  client.socket.emit("steal", Uint8Array.of(1));
  const messages = () => events.filter((event) => event !== "drained");
  await eventually(() => messages().length === 3);
  expect(messages()).toEqual(["message ", "message ", "message 0"]);
});

test.each([
  ["a WebSocket", ["websocket"]],
  ["polling", ["polling"]],
])(
  "the bytes that wait for %s are counted, and are no matter once it is closed",
  async (_what, transports) => {
    const { network, links, events, connect } = await open();
    connect({ transports });
    const link = await eventually(() => links[0]);
    const message = new Uint8Array(MIB).fill(3); // no such message: the client is not to understand
    network.stopDelivering();
    let sent = 0;
    // Until the system's own buffers are full.
    while (link.waitingBytes < 4 * MIB && sent < 64) {
      link.send(message.subarray(0, 10), message.subarray(10));
      sent += 1;
      await nextTurn();
    }
    expect(link.waitingBytes).toBeGreaterThanOrEqual(4 * MIB);
    expect(link.waitingBytes).toBeLessThanOrEqual(sent * (MIB + 100));
    network.cut();
    // A cut between two polls is noticed by nobody until a ping is missed.
    if (transports.includes("websocket")) await eventually(() => events.includes("closed"));
    link.close();
    await eventually(() => events.includes("closed"));
    link.send(message); // to nobody, and without harm
  },
);

test("a link that has room again says so", async () => {
  const { network, links, events, connect } = await open();
  const client = connect();
  const link = await eventually(() => links[0]);
  const error = new SyncError("slow_client", "x".repeat(MIB)).toData();
  const message = encodeGoodbye({ error, reconnect: true });
  network.stopDelivering();
  let sent = 0;
  while (link.waitingBytes < 4 * MIB && sent < 64) {
    link.send(message);
    sent += 1;
    await nextTurn();
  }
  events.length = 0;
  network.deliverAgain();
  await eventually(() => events.includes("drained") && link.waitingBytes === 0);
  await eventually(() => client.messages.length === sent);
});

test("closing lets what was sent before leave first", async () => {
  const { links, connect } = await open();
  const client = connect();
  const link = await eventually(() => links[0]);
  const goodbyes = 20;
  const error = new SyncError("slow_client", "x".repeat(MIB / 10)).toData();
  for (let i = 0; i < goodbyes; i++) link.send(encodeGoodbye({ error, reconnect: true }));
  link.close();
  link.send(encodeGoodbye({ error, reconnect: false })); // too late
  await eventually(() => client.isOver);
  expect(client.messages.map(({ kind }) => kind)).toEqual(
    Array.from({ length: goodbyes }, () => "goodbye"),
  );
});
