import { arenaColumns, arenaTimes, playArena } from "./arena.ts";
import type { Workload } from "./workload.ts";

export const worldSize: Workload = {
  name: "world-size",
  title: "World size: the arena, among things that stand about",
  columns: arenaColumns,
  cases(mode) {
    const players = mode === "short" ? 10 : 20;
    return [1_000, 100_000].map((things) => ({
      name: `${players} players among ${things.toLocaleString("en-US")} objects`,
      contestants: mode === "short" ? ["object-sync-tick"] : ["object-sync-tick", "ws", "colyseus"],
      measure: (open) => playArena(open, { players, things, ...arenaTimes(mode) }),
    }));
  },
};
