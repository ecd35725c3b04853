/** The clients' process: all clients of one contestant, and what the runner asks of them. */
import { isContestant, loadContestant } from "../contestants/index.ts";
import { Arena } from "../crowd/arena.ts";
import { Joiners } from "../crowd/joiners.ts";
import { stallNewest } from "../crowd/sockets.ts";
import { writeAtPace, writeFor } from "../crowd/writers.ts";
import { offer } from "./rpc.ts";

const name = process.argv[2] ?? "";
if (!isContestant(name)) throw new Error(`no such contestant: ${name}`);
const contestant = await loadContestant(name);
const arena = new Arena();
const joiners = new Joiners();

const methods = {
  enterArena: (port: number, players: number) => arena.enter(contestant, port, players),
  startMoving: () => arena.startMoving(),
  stopMoving: () => arena.stopMoving(),
  begin: () => arena.begin(),
  heard: () => arena.heard(),
  arenaDisagreeing: (expected: string) => arena.disagreeing(expected),

  join: (port: number, count?: number, atOnce?: number) =>
    joiners.join(contestant, port, count, atOnce),
  leave: () => joiners.leave(),
  comeBack: () => joiners.comeBack(),
  stallNewest,
  disagreeing: (expected: string) => joiners.disagreeing(expected),
  closeAll: () => joiners.closeAll(),

  writeFor: (ms: number, inFlight: number) => writeFor(joiners.clients, ms, inFlight),
  writeAtPace: (ms: number, perSecond: number) => writeAtPace(joiners.clients, ms, perSecond),
};

export type CrowdMethods = typeof methods;

offer(methods);
