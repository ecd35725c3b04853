import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import type * as Yjs from "yjs";
import type { WebsocketProvider as Provider } from "y-websocket";
import { WebSocket, WebSocketServer } from "ws";
import { thing, thingId, type PlayerId, type WorldView } from "../world.ts";
import { unable, type Contestant } from "./contestant.ts";

// y-websocket's server is CommonJS and gets its own copy of Yjs; so everything here takes that one.
const require = createRequire(import.meta.url);
const Y = require("yjs") as typeof Yjs;
const { WebsocketProvider } = require("y-websocket") as { WebsocketProvider: typeof Provider };

const ROOM = "arena";
type Fields = Yjs.Map<number | string>;

/** A document with a map of players and a map of things, each of which is a map of its own. */
export const yjs: Contestant = {
  packages: ["yjs", "y-websocket"],
  can: { resume: true, acknowledge: false },

  async startServer() {
    const { getYDoc, setupWSConnection } = require("y-websocket/bin/utils") as {
      getYDoc: (room: string) => Yjs.Doc;
      setupWSConnection: (socket: WebSocket, request: unknown) => void;
    };
    const http = createServer();
    const server = new WebSocketServer({ server: http });
    server.on("connection", setupWSConnection);
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    const doc = getYDoc(ROOM);
    const things = doc.getMap<Fields>("things");

    return {
      port: (http.address() as AddressInfo).port,
      addThings(count) {
        doc.transact(() => {
          for (let i = 0; i < count; i += 1) {
            things.set(thingId(i), new Y.Map<number | string>(Object.entries(thing(i))));
          }
        });
      },
      setHp: (index, hp) => void things.get(thingId(index))?.set("hp", hp),
      setName: (index, name) => void things.get(thingId(index))?.set("name", name),
      view: () => viewOf(doc),
    };
  },

  async connectClient(port, events) {
    const doc = new Y.Doc();
    const players = doc.getMap<Fields>("players");
    players.observeDeep((changes) => {
      for (const { target } of changes) {
        if (target === players) continue;
        const player = target as Fields;
        events.moved(idOf(player), player.get("t") as number);
      }
    });
    const provider = new WebsocketProvider(`ws://127.0.0.1:${port}`, ROOM, doc, {
      WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
      disableBc: true,
    });
    await synced(provider);
    let own: Fields | undefined;

    return {
      enter(id, player) {
        own = new Y.Map<number | string>(Object.entries(player));
        players.set(id, own);
        return Promise.resolve();
      },
      move({ x, y, t }) {
        doc.transact(() => {
          own?.set("x", x);
          own?.set("y", y);
          own?.set("t", t);
        });
      },
      write: () => unable("acknowledge"),
      view: () => viewOf(doc),
      leave: () => provider.disconnect(),
      comeBack() {
        provider.connect();
        return synced(provider);
      },
      close() {
        provider.destroy();
        doc.destroy();
      },
    };
  },
};

/** The key under which it is in the map of players. */
function idOf(player: Fields): PlayerId {
  return player._item?.parentSub as PlayerId;
}

function synced(provider: Provider): Promise<void> {
  return new Promise((resolve) => {
    const listener = (isSynced: boolean) => {
      if (!isSynced) return;
      provider.off("sync", listener);
      resolve();
    };
    provider.on("sync", listener);
  });
}

function viewOf(doc: Yjs.Doc): WorldView {
  return {
    players: new Map(Object.entries(doc.getMap("players").toJSON())),
    things: new Map(Object.entries(doc.getMap("things").toJSON())),
  };
}
