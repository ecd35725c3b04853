/** The server's process: one contestant's server, and what the runner asks about it. */
import { isContestant, loadContestant } from "../contestants/index.ts";
import type { ContestantServer } from "../contestants/contestant.ts";
import { fingerprint, indexOf, type Player, type ThingId } from "../world.ts";
import type { NoteChange } from "../notes.ts";
import { Changes } from "./changes.ts";
import { Notes } from "./notes.ts";
import { pour } from "./pour.ts";
import { offer } from "./rpc.ts";
import { memory, usage } from "./usage.ts";

const name = process.argv[2] ?? "";
if (!isContestant(name)) throw new Error(`no such contestant: ${name}`);
const contestant = await loadContestant(name);
const changes = new Changes();
const notes = new Notes();
let server: ContestantServer | undefined;

const methods = {
  async start(): Promise<number> {
    server = await contestant.startServer();
    return server.port;
  },

  addThings: (count: number) => running().addThings(count),

  /** Gives the things from `first` to before `end` another `hp`. */
  setHp(first: number, end: number, hp: number): void {
    for (let index = first; index < end; index += 1) running().setHp(index, hp);
  },

  pour: (things: number, bytesPerSecond: number, ms: number) =>
    pour(running(), things, bytesPerSecond, ms),

  startChanging: (things: number, perSecond: number) => changes.start(running(), things, perSecond),
  stopChanging: () => changes.stop(),

  serveNotes: () => notes.serve(contestant),
  addNotes: (count: number) => notes.add(count),
  changeNotes: (change: NoteChange) => notes.change(change),
  notesFingerprint: () => notes.fingerprint(),

  usage,
  memory,
  fingerprint: async () => fingerprint(await running().view()),
  /** What each client is to see, by its number. */
  fingerprints: (clients: number) => fingerprints(clients),
  async players(): Promise<[string, Player][]> {
    const { players } = await running().view();
    return Array.from(players, ([id, { x, y, t }]) => [id, { x, y, t }]);
  },
};

export type ServerMethods = typeof methods;

offer(methods);

async function fingerprints(clients: number): Promise<string[]> {
  const { players, things } = await running().view();
  const all = Array.from(things, ([id, thing]) => ({ id, index: indexOf(id as ThingId), thing }));
  return Array.from({ length: clients }, (_, client) => {
    const shown = all.filter(
      ({ index, thing }) => contestant.shows?.(client, index, thing) ?? true,
    );
    return fingerprint({ players, things: new Map(shown.map(({ id, thing }) => [id, thing])) });
  });
}

function running(): ContestantServer {
  if (server === undefined) throw new Error("not started yet");
  return server;
}
