import { setTimeout as pause } from "node:timers/promises";

const LOOK_EVERY_MS = 5;
/** Far above what anything here takes: a test that gets there has failed. */
const PATIENCE_MS = 20_000;

/** Waits for a state to be observed. Fails, showing `what`, when it never comes. */
export async function eventually<Found>(
  look: () => Found | undefined | null | false | Promise<Found | undefined | null | false>,
  what: () => unknown = () => look.toString(),
): Promise<Found> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found;
    if (patience.aborted) throw new Error(`this never came: ${JSON.stringify(what())}`);
    await pause(LOOK_EVERY_MS);
  }
}
