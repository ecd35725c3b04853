import { createServer, type Server as HttpServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { Server, type ServerOptions, type Socket } from "socket.io";
import * as parser from "socket.io-parser";

import { connectSocketIo } from "../../../client/socket-io.ts";
import type { SyncError } from "../../../lib/errors.ts";
import type { ClientLink } from "../../../lib/link.ts";
import { PROTOCOL } from "../../../lib/protocol.ts";
import { binaryParser } from "../../../lib/socket-parser.ts";

const NAMESPACE = "/objects";
const HELLO = {
  version: 1,
  world: "default",
  clientId: "client-1",
  cursor: { epoch: "", seq: 0 },
  auth: { token: "t" },
};

let http: HttpServer | undefined;
let io: Server | undefined;

afterEach(async () => {
  http?.closeAllConnections();
  await io?.close();
});

async function serve(options: Partial<ServerOptions> = {}): Promise<{ io: Server; url: string }> {
  http = createServer().listen(0);
  await once(http, "listening");
  io = new Server(http, { path: "/sync", ...options });
  return { io, url: `http://localhost:${(http.address() as AddressInfo).port}` };
}

const ours = {
  parser: binaryParser(
    parser,
    PROTOCOL.event,
    NAMESPACE,
    () => true,
    () => false,
  ),
};

type Transports = Parameters<typeof connectSocketIo>[1]["transports"];

interface Dialled {
  readonly link: ClientLink;
  readonly opened: Promise<void>;
  readonly closed: Promise<[error: SyncError | undefined, reconnect: boolean | undefined]>;
  /** The next message that comes. */
  readonly next: () => Promise<Uint8Array>;
}

function dial(url: string, transports: Transports = ["websocket"]): Dialled {
  const came: Uint8Array[] = [];
  const wanted: ((bytes: Uint8Array) => void)[] = [];
  let open: () => void;
  let close: (how: [SyncError | undefined, boolean | undefined]) => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const closed = new Promise<[SyncError | undefined, boolean | undefined]>(
    (resolve) => (close = resolve),
  );
  const connect = connectSocketIo(url, { path: "/sync", namespace: NAMESPACE, transports });
  const link = connect(HELLO, {
    opened: () => open(),
    message: (bytes) => {
      const take = wanted.shift();
      if (take === undefined) came.push(bytes);
      else take(bytes);
    },
    drained: () => undefined,
    closed: (error, reconnect) => close([error, reconnect]),
  });
  const next = (): Promise<Uint8Array> => {
    const first = came.shift();
    return first ? Promise.resolve(first) : new Promise((resolve) => wanted.push(resolve));
  };
  return { link, opened, closed, next };
}

function echo(server: Server): void {
  server.of(NAMESPACE).on("connection", (socket: Socket) => {
    socket.emit(PROTOCOL.event, Uint8Array.of(1));
    socket.on(PROTOCOL.event, (bytes: Uint8Array) => socket.emit(PROTOCOL.event, bytes));
  });
}

test.each([
  ["our parser, WebSocket", ours, ["websocket"]],
  ["our parser, polling", ours, ["polling"]],
  ["socket.io's parser, WebSocket", {}, ["websocket"]],
  ["socket.io's parser, polling, then WebSocket", {}, ["polling", "websocket"]],
] as const)("messages go both ways as they are: %s", async (_name, options, transports) => {
  const server = await serve(options);
  echo(server.io);
  const { link, opened, next } = dial(server.url, transports);
  await opened;
  expect(await next()).toEqual(Uint8Array.of(1));
  link.send(Uint8Array.of(2, 3));
  expect(await next()).toEqual(Uint8Array.of(2, 3));
  link.close();
});

test("where WebSocket is blocked, polling takes its place", async () => {
  const server = await serve({ ...ours, transports: ["polling"] });
  echo(server.io);
  const { link, next } = dial(server.url, ["websocket", "polling"]);
  expect(await next()).toEqual(Uint8Array.of(1));
  link.close();
});

test("the hello is the handshake's auth", async () => {
  const server = await serve(ours);
  const came = once(server.io.of(NAMESPACE), "connection") as Promise<[Socket]>;
  const { link } = dial(server.url);
  const [socket] = await came;
  expect(socket.handshake.auth).toEqual(HELLO);
  link.close();
});

test("a refusal comes with the server's own error", async () => {
  const server = await serve(ours);
  server.io.of(NAMESPACE).use((_socket, next) => {
    const data = { code: "unavailable", message: "full", retryAfterMs: 50, reconnect: true };
    next(Object.assign(new Error("full"), { data }));
  });
  const [error, reconnect] = await dial(server.url).closed;
  expect(error).toMatchObject({ code: "unavailable", message: "full", retryAfterMs: 50 });
  expect(reconnect).toBe(true);
});

test("a server that cannot be reached is a link that closes, and says why", async () => {
  const [error, reconnect] = await dial("http://localhost:1").closed;
  const message = "no connection to http://localhost:1: websocket error";
  expect(error).toMatchObject({ code: "unavailable", message });
  expect([error?.retryable, error?.cause]).toEqual([true, expect.any(Error)]);
  expect(reconnect).toBeUndefined();
});

test("the server's last message is heard before the end", async () => {
  const server = await serve(ours);
  server.io.of(NAMESPACE).on("connection", (socket: Socket) => {
    socket.emit(PROTOCOL.event, Uint8Array.of(9));
    socket.disconnect(true);
  });
  const { next, closed } = dial(server.url);
  const first = await Promise.race([next(), closed]);
  expect(first).toEqual(Uint8Array.of(9));
  expect(await closed).toEqual([undefined, undefined]);
});

test("a link that is closed is silent, and its server knows", async () => {
  const server = await serve(ours);
  const came = once(server.io.of(NAMESPACE), "connection") as Promise<[Socket]>;
  const { link, closed } = dial(server.url);
  const [socket] = await came;
  const left = once(socket, "disconnect");
  let isToldSo = false;
  void closed.then(() => (isToldSo = true));
  link.close();
  await left;
  expect(isToldSo).toBe(false);
});

test("what is no bytes arrives as an empty message", async () => {
  const server = await serve(ours);
  server.io.of(NAMESPACE).on("connection", (socket: Socket) => socket.emit(PROTOCOL.event, "text"));
  const { link, next } = dial(server.url);
  expect(await next()).toEqual(new Uint8Array());
  link.close();
});
