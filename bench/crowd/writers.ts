import { setTimeout as sleep } from "node:timers/promises";
import type { ContestantClient } from "../contestants/contestant.ts";
import { usage } from "../processes/usage.ts";
import { Latencies } from "./latencies.ts";

export interface Written {
  readonly acknowledged: number;
  readonly elapsedMs: number;
  readonly cpuMicros: number;
}

/** Of single writes, from the moment that each was due. */
export interface Paced extends Written {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** `hp` fits into 16 bits. */
const HP_MAX = 0xffff;

/**
 * Each client writes to a thing of its own for `ms`, with `inFlight` writes on the way at any time,
 * and then waits for the last of them.
 */
export async function writeFor(
  clients: readonly ContestantClient[],
  ms: number,
  inFlight: number,
): Promise<Written> {
  const start = usage();
  const endAt = start.atMs + ms;
  let acknowledged = 0;

  const lane = async (client: ContestantClient, index: number, laneNumber: number) => {
    for (let hp = laneNumber; performance.now() < endAt; hp = (hp + inFlight) % HP_MAX) {
      await client.write(index, hp);
      acknowledged += 1;
    }
  };
  await Promise.all(
    clients.flatMap((client, index) =>
      Array.from({ length: inFlight }, (_, number) => lane(client, index, number)),
    ),
  );
  const end = usage();
  return {
    acknowledged,
    elapsedMs: end.atMs - start.atMs,
    cpuMicros: end.cpuMicros - start.cpuMicros,
  };
}

/**
 * All clients together make `perSecond` writes, each at its own moment, whether or not the ones before
 * are acknowledged, and then wait for the last of them. A latency counts from the moment that the write
 * was due: a crowd or a server that stalls does not stop the clock.
 */
export async function writeAtPace(
  clients: readonly ContestantClient[],
  ms: number,
  perSecond: number,
): Promise<Paced> {
  const start = usage();
  const count = Math.round((ms * perSecond) / 1000);
  const latencies = new Latencies();
  const underWay: Promise<void>[] = [];

  const writeOne = async (turn: number, dueAt: number) => {
    const index = turn % clients.length;
    await clients[index]?.write(index, turn % HP_MAX);
    latencies.record(performance.now() - dueAt);
  };
  let turn = 0;
  while (turn < count) {
    const until = performance.now();
    for (; turn < count; turn += 1) {
      const dueAt = start.atMs + (1000 * turn) / perSecond;
      if (dueAt > until) break;
      underWay.push(writeOne(turn, dueAt));
    }
    await sleep(1);
  }
  await Promise.all(underWay);
  const end = usage();
  return {
    acknowledged: count,
    elapsedMs: end.atMs - start.atMs,
    cpuMicros: end.cpuMicros - start.cpuMicros,
    p50Ms: latencies.quantile(0.5),
    p99Ms: latencies.quantile(0.99),
  };
}
