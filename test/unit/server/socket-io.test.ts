import { once } from "node:events";
import { createServer } from "node:http";
import { connect as connectTcp, type AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, expect, test } from "@jest/globals";
import { SyncError } from "../../../lib/errors.ts";
import { SERVER_LIMITS } from "../../../lib/limits.ts";
import type { Link } from "../../../lib/link.ts";
import { encodeGoodbye } from "../../../lib/messages.ts";
import { openSocketIo, type Handshake, type SocketIoServer } from "../../../server/socket-io.ts";
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
  const { io, leave } = openSocketIo(http, {
    path: "/object-sync",
    namespace: "/object-sync",
    limits: SERVER_LIMITS,
    origins: undefined,
    onStranger: () => undefined,
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
  return { io, network, links, handshakes, events, connect };
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

interface EngineConnection {
  readonly transport: { socket: object };
  on(event: "packet" | "packetCreate", listener: (packet: { data?: unknown }) => void): void;
}

/** A message of ours that goes by way of engine.io is one of its packets, of bytes. */
function watchPackets(io: SocketIoServer): { in: number; out: number } {
  const packets = { in: 0, out: 0 };
  io.engine.on("connection", (connection: EngineConnection) => {
    connection.on("packet", ({ data }) => (packets.in += data instanceof Uint8Array ? 1 : 0));
    connection.on(
      "packetCreate",
      ({ data }) => (packets.out += data instanceof Uint8Array ? 1 : 0),
    );
  });
  return packets;
}

/** Three messages each way, one after the other. */
async function exchange({ links, events, connect }: Awaited<ReturnType<typeof open>>) {
  const client = connect();
  const link = await eventually(() => links[0]);
  const goodbye = encodeGoodbye({
    error: new SyncError("slow_client", "for now").toData(),
    reconnect: true,
  });
  for (let i = 0; i < 3; i += 1) {
    client.send([1, 2, i]);
    await eventually(() => events.includes(`message 1,2,${i}`));
    link.send(goodbye.subarray(0, 2), goodbye.subarray(2));
    await eventually(() => client.messages.length === i + 1);
  }
  expect(events.filter((event) => event !== "drained")).toHaveLength(3);
}

test("messages go and come past engine.io", async () => {
  const place = await open();
  const packets = watchPackets(place.io);
  await exchange(place);
  expect(packets).toEqual({ in: 0, out: 0 });
});

/** The same WebSocket, which has no property of this name or another value there. */
function disguised<T extends object>(webSocket: T, other: Readonly<Record<string, unknown>>): T {
  return new Proxy(webSocket, {
    get(target, name) {
      if (Object.hasOwn(other, name)) return other[name as string];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

test.each<[what: string, other: Readonly<Record<string, unknown>>]>([
  ["has an extension", { extensions: "permessage-deflate" }],
  ["is another ws", { _sender: undefined, _receiver: undefined }],
])("where the WebSocket %s, they go by way of engine.io", async (_what, other) => {
  const place = await open();
  const packets = watchPackets(place.io);
  place.io.engine.on("connection", ({ transport }: EngineConnection) => {
    transport.socket = disguised(transport.socket, other);
  });
  await exchange(place);
  expect(packets).toEqual({ in: 3, out: 3 });
});

test("the first message that comes where a pong is waited for goes by way of engine.io", async () => {
  const place = await open();
  const packets = watchPackets(place.io);
  place.io.of("/object-sync").on("connection", ({ conn }) => {
    // As engine.io has it after a ping.
    const timer = setTimeout(() => undefined, 0);
    Object.assign(conn, { pingTimeoutTimer: timer, hasRefreshedPingTimeout: false });
  });
  await exchange(place);
  expect(packets).toEqual({ in: 1, out: 0 });
});

/** What a client sends that does not keep to RFC 6455: after a message which does, in one piece. */
test.each<[what: string, frame: readonly number[], code: number]>([
  ["a frame that is not masked", [0x82, 1, 7], 1002],
  ["a reserved bit", [0xc2, 0x81, 0, 0, 0, 0, 7], 1002],
  ["an unknown opcode", [0x83, 0x81, 0, 0, 0, 0, 7], 1002],
  ["more than a message may have", [0x82, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0], 1009],
])(
  "%s ends the connection as ws ends it, after what was sent before",
  async (_what, bytes, code) => {
    const { network, links, events } = await open();
    const socket = connectTcp(Number(new URL(network.url).port), "127.0.0.1");
    closings.push(() => socket.destroy());
    const answers: Buffer[] = [];
    socket.on("data", (chunk) => answers.push(chunk));
    socket.write(
      [
        "GET /object-sync/?EIO=4&transport=websocket HTTP/1.1",
        "Host: localhost",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        `Sec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}`,
        "\r\n",
      ].join("\r\n"),
    );
    await eventually(() => Buffer.concat(answers).includes("sid"));
    const connectPacket = Buffer.from(`40/object-sync,${JSON.stringify(HELLO)}`);
    const length = Uint8Array.of(
      0x81,
      0xfe,
      connectPacket.length >> 8,
      connectPacket.length & 0xff,
    );
    socket.write(Buffer.concat([length, Buffer.alloc(4), connectPacket]));
    await eventually(() => links.length === 1);
    socket.write(Uint8Array.from([0x82, 0x82, 0, 0, 0, 0, 1, 2, ...bytes]));
    await eventually(() => events.includes("closed"));
    expect(events.filter((event) => event !== "drained")).toEqual(["message 1,2", "closed"]);
    const closeFrame = Buffer.from([0x88, 2, code >> 8, code & 0xff]);
    await eventually(() => Buffer.concat(answers).includes(closeFrame));
  },
);
