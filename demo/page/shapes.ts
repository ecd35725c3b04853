import type { CurvePoint } from "../curve.ts";
import { pondEdge } from "../terrain.ts";

/** The land's outlines as paths to fill. */

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The band around a curve, `wider` on both sides. */
export function bandPath(points: readonly CurvePoint[], wider = 0): Path2D {
  const left: [number, number][] = [];
  const right: [number, number][] = [];
  points.forEach((point, i) => {
    const before = points[i - 1] ?? point;
    const after = points[i + 1] ?? point;
    const length = Math.hypot(after.x - before.x, after.y - before.y) || 1;
    const reach = Math.max(0, point.half + wider) / length;
    const nx = -(after.y - before.y) * reach;
    const ny = (after.x - before.x) * reach;
    left.push([point.x + nx, point.y + ny]);
    right.push([point.x - nx, point.y - ny]);
  });
  return outline([...left, ...right.reverse()]);
}

/** The pond, `wider` all around. */
export function pondPath(wider = 0): Path2D {
  const centre = { x: 0, y: 0 };
  const edge = Array.from({ length: 72 }, (_, i) => pondEdge((i / 72) * Math.PI * 2));
  for (const point of edge) {
    centre.x += point.x / edge.length;
    centre.y += point.y / edge.length;
  }
  return outline(
    edge.map(({ x, y }): [number, number] => {
      const distance = Math.hypot(x - centre.x, y - centre.y) || 1;
      const scale = Math.max(0, distance + wider) / distance;
      return [centre.x + (x - centre.x) * scale, centre.y + (y - centre.y) * scale];
    }),
  );
}

function outline(points: readonly [number, number][]): Path2D {
  const path = new Path2D();
  points.forEach(([x, y], i) => {
    if (i === 0) path.moveTo(x, y);
    else path.lineTo(x, y);
  });
  path.closePath();
  return path;
}
