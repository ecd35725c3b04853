/** The clients' process: all clients of one contestant, and what the runner asks of them. */
import { isContestant, loadContestant } from "../contestants/index.ts";
import { Arena } from "../crowd/arena.ts";
import { offer } from "./rpc.ts";

const name = process.argv[2] ?? "";
if (!isContestant(name)) throw new Error(`no such contestant: ${name}`);
const contestant = await loadContestant(name);
const arena = new Arena();

const methods = {
  can: () => contestant.can,

  enterArena: (port: number, players: number) => arena.enter(contestant, port, players),
  startMoving: () => arena.startMoving(),
  stopMoving: () => arena.stopMoving(),
  begin: () => arena.begin(),
  heard: () => arena.heard(),
  agreeing: (expected: string) => arena.agreeing(expected),
};

export type CrowdMethods = typeof methods;

offer(methods);
