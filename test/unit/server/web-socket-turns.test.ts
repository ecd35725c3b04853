import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { connect, type AddressInfo } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { Server, type Socket } from "socket.io";
import { spread, spreadOverTurns } from "../../../server/web-socket-turns.ts";

interface Receiver extends NodeJS.EventEmitter {
  write(chunk: Buffer): boolean;
}

// The one that engine.io has.
const requireOfEngine = createRequire(
  createRequire(createRequire(import.meta.url).resolve("socket.io")).resolve("engine.io"),
);
const { Receiver } = requireOfEngine("ws") as { Receiver: new (options: object) => Receiver };

/** A ping, a pong, a text and a message of one byte each: their own number. */
const FIRST_BYTES = [0x89, 0x8a, 0x81, 0x82];

function frames(count: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, i) =>
      Buffer.of(FIRST_BYTES[i % FIRST_BYTES.length] as number, 0x81, 0, 0, 0, 0, i % 128),
    ),
  );
}

function listening(receiver: Receiver): string[] {
  const heard: string[] = [];
  for (const event of ["message", "ping", "pong"]) {
    receiver.on(event, (data: Buffer) => heard.push(`${event} ${data.toString("hex")}`));
  }
  return heard;
}

test("of 450 frames that come at once, twenty at most are heard in a turn of the loop, and all in their order", async () => {
  const [oracle, receiver] = [new Receiver({ isServer: true }), new Receiver({ isServer: true })];
  spread({ _receiver: receiver });
  const [expected, heard] = [listening(oracle), listening(receiver)];
  oracle.write(frames(450));
  receiver.write(frames(450));
  const counts = [heard.length];
  while (heard.length < 450) {
    await nextTurn();
    counts.push(heard.length);
  }
  expect(Math.max(...counts.map((count, i) => count - (counts[i - 1] ?? 0)))).toBeLessThan(21);
  expect(heard).toEqual(expected);
});

test("what comes while some still waits comes after it", async () => {
  const receiver = new Receiver({ isServer: true });
  spread({ _receiver: receiver });
  const heard = listening(receiver);
  receiver.write(frames(30));
  receiver.write(Buffer.of(0x82, 0x81, 0, 0, 0, 0, 0xff));
  while (heard.length < 31) await nextTurn();
  expect(heard.at(-1)).toBe("message ff");
});

const UPGRADE = [
  "GET /io/?EIO=4&transport=websocket HTTP/1.1",
  "Host: x",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  "\r\n",
].join("\r\n");

test("whoever has a WebSocket cannot keep the loop with pings, before anything was said on it", async () => {
  const http = createServer();
  const io = new Server(http, { path: "/io", serveClient: false });
  spreadOverTurns(io.engine);
  let turn = 0;
  const pingsByTurn = new Map<number, number>();
  let heard = 0;
  io.engine.on("connection", ({ transport }: Socket["conn"]) => {
    const { socket } = transport as unknown as { socket: NodeJS.EventEmitter };
    socket.on("ping", () => {
      heard += 1;
      pingsByTurn.set(turn, (pingsByTurn.get(turn) ?? 0) + 1);
    });
  });
  http.listen(0);
  await once(http, "listening");
  const client = connect((http.address() as AddressInfo).port);
  client.write(UPGRADE);
  await once(client, "data");
  client.write(Buffer.concat(Array.from({ length: 200 }, () => Buffer.of(0x89, 0x80, 0, 0, 0, 0))));
  while (heard < 200) {
    await nextTurn();
    turn += 1;
  }
  expect(Math.max(...pingsByTurn.values())).toBeLessThan(41); // the last of a turn, and the first of the next
  client.destroy();
  await io.close();
});

test.each<[what: string, webSocket: object]>([
  ["no WebSocket of ws", {}],
  ["one that is not open", { _receiver: null }],
  ["one that tells one message a turn", { _receiver: slow() }],
])("%s is left as it is", (_what, webSocket) => {
  expect(() => spread(webSocket)).not.toThrow();
});

function slow(): Receiver {
  return new Receiver({ isServer: true, allowSynchronousEvents: false });
}
