import type { Walker } from "./walker.ts";

/** How far somebody reaches up from the foot, hat included, and to the sides. */
const up = 60;
const side = 18;

/** The front-most of those drawn at a place. */
export function walkerAt(walkers: Iterable<Walker>, x: number, y: number): Walker | undefined {
  let best: Walker | undefined;
  for (const walker of walkers) {
    const rise = walker.y - y;
    if (Math.abs(walker.x - x) > side || rise < -6 || rise > up) continue;
    if (best === undefined || walker.y > best.y) best = walker;
  }
  return best;
}
