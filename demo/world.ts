import { type Kind } from "./kinds.ts";
import { seeded } from "./random.ts";
import { bridge, clearing, pathDistance, plaza, waterDistance, world } from "./terrain.ts";

/** One object of the arena as it is replicated. Players are described in page/presence.ts. */
export type ThingObject = {
  id: string;
  x: number;
  y: number;
  /** Which of its kind's looks it wears; any integer. */
  look: number;
  /** 1 is the ordinary size. */
  size: number;
};

interface Rule {
  readonly count: number;
  /** Least distance to everything that already stands. */
  readonly apart: number;
  /** How likely a dry, free place is taken: this is what makes groves and meadows. */
  readonly likely: (x: number, y: number) => number;
}

const near = (x: number, y: number, cx: number, cy: number, reach: number) =>
  Math.max(0, 1 - Math.hypot(x - cx, y - cy) / reach);

/** Slow waves over the land; above zero is wood, below is meadow. */
const woodiness = (x: number, y: number) =>
  Math.sin(x / 210 + 1.3) * Math.cos(y / 170 - 0.4) + 0.55 * Math.sin((x + y) / 330 + 2);

const rules: Readonly<Record<Kind, Rule>> = {
  tree: {
    count: 120,
    apart: 44,
    likely: (x, y) => (pathDistance(x, y) < 34 ? 0 : woodiness(x, y) > 0.25 ? 1 : 0.05),
  },
  stone: {
    count: 38,
    apart: 34,
    likely: (x, y) => (waterDistance(x, y) < 70 ? 0.8 : pathDistance(x, y) < 30 ? 0.15 : 0.06),
  },
  crate: {
    count: 34,
    apart: 43,
    likely: (x, y) =>
      near(x, y, plaza.x + 190, plaza.y - 120, 120) +
      near(x, y, bridge.x + 210, bridge.y + 110, 110) +
      near(x, y, clearing.x - 10, clearing.y, 110),
  },
  ball: {
    count: 18,
    apart: 34,
    likely: (x, y) => near(x, y, plaza.x, plaza.y, 260) + 0.5 * near(x, y, 640, 950, 200) + 0.01,
  },
  flower: {
    count: 230,
    apart: 15,
    likely: (x, y) => {
      if (pathDistance(x, y) < 12) return 0;
      const border = Math.abs(Math.hypot(x - plaza.x, y - plaza.y) - plaza.radius - 26) < 13;
      return border ? 1 : woodiness(x, y) < -0.45 ? 0.15 : 0.012;
    },
  },
};

/** The world as a fresh server starts it: the same few hundred objects every time. */
export function seedObjects(seed = 7): ThingObject[] {
  const random = seeded(seed);
  const objects: ThingObject[] = [];
  for (const [kind, rule] of Object.entries(rules)) {
    let placed = 0;
    // Bounded: a rule that can hardly be met must not hang the start of the server.
    for (let tries = 0; placed < rule.count && tries < 60_000; tries++) {
      const x = Math.round(40 + random() * (world.width - 80));
      const y = Math.round(50 + random() * (world.height - 90));
      if (random() > rule.likely(x, y) || !isFree(objects, x, y, rule.apart)) continue;
      placed++;
      objects.push({
        id: `${kind}:${placed}`,
        x,
        y,
        look: Math.floor(random() * 1000),
        size: Math.round(85 + random() * 40) / 100,
      });
    }
  }
  return objects;
}

function isFree(objects: readonly ThingObject[], x: number, y: number, apart: number): boolean {
  if (waterDistance(x, y) < 24) return false;
  if (Math.abs(x - bridge.x) < 130 && Math.abs(y - bridge.y) < 60) return false;
  // The middle of the plaza is where players appear.
  if (Math.hypot(x - plaza.x, y - plaza.y) < 95) return false;
  return objects.every((other) => Math.hypot(other.x - x, other.y - y) >= apart);
}
