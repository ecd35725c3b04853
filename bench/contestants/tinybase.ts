import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createMergeableStore, type MergeableStore } from "tinybase";
import { createCustomPersister } from "tinybase/persisters";
import { createWsSynchronizer } from "tinybase/synchronizers/synchronizer-ws-client";
import { createWsServer } from "tinybase/synchronizers/synchronizer-ws-server";
import { WebSocket, WebSocketServer } from "ws";
import {
  thing,
  thingId,
  type Player,
  type PlayerId,
  type Thing,
  type WorldView,
} from "../world.ts";
import { unable, type Contestant } from "./contestant.ts";

const PATH = "arena";
/** A value of the store: how many things there are, by which a client knows that it has them all. */
const THING_COUNT = "things";

/** A table of players and one of things; the server has a store of its own, which it syncs. */
export const tinybase: Contestant = {
  packages: ["tinybase"],
  can: { resume: false, acknowledge: false },

  async startServer() {
    const store = createMergeableStore("server");
    store.setValue(THING_COUNT, 0);
    const sockets = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(sockets, "listening");
    createWsServer(sockets, (path) => (path === PATH ? keptInMemory(store) : undefined));

    return {
      port: (sockets.address() as AddressInfo).port,
      addThings(count) {
        store.transaction(() => {
          for (let i = 0; i < count; i += 1) store.setRow("things", thingId(i), { ...thing(i) });
          store.setValue(THING_COUNT, count);
        });
      },
      setHp: (index, hp) => void store.setCell("things", thingId(index), "hp", hp),
      setName: (index, name) => void store.setCell("things", thingId(index), "name", name),
      view: () => viewOf(store),
    };
  },

  async connectClient(port, events) {
    const store = createMergeableStore();
    store.addCellListener("players", null, "t", (_store, _table, id, _cell, t) => {
      events.moved(id as PlayerId, t as number);
    });
    const socket = new WebSocket(`ws://127.0.0.1:${port}/${PATH}`);
    const synchronizer = await createWsSynchronizer(store, socket, 10);
    const whole = wholeIn(store);
    await synchronizer.startSync();
    await whole;
    let own: PlayerId | undefined;

    return {
      enter(id, player) {
        own = id;
        store.setRow("players", id, { ...player });
        return Promise.resolve();
      },
      move(player) {
        if (own !== undefined) store.setPartialRow("players", own, { ...player });
      },
      write: () => unable("acknowledge"),
      view: () => viewOf(store),
      leave: () => unable("resume"),
      comeBack: () => unable("resume"),
      close: () => void synchronizer.destroy(),
    };
  },
};

/** Makes `store` the one that the server holds for a path; it is kept nowhere else. */
function keptInMemory(store: MergeableStore) {
  return createCustomPersister(
    store,
    () => Promise.resolve(undefined),
    () => Promise.resolve(),
    () => undefined,
    () => undefined,
    undefined,
    // Persists.MergeableStoreOnly: a constant enum, gone in a file that is compiled on its own.
    2,
  );
}

function wholeIn(store: MergeableStore): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (store.getRowCount("things") === store.getValue(THING_COUNT)) resolve();
    };
    store.addDidFinishTransactionListener(check);
    check();
  });
}

function viewOf(store: MergeableStore): WorldView {
  return {
    players: new Map(Object.entries(store.getTable("players"))) as unknown as Map<string, Player>,
    things: new Map(Object.entries(store.getTable("things"))) as unknown as Map<string, Thing>,
  };
}
