/** The clients' process: all clients of one contestant, and what the runner asks of them. */
import { isContestant, loadContestant } from "../contestants/index.ts";
import { Arena } from "../crowd/arena.ts";
import { Hearing } from "../crowd/hearing.ts";
import { Joiners } from "../crowd/joiners.ts";
import { stallNewest, turnDeaf } from "../crowd/sockets.ts";
import { Visitor } from "../crowd/visitor.ts";
import { writeAtPace, writeFor } from "../crowd/writers.ts";
import type { NoteChange } from "../notes.ts";
import type { Player } from "../world.ts";
import { offer } from "./rpc.ts";
import { usage } from "./usage.ts";

const name = process.argv[2] ?? "";
if (!isContestant(name)) throw new Error(`no such contestant: ${name}`);
const contestant = await loadContestant(name);
const hearing = new Hearing();
const arena = new Arena(hearing);
const joiners = new Joiners(hearing);
const visitor = new Visitor();

const methods = {
  enterArena: (port: number, players: number) => arena.enter(contestant, port, players),
  enterField: (port: number, first: number, end: number, fieldSize: number) =>
    arena.enterField(contestant, port, { first, end, fieldSize }),
  startMoving: (fieldSize?: number) => arena.startMoving(fieldSize),
  stopMoving: () => arena.stopMoving(),
  begin: () => {
    hearing.begin();
    arena.begin();
  },
  heard: () => ({ ...hearing.heard(), moves: arena.moves }),
  arenaDisagreeing: (expected: string) => arena.disagreeing(expected),
  fieldDisagreeing: (all: readonly [string, Player][]) => arena.disagreeingNear(new Map(all)),
  othersSeen: () => arena.othersSeen(),

  join: (port: number, count?: number, atOnce?: number) =>
    joiners.join(contestant, port, count, atOnce),
  leave: () => joiners.leave(),
  comeBack: () => joiners.comeBack(),
  stallNewest,
  turnDeaf,
  disagreeing: (expected: string | readonly string[]) => joiners.disagreeing(expected),
  closeAll: () => joiners.closeAll(),

  writeFor: (ms: number, inFlight: number) => writeFor(joiners.clients, ms, inFlight),
  writeAtPace: (ms: number, perSecond: number) => writeAtPace(joiners.clients, ms, perSecond),

  openNotes: (port: number) => visitor.open(contestant, port),
  changeNotes: (change: NoteChange) => visitor.change(change),
  syncNotes: () => visitor.sync(),
  notesFingerprint: () => visitor.fingerprint(),
  usage,
};

export type CrowdMethods = typeof methods;

offer(methods);
