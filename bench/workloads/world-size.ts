import { arenaColumns, arenaTimes, playArena } from "./arena.ts";
import type { Workload } from "./workload.ts";

/** Each client holds all of the world, and there is one process for all clients. */
const PLAYERS = 20;

export const worldSize: Workload = {
  name: "world-size",
  title: "World size: the arena, among things that stand about",
  columns: arenaColumns,
  cases(mode) {
    // To let everyone into a large world takes long.
    if (mode === "short") return [];
    return [1_000, 100_000].map((things) => ({
      name: `${PLAYERS} players among ${things.toLocaleString("en-US")} objects`,
      contestants: ["object-sync-tick", "ws", "colyseus"],
      measure: (open) => playArena(open, { players: PLAYERS, things, ...arenaTimes(mode) }),
    }));
  },
};
