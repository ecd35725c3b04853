import type { Kind } from "../kinds.ts";
import type { Thing } from "./things.ts";

/** What a click hits: how far each kind reaches up from its foot, and to the sides. */
const reach: Readonly<Record<Kind, { readonly up: number; readonly side: number }>> = {
  tree: { up: 96, side: 30 },
  flower: { up: 22, side: 13 },
  stone: { up: 24, side: 20 },
  crate: { up: 40, side: 22 },
  ball: { up: 28, side: 15 },
};

/** The front-most thing drawn at a place. */
export function thingAt(things: readonly Thing[], x: number, y: number): Thing | undefined {
  let best: Thing | undefined;
  for (const thing of things) {
    const { up, side } = reach[thing.kind];
    const rise = thing.y - y;
    if (Math.abs(thing.x - x) > side * thing.size) continue;
    if (rise < -8 || rise > up * thing.size) continue;
    if (best === undefined || thing.y > best.y) best = thing;
  }
  return best;
}

/** The nearest thing whose foot is within `max` of a place. */
export function nearestThing(
  things: readonly Thing[],
  x: number,
  y: number,
  max: number,
): Thing | undefined {
  let best: Thing | undefined;
  let least = max;
  for (const thing of things) {
    const distance = Math.hypot(thing.x - x, thing.y - y);
    if (distance >= least) continue;
    least = distance;
    best = thing;
  }
  return best;
}
