import { join } from "node:path";
import { ObjectSync } from "object-sync/client";
import { MemoryStore, ObjectSyncServer, type Store } from "object-sync/server";
import { SqliteStore } from "object-sync/sqlite";
import {
  playerId,
  thing,
  thingId,
  type Player,
  type PlayerId,
  type Thing,
  type WorldView,
} from "../world.ts";
import {
  TICK_MS,
  type ClientEvents,
  type Contestant,
  type ContestantClient,
  type ContestantServer,
} from "./contestant.ts";
import { scratchFolder } from "./scratch-folder.ts";

/** As it comes: it sends at once, and batches under load. */
export const objectSync = contestant("auto");

/** On the same tick as the others that have one. */
export const objectSyncTick = contestant(TICK_MS);

/** With every commit on the disk before anyone hears of it; but for players, who are ephemeral. */
export const objectSyncSqlite = contestant(
  "auto",
  ["player"],
  () => new SqliteStore(join(scratchFolder(), "worlds.db")),
);

function contestant(
  flush: "auto" | number,
  ephemeral: readonly string[] = [],
  openStore: () => Store = () => new MemoryStore(),
): Contestant {
  return {
    packages: ["object-sync"],
    can: { resume: true, acknowledge: true },

    startServer: () =>
      serve(new ObjectSyncServer({ flush, open: true, ephemeral, store: openStore() })),

    async connectClient(port, events) {
      const sync = new ObjectSync<Models>(urlOf(port));
      tellMoves(sync, events);
      await sync.whenSynced();
      return clientOf(sync);
    },
  };
}

export interface Models {
  player: Player;
  /** Some note when they have changed. */
  thing: Thing & { t?: number };
}

export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** The server's end, whatever its options are; `make` gives the thing of an index. */
export async function serve(
  sync: ObjectSyncServer,
  make: (index: number) => object = thing,
): Promise<ContestantServer> {
  const port = await sync.listen(0, "127.0.0.1");
  return {
    port,
    async addThings(count) {
      const perTransaction = 500;
      for (let start = 0; start < count; start += perTransaction) {
        await sync.transaction((tx) => {
          for (let i = start; i < Math.min(start + perTransaction, count); i += 1) {
            tx.create({ id: thingId(i), ...make(i) });
          }
        });
      }
    },
    setHp: (index, hp) => void sync.update({ id: thingId(index), hp }),
    setName: (index, name) => void sync.update({ id: thingId(index), name }),
    view: () => viewOf(sync.allObjects()),
  };
}

export function tellMoves(sync: ObjectSync<Models>, events: ClientEvents): void {
  sync.namespace("player").on("update", (player) => events.moved(player.id as PlayerId, player.t));
}

/** A client's end, once it has connected. */
export function clientOf(sync: ObjectSync<Models>): ContestantClient {
  let own = playerId(0);
  return {
    async enter(id, player) {
      own = id;
      await sync.create({ id, ...player });
    },
    move: (player) => void sync.update({ id: own, ...player }),
    async write(index, hp) {
      await sync.update({ id: thingId(index), hp });
    },
    view: () => viewOf(sync.allObjects()),
    leave: () => sync.disconnect(),
    async comeBack() {
      sync.connect();
      await sync.whenSynced();
    },
    close: () => void sync.close(),
  };
}

function viewOf(objects: ReadonlyMap<string, object>): WorldView {
  const players = new Map<string, Player>();
  const things = new Map<string, Thing>();
  for (const [id, object] of objects) {
    if (id.startsWith("player:")) players.set(id, object as Player);
    else things.set(id, object as Thing);
  }
  return { players, things };
}
