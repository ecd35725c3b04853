import { ObjectSync } from "object-sync/client";
import { ObjectSyncServer } from "object-sync/server";
import { hpAt, kinds, thing } from "../world.ts";
import type { Contestant } from "./contestant.ts";
import { urlOf, type Models } from "./object-sync.ts";
import { serveThings, watchThings } from "./object-sync-things.ts";

/** From one query of a kind to the next; `hp` is 0 to 10,000. */
const STEP_HP = 80;
/** So each thing is in three queries of its kind, and a thousand queries see 30 of 10,000 things each. */
const WIDTH_HP = 3 * STEP_HP;

/** Every client has a query of its own, for things of a kind with an `hp` between two bounds. */
export const objectSyncQueries: Contestant = {
  packages: ["object-sync"],
  can: { resume: true, acknowledge: true },

  shows(client, _index, { kind, hp }) {
    const low = lowOf(client);
    return kind === kindOf(client) && hp >= low && hp < low + WIDTH_HP;
  },

  startServer: () =>
    serveThings(new ObjectSyncServer({ open: true }), (index) => ({
      ...thing(index),
      hp: hpAt(index),
      t: 0,
    })),

  connectClient(port, events, number) {
    const low = lowOf(number);
    const query = { kind: kindOf(number), hp: { $gte: low, $lt: low + WIDTH_HP } };
    const sync = new ObjectSync<Models>(urlOf(port), { subscribe: [{ query }] });
    return watchThings(sync, events);
  },
};

function kindOf(client: number): string {
  return kinds[client % kinds.length] ?? "";
}

function lowOf(client: number): number {
  return Math.floor(client / kinds.length) * STEP_HP;
}
