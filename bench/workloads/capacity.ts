import type { ContestantName } from "../contestants/index.ts";
import type { Stage } from "../runner/stage.ts";
import { playArena } from "./arena.ts";
import type { Outcome, Workload } from "./workload.ts";

const LADDER = [25, 50, 75, 100, 150, 200, 250, 300, 350, 400, 500, 600, 700, 800];
const P99_MAX_MS = 100;
/** A player whose moves get lost between two flushes is not carried. */
const DELIVERED_PERCENT_MIN = 90;

export const capacity: Workload = {
  name: "capacity",
  title: "Capacity: players of the arena with p99 under 100 ms",
  columns: [
    { key: "players", title: "players", digits: 0 },
    { key: "serverBusy", title: "server core % there", digits: 0 },
    { key: "clientBusy", title: "client core % there", digits: 0 },
  ],
  cases(mode) {
    // With a message for each move and client, one try in the middle of the ladder takes minutes.
    const contestants: ContestantName[] = ["object-sync", "ws", "colyseus"];
    if (mode === "short") return [];
    return [{ name: "most players", contestants, roundsMax: 3, measure: climb }];
  },
};

/** Searches the ladder by halves: the most players that were carried. */
async function climb(open: () => Stage): Promise<Outcome> {
  let low = -1;
  let high = LADDER.length;
  let best: Outcome["values"] = { players: 0 };
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const players = LADDER[middle] ?? 0;
    const carried = (await carry(open, players)) ?? (await carry(open, players));
    if (carried === undefined) {
      high = middle;
    } else {
      best = carried;
      low = middle;
    }
  }
  return { values: best, faults: [] };
}

/** Undefined when they are too many; asked twice, because anything can disturb one short window. */
async function carry(open: () => Stage, players: number): Promise<Outcome["values"] | undefined> {
  const stage = open();
  const { values, faults } = await playArena(() => stage, {
    players,
    warmUpMs: 2000,
    windowMs: 4000,
  });
  await stage.close();
  const { p99Ms = Infinity, delivered = 0, serverBusy = 0, clientBusy = 0 } = values;
  const isCarried = p99Ms < P99_MAX_MS && delivered >= DELIVERED_PERCENT_MIN && faults.length === 0;
  return isCarried ? { players, serverBusy, clientBusy } : undefined;
}
