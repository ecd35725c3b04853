import { setImmediate as nextLoop } from "node:timers/promises";

let lastTurn: Promise<unknown> = Promise.resolve();

/**
 * A turn of the event loop that nobody else gets who asks for one: what takes long is done in parts, and
 * many may ask for it at once.
 */
export function ownTurn(): Promise<unknown> {
  lastTurn = lastTurn.then(() => nextLoop());
  return lastTurn;
}
