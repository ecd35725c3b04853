import { setTimeout as sleep } from "node:timers/promises";
import type { Stage } from "../runner/stage.ts";
import { arenaTimes } from "./arena.ts";
import { faultsOf, settle } from "./settle.ts";
import type { Column, Mode, Outcome } from "./workload.ts";

export interface Watched {
  readonly clients: number;
  readonly things: number;
  readonly changesPerSecond: number;
}

export const watchColumns: readonly Column[] = [
  { key: "perSecond", title: "updates/s", digits: 0 },
  { key: "serverMicros", title: "server µs/update", digits: 3 },
  { key: "clientMicros", title: "client µs/update", digits: 3 },
  { key: "bytes", title: "bytes/update", digits: 1 },
  { key: "p50Ms", title: "p50 ms", digits: 1 },
  { key: "p99Ms", title: "p99 ms", digits: 1 },
  { key: "serverBusy", title: "server core %", digits: 0 },
  { key: "clientBusy", title: "client core %", digits: 0 },
];

/** The server changes things, and clients see some of them; in the end each must see its own, as they are. */
export async function watch(open: () => Stage, watched: Watched, mode: Mode): Promise<Outcome> {
  const { clients, things, changesPerSecond } = watched;
  const { warmUpMs, windowMs } = arenaTimes(mode);
  const { server, crowd } = open();
  const port = await server.start();
  await server.addThings(things);
  await crowd.join(port, clients, 10);
  await server.startChanging(things, changesPerSecond);
  await sleep(warmUpMs);

  const [before] = await Promise.all([server.usage(), crowd.begin()]);
  await sleep(windowMs);
  const [after, heard] = await Promise.all([server.usage(), crowd.heard()]);

  await server.stopChanging();
  const disagreeing = await settle(async () =>
    crowd.disagreeing(await server.fingerprints(clients)),
  );
  const { updates, elapsedMs } = heard;
  const serverRate = (after.cpuMicros - before.cpuMicros) / (after.atMs - before.atMs);
  return {
    values: {
      perSecond: (1000 * updates) / elapsedMs,
      serverMicros: (serverRate * elapsedMs) / updates,
      clientMicros: heard.cpuMicros / updates,
      bytes: heard.bytes / updates,
      p50Ms: heard.latencyP50Ms,
      p99Ms: heard.latencyP99Ms,
      serverBusy: serverRate / 10,
      clientBusy: heard.cpuMicros / elapsedMs / 10,
    },
    faults: faultsOf(disagreeing),
  };
}
