import type { ContestantClient } from "../contestants/contestant.ts";
import { usage } from "../processes/usage.ts";

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
