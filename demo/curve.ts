/** Smooth curves through given points, and how far a place is from them. */
export interface CurvePoint {
  readonly x: number;
  readonly y: number;
  /** Half the width of the band around the curve here. */
  readonly half: number;
}

const stepsPerSpan = 8;

/** Catmull-Rom through `[x, y, half]` knots, sampled finely enough to be drawn as straight lines. */
export function curve(knots: readonly (readonly [number, number, number])[]): CurvePoint[] {
  const points: CurvePoint[] = [];
  const knot = (i: number) => knots[Math.min(Math.max(i, 0), knots.length - 1)] ?? [0, 0, 0];
  for (let i = 0; i < knots.length - 1; i++) {
    const [a, b, c, d] = [knot(i - 1), knot(i), knot(i + 1), knot(i + 2)];
    for (let s = 0; s < stepsPerSpan; s++) {
      const t = s / stepsPerSpan;
      points.push({
        x: catmullRom(a[0], b[0], c[0], d[0], t),
        y: catmullRom(a[1], b[1], c[1], d[1], t),
        half: b[2] + (c[2] - b[2]) * t,
      });
    }
  }
  const [x, y, half] = knot(knots.length - 1);
  points.push({ x, y, half });
  return points;
}

function catmullRom(a: number, b: number, c: number, d: number, t: number): number {
  return (
    0.5 *
    (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t ** 3)
  );
}

/**
 * Distance to the edge of the band: negative inside it. Asked tens of thousands of times when a page
 * starts, hence no `Math.hypot`, which is several times slower than the root of the squares.
 */
export function bandDistance(points: readonly CurvePoint[], x: number, y: number): number {
  let best = Infinity;
  let a = points[0];
  for (const b of points) {
    if (a === undefined) break;
    const dx = b.x - a.x;
    const dy = b.y - a.y;
    const along = ((x - a.x) * dx + (y - a.y) * dy) / (dx * dx + dy * dy || 1);
    const t = along < 0 ? 0 : along > 1 ? 1 : along;
    const offX = x - a.x - dx * t;
    const offY = y - a.y - dy * t;
    const distance = Math.sqrt(offX * offX + offY * offY) - a.half - (b.half - a.half) * t;
    if (distance < best) best = distance;
    a = b;
  }
  return best;
}
