/** The server's process: one contestant's server, and what the runner asks about it. */
import { isContestant, loadContestant } from "../contestants/index.ts";
import type { ContestantServer } from "../contestants/contestant.ts";
import { fingerprint } from "../world.ts";
import { pour } from "./pour.ts";
import { offer } from "./rpc.ts";
import { memory, usage } from "./usage.ts";

const name = process.argv[2] ?? "";
if (!isContestant(name)) throw new Error(`no such contestant: ${name}`);
const contestant = await loadContestant(name);
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

  usage,
  memory,
  fingerprint: async () => fingerprint(await running().view()),
};

export type ServerMethods = typeof methods;

offer(methods);

function running(): ContestantServer {
  if (server === undefined) throw new Error("not started yet");
  return server;
}
