import { setTimeout as sleep } from "node:timers/promises";
import type { ContestantServer } from "../contestants/contestant.ts";

const NAME_BYTES = 10_000;
const EVERY_MS = 20;

/**
 * Renames things, one after another, as fast as to make this many bytes of news a second. Resolves
 * with the most memory that the process had of the system meanwhile, in bytes.
 */
export async function pour(
  server: ContestantServer,
  things: number,
  bytesPerSecond: number,
  ms: number,
): Promise<number> {
  let rssPeak = 0;
  const start = performance.now();
  const padding = "x".repeat(NAME_BYTES);
  for (let renamed = 0; ;) {
    const elapsedMs = performance.now() - start;
    if (elapsedMs > ms) return rssPeak;
    const due = (elapsedMs / 1000) * (bytesPerSecond / NAME_BYTES);
    for (; renamed < due; renamed += 1) {
      server.setName(renamed % things, `${renamed} ${padding}`.slice(0, NAME_BYTES));
    }
    rssPeak = Math.max(rssPeak, process.memoryUsage.rss());
    await sleep(EVERY_MS);
  }
}
