import type { ContestantName } from "../contestants/index.ts";
import type { Usage } from "../processes/usage.ts";
import type { Stage } from "../runner/stage.ts";
import { median } from "../runner/measurement.ts";
import { faultsOf, settle } from "./settle.ts";
import type { Case, Outcome, Workload } from "./workload.ts";

const CROWD = 200;
const quick: ContestantName[] = ["object-sync", "ws", "colyseus", "socket.io"];

export const join: Workload = {
  name: "join",
  title: "Join: a client receives a world of objects { x, y, name, hp, kind }",
  columns: [
    { key: "bytes", title: "bytes", digits: 0 },
    { key: "ms", title: "ms to whole", digits: 1 },
    { key: "serverMs", title: "server CPU ms", digits: 1 },
    { key: "perOne", title: "× the CPU of one join", digits: 1 },
  ],
  cases(mode) {
    const one = (things: number, contestants: readonly ContestantName[]): Case => ({
      name: `${things.toLocaleString("en-US")} objects`,
      contestants,
      measure: (open) => joinOne(open, things),
    });
    const crowd = (things: number, contestants: readonly ContestantName[]): Case => ({
      name: `${things.toLocaleString("en-US")} objects, ${CROWD} clients at once`,
      contestants,
      measure: (open) => joinTogether(open, things),
    });
    if (mode === "short") return [one(10_000, quick)];
    return [
      one(10_000, [...quick, "yjs", "tinybase", "sharedb"]),
      one(100_000, quick),
      crowd(10_000, ["object-sync", "ws", "colyseus"]),
      // What so many connections cost by themselves.
      crowd(10, ["object-sync", "ws", "colyseus", "socket.io"]),
    ];
  },
};

/** The median of three clients, one after another, after two that warm it up. */
async function joinOne(open: () => Stage, things: number): Promise<Outcome> {
  const { server, crowd } = open();
  const port = await server.start();
  await server.addThings(things);
  const warmUps = 2;
  const joins: Record<"ms" | "bytes" | "serverMs", number>[] = [];
  let disagreeing = 0;
  for (let i = 0; i < warmUps + 3; i += 1) {
    // So that no answer is kept from the one before.
    await server.setHp(i, i + 1, 500 + i);
    const before = await server.usage();
    const { ms, bytes } = await crowd.join(port);
    const serverMs = cpuMs(before, await server.usage());
    disagreeing += await settle(async () => crowd.disagreeing(await server.fingerprint()));
    await crowd.closeAll();
    if (i >= warmUps) joins.push({ ms, bytes, serverMs });
  }
  return {
    values: {
      bytes: median(joins.map(({ bytes }) => bytes)),
      ms: median(joins.map(({ ms }) => ms)),
      serverMs: median(joins.map(({ serverMs }) => serverMs)),
    },
    faults: faultsOf(disagreeing),
  };
}

/** Many clients at the same moment, compared with one on the same server. */
async function joinTogether(open: () => Stage, things: number): Promise<Outcome> {
  const { server, crowd } = open();
  const port = await server.start();
  await server.addThings(things);
  const ones: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    await server.setHp(i, i + 1, 500 + i);
    const before = await server.usage();
    await crowd.join(port);
    ones.push(cpuMs(before, await server.usage()));
    await crowd.closeAll();
  }
  const oneMs = median(ones.slice(2));

  await server.setHp(0, 1, 600);
  const before = await server.usage();
  const { ms, bytes } = await crowd.join(port, CROWD);
  const serverMs = cpuMs(before, await server.usage());
  const disagreeing = await settle(async () => crowd.disagreeing(await server.fingerprint()));
  return {
    values: { bytes: bytes / CROWD, ms, serverMs, perOne: serverMs / oneMs },
    faults: faultsOf(disagreeing),
  };
}

function cpuMs(before: Usage, after: Usage): number {
  return (after.cpuMicros - before.cpuMicros) / 1000;
}
