import { ObjectSync } from "object-sync/client";
import { grid } from "object-sync/grid";
import { ObjectSyncServer } from "object-sync/server";
import { CELL_SIZE, MARGIN, RADIUS } from "../field.ts";
import { playerId } from "../world.ts";
import { TICK_MS, type Contestant } from "./contestant.ts";
import { clientOf, serve, tellMoves, urlOf, type Models } from "./object-sync.ts";

/** With spatial interest: each client sees what is around its own player. */
export const objectSyncGrid: Contestant = {
  packages: ["object-sync"],
  can: { resume: true, acknowledge: true },

  startServer() {
    const sync = new ObjectSyncServer({
      flush: TICK_MS,
      open: true,
      authenticate: ({ auth }) => auth,
    });
    sync.use(
      grid({
        namespaces: ["player"],
        cellSize: CELL_SIZE,
        radius: RADIUS,
        margin: MARGIN,
        follow: ({ identity }) => String(identity),
      }),
    );
    return serve(sync);
  },

  async connectClient(port, events, number) {
    const sync = new ObjectSync<Models>(urlOf(port), { auth: playerId(number) });
    tellMoves(sync, events);
    await sync.whenSynced();
    return clientOf(sync);
  },
};
