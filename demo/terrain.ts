import { bandDistance, curve } from "./curve.ts";

/** The lie of the land: fixed, the same for the server that seeds it and for every page. */
export const world = { width: 2400, height: 1600 } as const;

export const river = curve([
  [1540, -80, 62],
  [1620, 180, 56],
  [1520, 420, 66],
  [1600, 620, 60],
  [1640, 780, 52],
  [1600, 960, 62],
  [1730, 1150, 70],
  [1850, 1340, 60],
  [1790, 1500, 66],
  [1880, 1700, 70],
]);

export const paths = [
  curve([
    [-60, 690, 25],
    [240, 770, 27],
    [560, 690, 25],
    [820, 740, 28],
    [1000, 770, 30],
    [1250, 730, 27],
    [1500, 782, 27],
    [1640, 780, 27],
    [1780, 778, 27],
    [1990, 720, 25],
    [2200, 810, 27],
    [2460, 760, 25],
  ]),
  curve([
    [1000, 770, 25],
    [1030, 580, 22],
    [900, 400, 20],
    [960, 180, 22],
    [900, -60, 22],
  ]),
  curve([
    [1000, 770, 25],
    [1070, 960, 22],
    [990, 1160, 20],
    [1130, 1360, 22],
    [1080, 1660, 22],
  ]),
  curve([
    [2090, 750, 20],
    [2140, 560, 18],
    [2050, 380, 18],
    [2120, 220, 20],
  ]),
] as const;

export const plaza = { x: 1000, y: 770, radius: 158 } as const;
export const clearing = { x: 2120, y: 220, radius: 92 } as const;
export const fountain = { x: plaza.x, y: plaza.y, radius: 50 } as const;
export const pond = { x: 480, y: 1180, rx: 205, ry: 135 } as const;
export const bridge = { x: 1640, y: 780, halfLength: 98, halfWidth: 36 } as const;

/** The pond's outline at an angle: an ellipse with a few lobes. */
export function pondEdge(angle: number): { x: number; y: number } {
  const lobes = 1 + 0.09 * Math.sin(3 * angle + 0.8) + 0.05 * Math.sin(5 * angle);
  return {
    x: pond.x + Math.cos(angle) * pond.rx * lobes,
    y: pond.y + Math.sin(angle) * pond.ry * lobes,
  };
}

function pondDistance(x: number, y: number): number {
  const angle = Math.atan2((y - pond.y) / pond.ry, (x - pond.x) / pond.rx);
  const edge = pondEdge(angle);
  return Math.hypot(x - pond.x, y - pond.y) - Math.hypot(edge.x - pond.x, edge.y - pond.y);
}

/** Distance to the nearest shore: negative in the water. */
export function waterDistance(x: number, y: number): number {
  return Math.min(bandDistance(river, x, y), pondDistance(x, y));
}

/** How far inside walkable ground a place is: negative in the water, unless on the bridge. */
export function groundDepth(x: number, y: number): number {
  const onBridge = Math.min(
    bridge.halfLength - Math.abs(x - bridge.x),
    bridge.halfWidth - Math.abs(y - bridge.y),
  );
  return Math.max(waterDistance(x, y), onBridge);
}

/** Distance to the nearest paved or trodden ground: negative on it. */
export function pathDistance(x: number, y: number): number {
  const rounds = [plaza, clearing].map((r) => Math.hypot(x - r.x, y - r.y) - r.radius);
  return Math.min(...rounds, ...paths.map((path) => bandDistance(path, x, y)));
}

/** Moves a place onto dry ground inside the world, at least `margin` from the edge of either. */
export function toGround(x: number, y: number, margin: number): { x: number; y: number } {
  let place = inside(x, y, margin);
  // A few steps along the slope of the distance: enough on shores this smooth.
  for (let i = 0; i < 6; i++) {
    const missing = margin - groundDepth(place.x, place.y);
    if (missing <= 0) break;
    const gx = groundDepth(place.x + 1, place.y) - groundDepth(place.x - 1, place.y);
    const gy = groundDepth(place.x, place.y + 1) - groundDepth(place.x, place.y - 1);
    const slope = Math.hypot(gx, gy) || 1;
    place = inside(place.x + (gx / slope) * missing, place.y + (gy / slope) * missing, margin);
  }
  return place;
}

function inside(x: number, y: number, margin: number): { x: number; y: number } {
  return {
    x: Math.min(world.width - margin, Math.max(margin, x)),
    y: Math.min(world.height - margin, Math.max(margin, y)),
  };
}
