import type { Said } from "./read.ts";

/** Somebody on screen: me or another player. */
export interface Walker {
  readonly id: string;
  /** From the id: skin, blinking. */
  readonly seed: number;
  name: string;
  colour: string;
  hat: number;
  x: number;
  y: number;
  facing: { x: number; y: number };
  stride: number;
  pace: number;
  bubble: Bubble | undefined;
  /** Seconds since the page began, when this one appeared: for a soft entrance. */
  bornAt: number;
}

export interface Bubble {
  readonly said: Said;
  /** In seconds since the page began. */
  readonly at: number;
  /** Of a whisper: between whom it stays. */
  readonly aside?: string;
}

export const walkSpeed = 190;

const bubbleSecondsMax = 11;
const strideUnits = 9.5;

/** How long words stay up: long enough to be read. */
export function bubbleSeconds(text: string): number {
  return Math.min(bubbleSecondsMax, 4 + text.length * 0.06);
}

/** Turns the feet and the face after a walker has moved by (dx, dy). */
export function animate(walker: Walker, dx: number, dy: number, seconds: number): void {
  const way = Math.hypot(dx, dy);
  const speed = seconds > 0 ? way / seconds : 0;
  const pace = Math.min(1, speed / (walkSpeed * 0.75));
  walker.pace += (pace - walker.pace) * (1 - Math.exp(-14 * seconds));
  if (walker.pace < 0.01) walker.pace = 0;
  walker.stride += way / strideUnits;
  if (speed < 20) return;
  const turn = 1 - Math.exp(-13 * seconds);
  walker.facing.x += (dx / way - walker.facing.x) * turn;
  walker.facing.y += (dy / way - walker.facing.y) * turn;
}
