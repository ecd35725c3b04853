import { setTimeout as sleep } from "node:timers/promises";
import type { ContestantName } from "../contestants/index.ts";
import type { Heard } from "../crowd/hearing.ts";
import type { Usage } from "../processes/usage.ts";
import type { Stage } from "../runner/stage.ts";
import { faultsOf, settle } from "./settle.ts";
import type { Case, Column, Mode, Outcome, Workload } from "./workload.ts";

export interface ArenaSize {
  readonly players: number;
  /** That stand about, and do not change. */
  readonly things?: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
}

/** What a crowd of players did and heard. */
export interface HeardMoves extends Heard {
  readonly moves: number;
}

export const arenaColumns: readonly Column[] = [
  { key: "serverMicros", title: "server µs/update", digits: 3 },
  { key: "clientMicros", title: "client µs/update", digits: 3 },
  { key: "bytes", title: "bytes/update", digits: 1 },
  { key: "p50Ms", title: "p50 ms", digits: 1 },
  { key: "p99Ms", title: "p99 ms", digits: 1 },
  { key: "delivered", title: "delivered %", digits: 1 },
  { key: "serverBusy", title: "server core %", digits: 0 },
  { key: "serverSystem", title: "of it system %", digits: 0 },
  { key: "clientBusy", title: "client core %", digits: 0 },
];

export const arena: Workload = {
  name: "arena",
  title: "Arena: N players, each moves 20 times a second and sees everyone",
  columns: arenaColumns,
  cases(mode) {
    const times = arenaTimes(mode);
    const sized = (players: number, contestants: readonly ContestantName[]): Case => ({
      name: `${players} players`,
      contestants,
      measure: (open) => playArena(open, { players, ...times }),
    });
    const quick: ContestantName[] = [
      "object-sync-tick",
      "object-sync",
      "object-sync-sqlite",
      "ws",
      "colyseus",
      "socket.io",
    ];
    if (mode === "short") {
      return [
        sized(20, ["object-sync", "ws", "socket.io"]),
        sized(100, ["object-sync-tick", "object-sync", "object-sync-sqlite", "ws", "colyseus"]),
      ];
    }
    const all: ContestantName[] = [...quick, "yjs", "tinybase", "sharedb"];
    return [
      sized(20, all),
      sized(100, all),
      // A message for each move and client is too much for the others here.
      sized(400, ["object-sync-tick", "object-sync", "ws", "colyseus"]),
    ];
  },
};

export function arenaTimes(mode: Mode): { warmUpMs: number; windowMs: number } {
  return mode === "short" ? { warmUpMs: 1500, windowMs: 2500 } : { warmUpMs: 5000, windowMs: 6000 };
}

/** Lets everyone in, waits until the code is warm, measures, and checks what everyone sees. */
export async function playArena(open: () => Stage, size: ArenaSize): Promise<Outcome> {
  const { server, crowd } = open();
  const port = await server.start();
  if (size.things !== undefined) await server.addThings(size.things);
  await crowd.enterArena(port, size.players);
  await crowd.startMoving();
  await sleep(size.warmUpMs);

  const [before] = await Promise.all([server.usage(), crowd.begin()]);
  await sleep(size.windowMs);
  const [after, heard] = await Promise.all([server.usage(), crowd.heard()]);

  await crowd.stopMoving();
  const disagreeing = await settle(async () => {
    return crowd.arenaDisagreeing(await server.fingerprint());
  });
  const values = valuesOf(heard, before, after, size.players, size.players - 1);
  return { values, faults: [...faultsOf(disagreeing), ...slowFaults(values)] };
}

/** The figures of a window from `before` to `after`; `others` is how many others each player sees. */
export function valuesOf(
  heard: HeardMoves,
  before: Usage,
  after: Usage,
  players: number,
  others: number,
) {
  const { updates, moves, elapsedMs } = heard;
  const serverMicros = after.cpuMicros - before.cpuMicros;
  // Microseconds a millisecond: a busy crowd answers late, so that its window is another one.
  const serverRate = serverMicros / (after.atMs - before.atMs);
  return {
    serverMicros: (serverRate * elapsedMs) / updates,
    clientMicros: heard.cpuMicros / updates,
    bytes: heard.bytes / updates,
    p50Ms: heard.latencyP50Ms,
    p99Ms: heard.latencyP99Ms,
    delivered: (100 * updates) / (moves * others),
    moved: (100 * moves) / ((players * elapsedMs) / 50),
    serverBusy: serverRate / 10,
    serverSystem: (100 * (after.systemMicros - before.systemMicros)) / serverMicros,
    clientBusy: heard.cpuMicros / elapsedMs / 10,
  };
}

/** A fault for the report, when the clients could not keep up their moves. */
export function slowFaults({ moved }: { readonly moved: number }): string[] {
  return moved < 95 ? [`only ${moved.toFixed(0)} % of the moves were made in time`] : [];
}
