import { ObjectSync } from "object-sync/client";
import { ObjectSyncServer } from "object-sync/server";
import { hpAt, thing } from "../world.ts";
import { TICK_MS, type Contestant } from "./contestant.ts";
import { urlOf, type Models } from "./object-sync.ts";
import { serveThings, watchThings } from "./object-sync-things.ts";

/** Whose things there are. */
const TEAMS = 10;

interface Member {
  readonly team: number;
}

/** A rule shows everyone the things of its own team, and all clients are of one. */
export const objectSyncOneView = contestant(1);

/** The same with as many clients in each team. */
export const objectSyncTenViews = contestant(TEAMS);

function contestant(teams: number): Contestant {
  return {
    packages: ["object-sync"],
    can: { resume: true, acknowledge: true },
    shows: (client, index) => index % TEAMS === client % teams,

    startServer() {
      const sync = new ObjectSyncServer({
        flush: TICK_MS,
        authenticate: ({ auth }): Member => ({ team: Number(auth) }),
        rules: { thing: { read: (member, { team }) => (member as Member).team === team } },
      });
      const make = (index: number) => ({
        ...thing(index),
        hp: hpAt(index),
        team: index % TEAMS,
        t: 0,
      });
      return serveThings(sync, make);
    },

    connectClient(port, events, number) {
      const sync = new ObjectSync<Models>(urlOf(port), { auth: number % teams });
      return watchThings(sync, events);
    },
  };
}
