import { sightUnits } from "../sight.ts";

/** What is in sight: all within a radius around a place. */
export interface Sight {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

/** Over how much of the way to its end sight fades. */
export const edgeUnits = 120;

/** Before anything is shown to us, we see ourselves. */
const narrowUnits = 150;
const widenPerSecond = 2.6;

/** 1 in plain sight, 0 in the fog. A spectator has no `sight`, and sees everything. */
export function clearness(sight: Sight | undefined, x: number, y: number): number {
  if (sight === undefined) return 1;
  const inside = (sight.radius - Math.hypot(x - sight.x, y - sight.y)) / edgeUnits;
  const part = Math.min(1, Math.max(0, inside));
  return part * part * (3 - 2 * part);
}

/** My own sight, around me. The fog lifts when I am shown what is there. */
export class MySight implements Sight {
  x = 0;
  y = 0;
  radius = narrowUnits;
  #isOpen = false;

  open(): void {
    this.#isOpen = true;
  }

  step(me: { readonly x: number; readonly y: number }, seconds: number): void {
    this.x = me.x;
    this.y = me.y;
    const goal = this.#isOpen ? sightUnits : narrowUnits;
    this.radius += (goal - this.radius) * (1 - Math.exp(-widenPerSecond * seconds));
  }
}
