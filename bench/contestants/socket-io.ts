import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { io } from "socket.io-client";
import { thing, thingId, type Player, type PlayerId, type Thing } from "../world.ts";
import { unable, type Contestant } from "./contestant.ts";

type Changed = { readonly id: string } & Partial<Player & Thing>;

interface ToServer {
  create(object: { readonly id: PlayerId } & Player, done: () => void): void;
  update(object: Changed, done?: () => void): void;
  fetch(done: (objects: ({ readonly id: string } & (Player | Thing))[]) => void): void;
}

interface ToClient {
  create(object: { readonly id: PlayerId } & Player): void;
  update(object: Changed): void;
}

/** As node-object-sync used it: each changed object is an event of its own, at once. */
export const socketIo: Contestant = {
  packages: ["socket.io", "socket.io-client"],
  can: { resume: false, acknowledge: true },

  async startServer() {
    const players = new Map<string, Player>();
    const things = new Map<string, Thing>();
    const http = createServer();
    const server = new Server<ToServer, ToClient>(http);
    http.listen(0, "127.0.0.1");
    await once(http, "listening");

    const assign = ({ id, ...changes }: Changed) => {
      const object = players.get(id) ?? things.get(id);
      if (object !== undefined) Object.assign(object, changes);
    };
    server.on("connection", (socket) => {
      socket.on("create", (object, done) => {
        const { id, ...player } = object;
        players.set(id, player);
        socket.broadcast.emit("create", object);
        done();
      });
      socket.on("update", (object, done) => {
        assign(object);
        socket.broadcast.emit("update", object);
        done?.();
      });
      socket.on("fetch", (done) => {
        done([...players, ...things].map(([id, object]) => ({ id, ...object })));
      });
    });
    const change = (object: Changed) => {
      assign(object);
      server.emit("update", object);
    };

    return {
      port: (http.address() as AddressInfo).port,
      addThings(count) {
        for (let i = 0; i < count; i += 1) things.set(thingId(i), thing(i));
      },
      setHp: (index, hp) => change({ id: thingId(index), hp }),
      setName: (index, name) => change({ id: thingId(index), name }),
      view: () => ({ players, things }),
    };
  },

  async connectClient(port, events) {
    const players = new Map<string, Player>();
    const things = new Map<string, Thing>();
    const socket = io(`http://127.0.0.1:${port}`, {
      transports: ["websocket"],
      forceNew: true,
      autoConnect: false,
    });
    socket.on("create", ({ id, ...player }: { id: PlayerId } & Player) => {
      players.set(id, player);
    });
    socket.on("update", ({ id, ...changes }: Changed) => {
      const player = players.get(id);
      if (player !== undefined) {
        Object.assign(player, changes);
        events.moved(id as PlayerId, player.t);
      } else {
        const target = things.get(id);
        if (target !== undefined) Object.assign(target, changes);
      }
    });
    socket.connect();
    const objects = (await socket.emitWithAck("fetch")) as ({ id: string } & (Player | Thing))[];
    for (const { id, ...object } of objects) {
      if ("t" in object) players.set(id, object);
      else things.set(id, object);
    }
    let own: { readonly id: PlayerId; readonly player: Player } | undefined;

    return {
      async enter(id, player) {
        own = { id, player: { ...player } };
        players.set(id, own.player);
        await socket.emitWithAck("create", { id, ...player });
      },
      move(player) {
        if (own === undefined) return;
        Object.assign(own.player, player);
        socket.emit("update", { id: own.id, ...player });
      },
      async write(index, hp) {
        const target = things.get(thingId(index));
        if (target !== undefined) target.hp = hp;
        await socket.emitWithAck("update", { id: thingId(index), hp });
      },
      view: () => ({ players, things }),
      leave: () => unable("resume"),
      comeBack: () => unable("resume"),
      close: () => void socket.disconnect(),
    };
  },
};
