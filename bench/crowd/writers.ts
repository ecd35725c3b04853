import type { ContestantClient } from "../contestants/contestant.ts";
import { cpuMicros } from "../processes/usage.ts";

export interface Written {
  readonly acknowledged: number;
  readonly elapsedMs: number;
  readonly cpuMicros: number;
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
  const start = { at: performance.now(), cpu: cpuMicros() };
  const endAt = start.at + ms;
  let acknowledged = 0;
  // Elapsed at the last acknowledgement that came in time; what comes later is not counted.
  let lastAt = start.at;

  const lane = async (client: ContestantClient, index: number, laneNumber: number) => {
    for (let hp = laneNumber; performance.now() < endAt; hp = (hp + inFlight) % HP_MAX) {
      await client.write(index, hp);
      const at = performance.now();
      if (at > endAt) continue;
      acknowledged += 1;
      lastAt = at;
    }
  };
  await Promise.all(
    clients.flatMap((client, index) =>
      Array.from({ length: inFlight }, (_, number) => lane(client, index, number)),
    ),
  );
  return { acknowledged, elapsedMs: lastAt - start.at, cpuMicros: cpuMicros() - start.cpu };
}
