import { afterEach, expect, test } from "@jest/globals";
import { Server as SocketIoServer } from "socket.io";
import * as parser from "socket.io-parser";
import { PROTOCOL } from "../../lib/index.ts";
import { binaryParser } from "../../lib/socket-parser.ts";
import { ObjectSyncServer, type ServerOptions } from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import type { Network } from "../support/network.ts";
import { next, recordEvents, Stage, TAPPED, viewOf } from "../support/stage.ts";

const KIB = 1024;
const MIB = KIB * KIB;
const WAITING_MAX = 512 * KIB;
const VALUE_BYTES = 100 * KIB;
/** What the kernel's own buffers may take on the way, between the server and the proxy. */
const KERNEL_BYTES = 16 * MIB;

const stage = new Stage();
afterEach(() => stage.clear());

interface Theatre {
  readonly sync: ObjectSyncServer;
  readonly url: string;
  readonly network: Network;
  /** What waits in the server's process for the clients behind the network, in bytes. */
  readonly waiting: () => number;
}

/** A server whose connections can be looked at, and a network that can stand still in front of it. */
async function raise(limits: ServerOptions["limits"]): Promise<Theatre> {
  const { http, url } = await stage.http();
  const io = new SocketIoServer(http, {
    path: PROTOCOL.defaultPath,
    parser: binaryParser<parser.Encoder, parser.Decoder>(
      parser,
      PROTOCOL.event,
      PROTOCOL.defaultNamespace,
      () => true,
      () => false,
    ),
  });
  const sync = new ObjectSyncServer({ limits: { waitingBytesMax: WAITING_MAX, ...limits } });
  sync.attach(io);
  stage.afterwards(async () => {
    await sync.close();
    await io.close();
  });
  const waiting = (): number => Math.max(0, ...connectionsOf(io).map(waitingBytes));
  return { sync, url, network: await stage.network(Number(new URL(url).port)), waiting };
}

/** engine.io's connections: what waits in its own queue, and in the WebSocket. */
interface Connection {
  readonly writeBuffer: readonly { readonly data?: unknown }[];
  readonly transport: { readonly socket?: { readonly bufferedAmount: number } };
}

function connectionsOf(io: SocketIoServer): Connection[] {
  const { clients } = io.engine as unknown as { clients: Readonly<Record<string, Connection>> };
  return Object.values(clients);
}

function waitingBytes({ writeBuffer, transport }: Connection): number {
  let queued = 0;
  for (const { data } of writeBuffer) {
    if (typeof data === "string" || data instanceof Uint8Array) queued += data.length;
  }
  return queued + (transport.socket?.bufferedAmount ?? 0);
}

/** A text of its own each time, so that nothing can be shared. */
function large(i: number): string {
  return String(i)
    .padStart(10, "0")
    .repeat(VALUE_BYTES / 10);
}

/** Resolves when the server has let a client go. */
function departure(sync: ObjectSyncServer): Promise<void> {
  return new Promise((resolve) => {
    sync.on("disconnect", () => resolve());
  });
}

async function churnUntil(sync: ObjectSyncServer, end: Promise<void>): Promise<void> {
  const goOn = Symbol();
  for (let round = 1; ; round++) {
    const write = sync.update({ id: "large", round, text: large(round) }).then(() => goOn);
    if ((await Promise.race([end, write])) !== goOn) return;
  }
}

test("a client that stops reading costs the server a bounded amount, and later gets the present without the history", async () => {
  const { sync, url, network, waiting } = await raise({});
  const ids = Array.from({ length: 5 }, (_, i) => `large:${i}`);
  for (const id of ids) await sync.create({ id, text: "", round: 0 });
  const [slow, quick] = [await stage.join(network.url, TAPPED), await stage.join(url)];
  const events = recordEvents(slow);
  network.stopDelivering();

  const rounds = 200;
  const history = rounds * ids.length * VALUE_BYTES;
  let waitingPeak = 0;
  for (let round = 1; round <= rounds; round++) {
    await Promise.all(ids.map((id) => sync.update({ id, round, text: large(round) })));
    await eventually(() => ids.every((id) => quick.get(id)?.["round"] === round));
    waitingPeak = Math.max(waitingPeak, waiting());
  }
  const frame = ids.length * VALUE_BYTES * 1.1;
  expect(waitingPeak).toBeGreaterThan(0); // it did back up
  expect(waitingPeak).toBeLessThanOrEqual(WAITING_MAX + frame);
  expect(slow.isConnected()).toBe(true);
  expect(slow.get("large:0")?.["round"]).not.toBe(rounds);

  network.deliverAgain();
  await eventually(() => ids.every((id) => slow.get(id)?.["round"] === rounds));
  expect(viewOf(slow)).toEqual(viewOf(sync));
  expect(network.bytesDown).toBeLessThan(KERNEL_BYTES + WAITING_MAX + 4 * frame);
  expect(network.bytesDown).toBeLessThan(history / 3);
  expect(events.length).toBeLessThan((rounds * ids.length) / 3);
  expect(network.taps).toHaveLength(1); // on the same connection
  // From here on it is as quick as the others.
  await sync.update({ id: "large:0", round: -1 });
  await eventually(() => slow.get("large:0")?.["round"] === -1);
});

test("a client that reads nothing for too long is told slow_client, may come back, and agrees again", async () => {
  const { sync, network } = await raise({ slowClientMs: 200 });
  const left = departure(sync);
  await sync.create({ id: "large", text: "", round: 0 });
  const slow = await stage.join(network.url, TAPPED);
  const reasons: unknown[] = [];
  slow.on("disconnect", (reason) => reasons.push(reason?.code));
  const isBack = next(slow, "connect");
  network.stopDelivering();
  await churnUntil(sync, left);
  network.deliverAgain();
  await isBack;
  await slow.whenSynced();
  expect(reasons).toEqual(["slow_client"]);
  expect(viewOf(slow)).toEqual(viewOf(sync));
});

test("a client that never reads again is cut off", async () => {
  const { sync, network, waiting } = await raise({ slowClientMs: 100 });
  await sync.create({ id: "large", text: "", round: 0 });
  const slow = await stage.join(network.url, TAPPED);
  const left = departure(sync);
  network.stopDelivering();
  await churnUntil(sync, left);
  await eventually(
    () => waiting() === 0,
    () => waiting(),
  );
  await slow.close();
});

test("the outcomes of a client's own writes wait with what it missed, and come once", async () => {
  const { sync, network, waiting } = await raise({});
  await sync.create({ id: "large", text: "", round: 0 });
  const slow = await stage.join(network.url, TAPPED);
  network.stopDelivering();
  const settled: string[] = [];
  const writes = Array.from({ length: 20 }, (_, i) =>
    slow.create({ id: `mine:${i}` }).then(({ id }) => settled.push(id)),
  );
  await eventually(() => sync.allObjects().size === 21);
  let round = 0;
  while (waiting() < WAITING_MAX - 2 * VALUE_BYTES) {
    round += 1;
    await sync.update({ id: "large", round, text: large(round) });
  }
  const late = slow.update({ id: "mine:0", round });
  await eventually(() => sync.get("mine:0")?.["round"] === round);
  expect(settled).toEqual([]);
  network.deliverAgain();
  await Promise.all([...writes, late]);
  await eventually(() => slow.get("large")?.["round"] === round);
  expect(settled).toEqual(writes.map((_write, i) => `mine:${i}`));
  expect(viewOf(slow)).toEqual(viewOf(sync));
});
