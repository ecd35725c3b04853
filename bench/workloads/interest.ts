import { setTimeout as sleep } from "node:timers/promises";
import type { ContestantName } from "../contestants/index.ts";
import { fieldSizeOf } from "../field.ts";
import type { Stage } from "../runner/stage.ts";
import { arenaColumns, arenaTimes, slowFaults, valuesOf, type HeardMoves } from "./arena.ts";
import { faultsOf, settle } from "./settle.ts";
import type { Case, Mode, Outcome, Workload } from "./workload.ts";

/** Players whose clients are a process of their own, and alone look at the clock. */
const WITNESSES = 20;

export const interest: Workload = {
  name: "interest",
  title: "Interest: N players on a grid, each moves 20 times a second and sees about 30 others",
  columns: [{ key: "seen", title: "others seen", digits: 1 }, ...arenaColumns],
  cases(mode) {
    const contestants: ContestantName[] = ["object-sync-grid", "colyseus-view"];
    const sized = (players: number, isDeaf = false): Case => ({
      name: `${players.toLocaleString("en-US")} players${isDeaf ? `, of whom ${WITNESSES} look` : ""}`,
      contestants,
      measure: (open) => walk(open, players, isDeaf, mode),
    });
    if (mode === "short") return [sized(200)];
    return [sized(500), sized(1_000), sized(1_000, true)];
  },
};

/**
 * Like the arena; but who must see whom is a question of where they are. All clients of so many players
 * are more than one core can run: if they are `isDeaf`, those besides the witnesses move and do not look,
 * so that it is the server that is measured.
 */
async function walk(
  open: () => Stage,
  players: number,
  isDeaf: boolean,
  mode: Mode,
): Promise<Outcome> {
  const { warmUpMs, windowMs } = arenaTimes(mode);
  const stage = open();
  const { server } = stage;
  const crowds = [stage.crowd, stage.openWitnesses()] as const;
  const [crowd, witnesses] = crowds;
  const fieldSize = fieldSizeOf(players);
  let areDeaf = false;
  const looking = () => (areDeaf ? [witnesses] : crowds);
  const disagreeing = () =>
    settle(async () => {
      const all = await server.players();
      const counts = await Promise.all(looking().map((one) => one.fieldDisagreeing(all)));
      return counts.reduce((sum, count) => sum + count, 0);
    });

  const port = await server.start();
  await crowd.enterField(port, 0, players - WITNESSES, fieldSize);
  await witnesses.enterField(port, players - WITNESSES, players, fieldSize);
  const disagreeingBefore = await disagreeing();
  if (isDeaf) await crowd.turnDeaf();
  areDeaf = isDeaf;
  await Promise.all(crowds.map((one) => one.startMoving(fieldSize)));
  await sleep(warmUpMs);

  const [before] = await Promise.all([server.usage(), ...crowds.map((one) => one.begin())]);
  await sleep(windowMs);
  const [after, ofCrowd, ofWitnesses] = await Promise.all([
    server.usage(),
    crowd.heard(),
    witnesses.heard(),
  ]);

  await Promise.all(crowds.map((one) => one.stopMoving()));
  const disagreeingAfter = await disagreeing();
  const [ofMany, ofFew] = await Promise.all([crowd.othersSeen(), witnesses.othersSeen()]);
  const seen = isDeaf ? ofFew : (ofMany * (players - WITNESSES) + ofFew * WITNESSES) / players;
  const heard = together(ofCrowd, ofWitnesses);
  // What one of the witnesses is told, everyone is, on average.
  const updates =
    (ofWitnesses.updates * heard.elapsedMs * players) / WITNESSES / ofWitnesses.elapsedMs;
  const told = isDeaf ? { ...heard, updates } : heard;
  const values = valuesOf(told, before, after, players, seen);
  return {
    values: { ...values, seen },
    faults: [...faultsOf(Math.max(disagreeingBefore, disagreeingAfter)), ...slowFaults(values)],
  };
}

/** What both heard, in the time of the crowd; how late, only the witnesses know. */
function together(crowd: HeardMoves, witnesses: HeardMoves): HeardMoves {
  const share = crowd.elapsedMs / witnesses.elapsedMs;
  return {
    ...witnesses,
    elapsedMs: crowd.elapsedMs,
    moves: crowd.moves + witnesses.moves * share,
    updates: crowd.updates + witnesses.updates * share,
    bytes: crowd.bytes + witnesses.bytes * share,
    cpuMicros: crowd.cpuMicros + witnesses.cpuMicros * share,
  };
}
