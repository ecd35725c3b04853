import type { Stage } from "../runner/stage.ts";
import { faultsOf, settle } from "./settle.ts";
import type { Case, Outcome, Workload } from "./workload.ts";

/** For each of many clients. */
const IN_FLIGHT = 400;

export const writes: Workload = {
  name: "writes",
  title: "Writes: acknowledged, and seen by all clients",
  columns: [
    { key: "perSecond", title: "acknowledged/s", digits: 0 },
    { key: "serverMicros", title: "server µs/write", digits: 1 },
    { key: "clientMicros", title: "client µs/write", digits: 1 },
    { key: "serverBusy", title: "server core %", digits: 0 },
    { key: "clientBusy", title: "client core %", digits: 0 },
  ],
  cases(mode) {
    const times = mode === "short" ? { warmUpMs: 1000, ms: 1500 } : { warmUpMs: 3000, ms: 5000 };
    const written = (name: string, clients: number, inFlight: number): Case => ({
      name,
      contestants: ["object-sync", "object-sync-sqlite", "ws", "colyseus", "socket.io"],
      measure: (open) => write(open, { clients, inFlight, ...times }),
    });
    const cases = [
      written("one client, one after another", 1, 1),
      written("50 clients, pipelined", 50, IN_FLIGHT),
    ];
    if (mode === "full") return cases;
    return cases.map((one) => ({ ...one, contestants: ["object-sync", "ws"] }));
  },
};

interface Load {
  readonly clients: number;
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly ms: number;
}

async function write(open: () => Stage, load: Load): Promise<Outcome> {
  const { server, crowd } = open();
  const port = await server.start();
  await server.addThings(load.clients);
  await crowd.join(port, load.clients, 10);
  await crowd.writeFor(load.warmUpMs, load.inFlight);

  const before = await server.usage();
  const written = await crowd.writeFor(load.ms, load.inFlight);
  const serverMicros = (await server.usage()).cpuMicros - before.cpuMicros;

  const disagreeing = await settle(async () => crowd.disagreeing(await server.fingerprint()));
  const { acknowledged, elapsedMs, cpuMicros } = written;
  return {
    values: {
      perSecond: (1000 * acknowledged) / elapsedMs,
      serverMicros: serverMicros / acknowledged,
      clientMicros: cpuMicros / acknowledged,
      serverBusy: serverMicros / elapsedMs / 10,
      clientBusy: cpuMicros / elapsedMs / 10,
    },
    faults: faultsOf(disagreeing),
  };
}
