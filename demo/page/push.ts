import { kinds, type Kind } from "../kinds.ts";
import { fountain, toGround } from "../terrain.ts";

/** What has a place on the ground and can be walked into. */
export interface Body {
  readonly id: string;
  readonly kind: Kind;
  readonly size: number;
  x: number;
  y: number;
}

/** How many things in a row one push gets through to. */
const chainMax = 3;
const walkerRadius = 13;
const shoreMargin = 9;

export const radiusOf = (body: Body): number => kinds[body.kind].radius * body.size;

/** A place the size of a walker, moved out of the water, the edge of the world and the fountain. */
export function standable(x: number, y: number, margin = shoreMargin): { x: number; y: number } {
  const dx = x - fountain.x;
  const dy = y - fountain.y;
  const distance = Math.hypot(dx, dy) || 1;
  const least = fountain.radius + margin;
  if (distance >= least) return toGround(x, y, margin);
  return { x: fountain.x + (dx / distance) * least, y: fountain.y + (dy / distance) * least };
}

/**
 * Lets a walker at `at` push what it overlaps, and pushes it back out of what does not give way.
 * Changes the places of `at` and of the bodies; `moved` is told of each body that moved.
 */
export function push(
  at: { x: number; y: number },
  bodies: readonly Body[],
  moved: (body: Body) => void,
): void {
  for (const body of bodies) {
    const radius = radiusOf(body);
    const overlap = overlapOf(at, walkerRadius, body, radius);
    if (radius === 0 || overlap === undefined) continue;
    const give = kinds[body.kind].give;
    if (give > 0) shove(body, overlap.x * give, overlap.y * give, bodies, moved, 1);
    const rest = overlapOf(at, walkerRadius, body, radius);
    if (rest === undefined) continue;
    at.x -= rest.x;
    at.y -= rest.y;
  }
}

function shove(
  body: Body,
  dx: number,
  dy: number,
  bodies: readonly Body[],
  moved: (body: Body) => void,
  depth: number,
): void {
  const radius = radiusOf(body);
  const from = { x: body.x, y: body.y };
  Object.assign(body, standable(body.x + dx, body.y + dy, radius * 0.8));
  for (const other of bodies) {
    const otherRadius = radiusOf(other);
    if (other === body || otherRadius === 0) continue;
    const overlap = overlapOf(body, radius, other, otherRadius);
    if (overlap === undefined) continue;
    const give = depth < chainMax ? kinds[other.kind].give : 0;
    if (give > 0) shove(other, overlap.x * give, overlap.y * give, bodies, moved, depth + 1);
    const rest = overlapOf(body, radius, other, otherRadius);
    if (rest === undefined) continue;
    body.x -= rest.x;
    body.y -= rest.y;
  }
  if (Math.hypot(body.x - from.x, body.y - from.y) > 0.01) moved(body);
}

/** How far `b` would have to move for the two discs to touch only, or undefined. */
export function overlapOf(
  a: { x: number; y: number },
  aRadius: number,
  b: { x: number; y: number },
  bRadius: number,
): { x: number; y: number } | undefined {
  const least = aRadius + bRadius;
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  if (Math.abs(dx) >= least || Math.abs(dy) >= least) return undefined;
  const distance = Math.hypot(dx, dy);
  if (distance >= least) return undefined;
  // Exactly on top of each other: any direction will do.
  if (distance < 0.001) return { x: 0, y: least };
  const scale = (least - distance) / distance;
  return { x: dx * scale, y: dy * scale };
}
