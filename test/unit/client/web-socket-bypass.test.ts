import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { Server } from "socket.io";
import { Manager } from "socket.io-client";
import * as parser from "socket.io-parser";
import { receiveDirectly, sendDirectly } from "../../../client/web-socket-bypass.ts";
import { PROTOCOL } from "../../../lib/protocol.ts";
import { binaryParser, messageDecoder } from "../../../lib/socket-parser.ts";
import { eventually } from "../../support/eventually.ts";

const closings: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

interface EngineConnection {
  sendPacket(type: "message" | "ping", data?: string | Buffer): void;
}

/** A server that sends back the messages that it gets, and a client of it. */
async function connect(transport: "websocket" | "polling") {
  const http = createServer().listen(0);
  await once(http, "listening");
  const io = new Server(http, {
    parser: binaryParser<parser.Encoder, parser.Decoder>(
      parser,
      PROTOCOL.event,
      "/",
      () => true,
      () => false,
    ),
  });
  closings.push(() => io.close());
  const heard: unknown[] = [];
  let connection: EngineConnection | undefined;
  io.engine.on("connection", (made: EngineConnection) => (connection = made));
  io.on("connection", (socket) => {
    socket.onAny((event) => heard.push(event));
    socket.on(PROTOCOL.event, (bytes) => socket.emit(PROTOCOL.event, bytes));
  });
  const came: number[] = [];
  let isDirect = false;
  const manager = new Manager(`http://localhost:${(http.address() as AddressInfo).port}`, {
    transports: [transport],
    reconnection: false,
    autoConnect: false,
    parser: {
      Encoder: parser.Encoder,
      Decoder: messageDecoder(parser.Decoder, (message) => {
        came.push((message as Uint8Array)[0] ?? -1);
        if (isDirect) return;
        isDirect = true;
        receiveDirectly(manager.engine, (next) => came.push((next as Uint8Array)[0] ?? -1));
      }),
    },
  });
  const socket = manager.socket("/");
  closings.push(() => socket.disconnect());
  const connected = once(socket as unknown as NodeJS.EventEmitter, "connect");
  socket.connect();
  await connected;
  const packets = { in: 0, out: 0 };
  manager.engine.on("packet", ({ data }) => (packets.in += typeof data === "string" ? 0 : 1));
  manager.engine.on(
    "packetCreate",
    ({ data }) => (packets.out += typeof data === "string" ? 0 : 1),
  );
  const send = async (n: number): Promise<void> => {
    sendDirectly(manager.engine, Uint8Array.of(n));
    await eventually(() => came.length === n);
  };
  return { connection: connection as EngineConnection, socket, heard, came, packets, send };
}

test("messages go to the WebSocket, and after the first come from it, past engine.io", async () => {
  const { came, packets, send } = await connect("websocket");
  for (const n of [1, 2, 3]) await send(n);
  expect(came).toEqual([1, 2, 3]);
  expect(packets).toEqual({ in: 1, out: 0 });
});

test("without a WebSocket they go by way of engine.io", async () => {
  const { came, packets, send } = await connect("polling");
  for (const n of [1, 2, 3]) await send(n);
  expect(came).toEqual([1, 2, 3]);
  expect(packets).toEqual({ in: 3, out: 3 });
});

test("what engine.io has to send leaves first", async () => {
  const { socket, heard, send } = await connect("websocket");
  socket.emit("first"); // is in engine.io's queue until the next turn
  socket.emit("second");
  await send(1);
  expect(heard).toEqual(["first", "second", PROTOCOL.event]);
});

test("what else comes is left to engine.io, also bytes that a text has announced before a ping", async () => {
  const { connection, socket, came, send } = await connect("websocket");
  await send(1);
  const heard = once(socket as unknown as NodeJS.EventEmitter, "event");
  connection.sendPacket("message", '51-["event",{"_placeholder":true,"num":0}]');
  connection.sendPacket("ping");
  connection.sendPacket("message", Buffer.of(7));
  const [bytes] = (await heard) as [Uint8Array];
  expect([...bytes]).toEqual([7]);
  await send(2);
  expect(came).toEqual([1, 2]);
});
