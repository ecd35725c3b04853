import type { Paced, Written } from "../crowd/writers.ts";
import type { Stage } from "../runner/stage.ts";
import { faultsOf, settle } from "./settle.ts";
import type { Case, Outcome, Workload } from "./workload.ts";

/** For each of many clients. */
const IN_FLIGHT = 400;
/** Half of what a server with a durable store must be able to acknowledge. */
const PACE_PER_SECOND = 7_500;

export const writes: Workload = {
  name: "writes",
  title: "Writes: acknowledged, and seen by all clients",
  columns: [
    { key: "perSecond", title: "acknowledged/s", digits: 0 },
    { key: "p50Ms", title: "p50 ms", digits: 1 },
    { key: "p99Ms", title: "p99 ms", digits: 1 },
    { key: "serverMicros", title: "server µs/write", digits: 1 },
    { key: "clientMicros", title: "client µs/write", digits: 1 },
    { key: "serverBusy", title: "server core %", digits: 0 },
    { key: "clientBusy", title: "client core %", digits: 0 },
  ],
  cases(mode) {
    const times = mode === "short" ? { warmUpMs: 1000, ms: 1500 } : { warmUpMs: 3000, ms: 5000 };
    const written = (name: string, clients: number, load: Load): Case => ({
      name,
      contestants: ["object-sync", "object-sync-sqlite", "ws", "colyseus", "socket.io"],
      measure: (open) => write(open, clients, load, times),
    });
    const pipelined = (inFlight: number): Load => ({
      write: ({ crowd }, ms) => crowd.writeFor(ms, inFlight),
    });
    const paced: Load = { write: ({ crowd }, ms) => crowd.writeAtPace(ms, PACE_PER_SECOND) };
    const cases = [
      written("one client, one after another", 1, pipelined(1)),
      written("50 clients, pipelined", 50, pipelined(IN_FLIGHT)),
      written("50 clients, 7,500 writes/s", 50, paced),
    ];
    if (mode === "full") return cases;
    return cases.map((one) => ({ ...one, contestants: ["object-sync", "ws"] }));
  },
};

interface Load {
  write(stage: Stage, ms: number): Promise<Written & Partial<Pick<Paced, "p50Ms" | "p99Ms">>>;
}

interface Times {
  readonly warmUpMs: number;
  readonly ms: number;
}

async function write(
  open: () => Stage,
  clients: number,
  load: Load,
  { warmUpMs, ms }: Times,
): Promise<Outcome> {
  const stage = open();
  const { server, crowd } = stage;
  const port = await server.start();
  await server.addThings(clients);
  await crowd.join(port, clients, 10);
  await load.write(stage, warmUpMs);

  const before = await server.usage();
  const written = await load.write(stage, ms);
  const serverMicros = (await server.usage()).cpuMicros - before.cpuMicros;

  const disagreeing = await settle(async () => crowd.disagreeing(await server.fingerprint()));
  const { acknowledged, elapsedMs, cpuMicros, p50Ms, p99Ms } = written;
  return {
    values: {
      perSecond: (1000 * acknowledged) / elapsedMs,
      ...(p50Ms !== undefined && { p50Ms }),
      ...(p99Ms !== undefined && { p99Ms }),
      serverMicros: serverMicros / acknowledged,
      clientMicros: cpuMicros / acknowledged,
      serverBusy: serverMicros / elapsedMs / 10,
      clientBusy: cpuMicros / elapsedMs / 10,
    },
    faults: faultsOf(disagreeing),
  };
}
