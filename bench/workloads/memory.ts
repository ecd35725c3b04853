import { setTimeout as sleep } from "node:timers/promises";
import type { Stage } from "../runner/stage.ts";
import { faultsOf, settle } from "./settle.ts";
import type { Case, Outcome, Workload } from "./workload.ts";

const POURED_BYTES_PER_SECOND = 10_000_000;
const POURED_THINGS = 100;

export const memory: Workload = {
  name: "memory",
  title: "Memory of the server",
  columns: [
    { key: "heapPerObject", title: "heap bytes/object", digits: 0 },
    { key: "rssPerConnection", title: "RSS bytes/connection", digits: 0 },
    { key: "heapPerConnection", title: "heap bytes/connection", digits: 0 },
    { key: "stalledRssMb", title: "growth of peak RSS, MB", digits: 1 },
  ],
  cases(mode) {
    const objects: Case = {
      name: "100,000 objects",
      contestants: ["object-sync", "ws", "colyseus"],
      measure: (open) => holdObjects(open, 100_000),
    };
    const idle = (count: number): Case => ({
      name: `${count.toLocaleString("en-US")} idle connections`,
      contestants: ["object-sync", "socket.io", "ws", "colyseus"],
      roundsMax: 3,
      measure: (open) => holdConnections(open, count),
    });
    const stalled = (ms: number): Case => ({
      name: "a stalled reader under 10 MB/s",
      contestants: ["object-sync", "ws", "colyseus", "socket.io"],
      measure: (open) => stallReader(open, ms),
    });
    if (mode === "full") return [objects, idle(5_000), stalled(10_000)];
    return [
      { ...objects, contestants: ["object-sync"] },
      { ...idle(1_000), contestants: ["object-sync", "socket.io"] },
      { ...stalled(3_000), contestants: ["object-sync"] },
    ];
  },
};

async function holdObjects(open: () => Stage, count: number): Promise<Outcome> {
  const { server } = open();
  await server.start();
  const before = await server.memory();
  await server.addThings(count);
  const after = await server.memory();
  return {
    values: { heapPerObject: (after.heapBytes - before.heapBytes) / count },
    faults: [],
  };
}

async function holdConnections(open: () => Stage, count: number): Promise<Outcome> {
  const { server, crowd } = open();
  const port = await server.start();
  // What the first ones cost is not what each costs.
  await crowd.join(port, 50);
  await sleep(500);
  const before = await server.memory();
  await crowd.join(port, count, 50);
  await sleep(1000);
  const after = await server.memory();
  return {
    values: {
      rssPerConnection: (after.rssBytes - before.rssBytes) / count,
      heapPerConnection: (after.heapBytes - before.heapBytes) / count,
    },
    faults: [],
  };
}

/**
 * Two readers, of whom one stops reading. The same was poured before, twice, while both read: what
 * the server needs for that is not the stalled one's.
 */
async function stallReader(open: () => Stage, ms: number): Promise<Outcome> {
  const { server, crowd } = open();
  const port = await server.start();
  await server.addThings(POURED_THINGS);
  await crowd.join(port, 2, 1);
  const pour = () => server.pour(POURED_THINGS, POURED_BYTES_PER_SECOND, ms);
  await pour();
  const peakBefore = await pour();
  const disagreeing = await settle(async () => crowd.disagreeing(await server.fingerprint()));
  await crowd.stallNewest();
  const peak = await pour();
  return {
    values: { stalledRssMb: (peak - peakBefore) / 1e6 },
    faults: faultsOf(disagreeing),
  };
}
