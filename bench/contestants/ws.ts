import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { WebSocket, WebSocketServer } from "ws";
import {
  indexOf,
  playerId,
  thing,
  thingId,
  type Player,
  type PlayerId,
  type Thing,
  type WorldView,
} from "../world.ts";
import { TICK_MS, unable, type Contestant } from "./contestant.ts";

// The floor: what one would write by hand for exactly this world, and nothing else. No handshake, no
// retries, no limits; a frame says what moved since the last tick, in as few bytes as are simple.
// What is rare travels as JSON.
//
//   move     client -> server   x i16, y i16, t f64                          12 bytes
//   write    client -> server   number u32, thing u32, hp u16                10 bytes
//   ack      server -> client   number u32                                    4 bytes
//   tick     server -> client   moves u16, then (player u16, x, y, t)        14 bytes each
//                               then (thing u32, hp u16)                      6 bytes each

const MOVE_BYTES = 12;
const ACK_BYTES = 4;
const TICK_HEADER_BYTES = 2;
const TICK_MOVE_BYTES = 14;
const TICK_HP_BYTES = 6;

interface Snapshot {
  readonly players: [string, Player][];
  readonly things: [string, Thing][];
}

type Text =
  | { readonly snapshot: Snapshot }
  | { readonly enter: PlayerId; readonly player: Player }
  | { readonly rename: number; readonly name: string };

export const ws: Contestant = {
  packages: ["ws"],
  can: { resume: false, acknowledge: true },

  async startServer() {
    const players = new Map<PlayerId, Player>();
    const things = new Map<string, Thing>();
    const moved = new Map<number, Player>();
    const hit = new Map<number, number>();
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");

    const broadcast = (message: string | Buffer) => {
      for (const client of server.clients) client.send(message);
    };
    const setHp = (index: number, hp: number) => {
      const target = things.get(thingId(index));
      if (target === undefined) return;
      target.hp = hp;
      hit.set(index, hp);
    };

    server.on("connection", (socket) => {
      let own: Player | undefined;
      let ownIndex = 0;
      const snapshot = { players: [...players], things: [...things] };
      socket.send(JSON.stringify({ snapshot } satisfies Text));
      socket.on("message", (data: Buffer, isBinary) => {
        if (!isBinary) {
          const text = JSON.parse(data.toString()) as Text;
          if (!("enter" in text)) return;
          own = text.player;
          ownIndex = indexOf(text.enter);
          players.set(text.enter, own);
          broadcast(data.toString());
        } else if (data.length === MOVE_BYTES) {
          if (own === undefined) return;
          own.x = data.readInt16LE(0);
          own.y = data.readInt16LE(2);
          own.t = data.readDoubleLE(4);
          moved.set(ownIndex, own);
        } else {
          setHp(data.readUInt32LE(4), data.readUInt16LE(8));
          socket.send(data.subarray(0, ACK_BYTES));
        }
      });
    });

    setInterval(() => {
      if (moved.size + hit.size === 0) return;
      broadcast(packTick(moved, hit));
      moved.clear();
      hit.clear();
    }, TICK_MS);

    return {
      port: (server.address() as AddressInfo).port,
      addThings(count) {
        for (let i = 0; i < count; i += 1) things.set(thingId(i), thing(i));
      },
      setHp,
      setName(index, name) {
        const target = things.get(thingId(index));
        if (target === undefined) return;
        target.name = name;
        broadcast(JSON.stringify({ rename: index, name } satisfies Text));
      },
      view: () => ({ players, things }),
    };
  },

  async connectClient(port, events) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    const players: ({ readonly id: PlayerId; readonly at: Player } | undefined)[] = [];
    const things = new Map<string, Thing>();
    const acknowledge = new Map<number, () => void>();
    const move = Buffer.alloc(MOVE_BYTES);
    let writes = 0;
    let entered: (() => void) | undefined;
    let ownId: PlayerId | undefined;

    const readText = (text: Text) => {
      if ("snapshot" in text) {
        for (const [id, at] of text.snapshot.players) {
          players[indexOf(id as PlayerId)] = { id: id as PlayerId, at };
        }
        for (const [id, it] of text.snapshot.things) things.set(id, it);
      } else if ("enter" in text) {
        players[indexOf(text.enter)] = { id: text.enter, at: text.player };
        if (text.enter === ownId) entered?.();
      } else {
        const target = things.get(thingId(text.rename));
        if (target !== undefined) target.name = text.name;
      }
    };
    const readTick = (data: Buffer) => {
      const movesEnd = TICK_HEADER_BYTES + data.readUInt16LE(0) * TICK_MOVE_BYTES;
      for (let at = TICK_HEADER_BYTES; at < movesEnd; at += TICK_MOVE_BYTES) {
        const player = players[data.readUInt16LE(at)];
        if (player === undefined) continue;
        player.at.x = data.readInt16LE(at + 2);
        player.at.y = data.readInt16LE(at + 4);
        player.at.t = data.readDoubleLE(at + 6);
        events.moved(player.id, player.at.t);
      }
      for (let at = movesEnd; at < data.length; at += TICK_HP_BYTES) {
        const target = things.get(thingId(data.readUInt32LE(at)));
        if (target !== undefined) target.hp = data.readUInt16LE(at + 4);
      }
    };

    const whole = new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.on("message", (data: Buffer, isBinary) => {
        if (!isBinary) {
          readText(JSON.parse(data.toString()) as Text);
          resolve();
        } else if (data.length === ACK_BYTES) {
          const number = data.readUInt32LE(0);
          acknowledge.get(number)?.();
          acknowledge.delete(number);
        } else readTick(data);
      });
    });
    await whole;

    return {
      enter(id, player) {
        ownId = id;
        socket.send(JSON.stringify({ enter: id, player } satisfies Text));
        return new Promise((resolve) => (entered = resolve));
      },
      move({ x, y, t }) {
        move.writeInt16LE(x, 0);
        move.writeInt16LE(y, 2);
        move.writeDoubleLE(t, 4);
        socket.send(move);
      },
      write(index, hp) {
        writes += 1;
        const data = Buffer.alloc(10);
        data.writeUInt32LE(writes, 0);
        data.writeUInt32LE(index, 4);
        data.writeUInt16LE(hp, 8);
        socket.send(data);
        return new Promise((resolve) => acknowledge.set(writes, resolve));
      },
      view: () => viewOf(players, things),
      leave: () => unable("resume"),
      comeBack: () => unable("resume"),
      close: () => socket.terminate(),
    };
  },
};

function packTick(moved: ReadonlyMap<number, Player>, hit: ReadonlyMap<number, number>): Buffer {
  const bytes = TICK_HEADER_BYTES + moved.size * TICK_MOVE_BYTES + hit.size * TICK_HP_BYTES;
  const data = Buffer.allocUnsafe(bytes);
  let at = data.writeUInt16LE(moved.size, 0);
  for (const [index, { x, y, t }] of moved) {
    at = data.writeUInt16LE(index, at);
    at = data.writeInt16LE(x, at);
    at = data.writeInt16LE(y, at);
    at = data.writeDoubleLE(t, at);
  }
  for (const [index, hp] of hit) {
    at = data.writeUInt32LE(index, at);
    at = data.writeUInt16LE(hp, at);
  }
  return data;
}

function viewOf(
  players: readonly ({ readonly at: Player } | undefined)[],
  things: ReadonlyMap<string, Thing>,
): WorldView {
  const byId = new Map<string, Player>();
  players.forEach((player, index) => {
    if (player !== undefined) byId.set(playerId(index), player.at);
  });
  return { players: byId, things };
}
