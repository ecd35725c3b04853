import { setTimeout as sleep } from "node:timers/promises";
import type { ContestantServer } from "../contestants/contestant.ts";

const NAME_BYTES = 10_000;
const EVERY_MS = 20;

/** Renames things, one after another, as fast as to make this many bytes of news a second. */
export async function pour(
  server: ContestantServer,
  things: number,
  bytesPerSecond: number,
  ms: number,
): Promise<void> {
  const start = performance.now();
  const padding = "x".repeat(NAME_BYTES);
  for (let renamed = 0; ;) {
    const elapsedMs = performance.now() - start;
    if (elapsedMs > ms) return;
    const due = (elapsedMs / 1000) * (bytesPerSecond / NAME_BYTES);
    for (; renamed < due; renamed += 1) {
      server.setName(renamed % things, `${renamed} ${padding}`.slice(0, NAME_BYTES));
    }
    await sleep(EVERY_MS);
  }
}
