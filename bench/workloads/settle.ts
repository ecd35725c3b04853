import { setTimeout as sleep } from "node:timers/promises";

const GIVE_UP_AFTER_MS = 20_000;

/** Asks until nobody disagrees any more, or for 20 s. Resolves with how many still do. */
export async function settle(disagreeing: () => Promise<number>): Promise<number> {
  const giveUpAt = performance.now() + GIVE_UP_AFTER_MS;
  for (;;) {
    await sleep(100);
    const count = await disagreeing();
    if (count === 0 || performance.now() > giveUpAt) return count;
  }
}

/** A fault for the report, if there is one. */
export function faultsOf(disagreeing: number): string[] {
  return disagreeing === 0 ? [] : [`${disagreeing} clients see another world than the server`];
}
