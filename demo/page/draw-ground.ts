import { seeded } from "../random.ts";
import { clearing, pathDistance, paths, plaza, waterDistance, world } from "../terrain.ts";
import { paintBridge } from "./draw-bridge.ts";
import { paintWater } from "./draw-water.ts";
import { ground, mix } from "./palette.ts";
import { bandPath, type Rect } from "./shapes.ts";
import { type Brush, disc, oval } from "./sprite.ts";

/** Everything that lies flat and never changes. Painted into tiles, see tiles.ts. */

interface Detail {
  readonly x: number;
  readonly y: number;
  readonly paint: (brush: Brush) => void;
}

export class Ground {
  readonly #washes = washes();
  readonly #tufts = tufts();
  readonly #pebbles = pebbles();

  paint(brush: Brush, rect: Rect): void {
    brush.fillStyle = ground.grass;
    brush.fillRect(rect.x - 2, rect.y - 2, rect.width + 4, rect.height + 4);
    paintWithin(brush, rect, this.#washes, 260);
    for (const path of paths) {
      fill(brush, bandPath(path, 9), "rgba(92, 128, 62, 0.16)");
    }
    for (const path of paths) fill(brush, bandPath(path, 3), ground.pathEdge);
    paintRound(brush, clearing, 4, ground.pathEdge);
    for (const path of paths) fill(brush, bandPath(path), ground.path);
    paintRound(brush, clearing, 0, ground.path);
    for (const path of paths) fill(brush, bandPath(path, -10), ground.pathLight);
    paintRound(brush, clearing, -16, ground.pathLight);
    paintWithin(brush, rect, this.#pebbles, 20);
    paintPlaza(brush);
    paintWithin(brush, rect, this.#tufts, 20);
    paintWater(brush, rect);
    paintBridge(brush);
  }
}

function fill(brush: Brush, path: Path2D, colour: string): void {
  brush.fillStyle = colour;
  brush.fill(path);
}

function paintRound(
  brush: Brush,
  round: { x: number; y: number; radius: number },
  wider: number,
  colour: string,
): void {
  disc(brush, round.x, round.y, round.radius + wider, colour);
}

function paintWithin(brush: Brush, rect: Rect, details: readonly Detail[], reach: number): void {
  for (const { x, y, paint } of details) {
    if (x < rect.x - reach || x > rect.x + rect.width + reach) continue;
    if (y < rect.y - reach || y > rect.y + rect.height + reach) continue;
    paint(brush);
  }
}

/** Wide soft patches of lighter and darker grass, as if clouds had watered unevenly. */
function washes(): Detail[] {
  const random = seeded(11);
  return Array.from({ length: 190 }, () => {
    const x = random() * world.width;
    const y = random() * world.height;
    const r = 70 + random() * 170;
    const colour = random() < 0.5 ? ground.grassLight : ground.grassDark;
    return {
      x,
      y,
      paint: (brush) => {
        const soft = brush.createRadialGradient(x, y, 0, x, y, r);
        soft.addColorStop(0, `${colour}66`);
        soft.addColorStop(1, `${colour}00`);
        oval(brush, x, y, r, r, soft);
      },
    };
  });
}

/** Blades of grass, with a few daisies between them. */
function tufts(): Detail[] {
  const random = seeded(23);
  const details: Detail[] = [];
  for (let i = 0; i < 9000; i++) {
    const x = random() * world.width;
    const y = random() * world.height;
    const [kind, lean, long] = [random(), random() - 0.5, 4 + random() * 5];
    if (waterDistance(x, y) < 20 || pathDistance(x, y) < 2) continue;
    details.push({ x, y, paint: (brush) => paintTuft(brush, x, y, kind, lean, long) });
  }
  return details;
}

function paintTuft(brush: Brush, x: number, y: number, kind: number, lean: number, long: number) {
  if (kind < 0.035) {
    for (let i = 0; i < 5; i++) {
      const angle = (i / 5) * Math.PI * 2 + lean;
      disc(brush, x + Math.cos(angle) * 2.1, y + Math.sin(angle) * 1.7, 1.5, "#fffdf2");
    }
    disc(brush, x, y, 1.3, "#f7c948");
    return;
  }
  brush.strokeStyle = kind < 0.6 ? ground.tuft : ground.tuftLight;
  brush.globalAlpha = 0.55;
  brush.lineWidth = 1.3;
  brush.beginPath();
  for (const side of [-1, 0, 1]) {
    brush.moveTo(x + side * 1.4, y);
    brush.quadraticCurveTo(x + side * 2, y - long * 0.6, x + side * 3.4 + lean * 5, y - long);
  }
  brush.stroke();
  brush.globalAlpha = 1;
}

function pebbles(): Detail[] {
  const random = seeded(31);
  const details: Detail[] = [];
  for (let i = 0; i < 26_000 && details.length < 1500; i++) {
    const x = random() * world.width;
    const y = random() * world.height;
    const depth = pathDistance(x, y);
    const [rx, turn, tone] = [1 + random() * 2.4, random() * 3, random()];
    // Crumbs beyond the edge as well: a trodden path has no ruler's line.
    if (depth > 9 || waterDistance(x, y) < 10) continue;
    const colour = depth > 0 ? ground.pathEdge : mix(ground.pebble, "#fff4d6", tone * 0.8);
    details.push({ x, y, paint: (brush) => oval(brush, x, y, rx, rx * 0.7, colour, turn) });
  }
  return details;
}

/** Rings of paving stones around the fountain. */
function paintPlaza(brush: Brush): void {
  const random = seeded(41);
  disc(brush, plaza.x, plaza.y, plaza.radius + 7, "rgba(92, 128, 62, 0.2)");
  disc(brush, plaza.x, plaza.y, plaza.radius + 2, "#b9a67e");
  const ringWidth = 18;
  const rings = Math.floor((plaza.radius - 30) / ringWidth) + 1;
  for (let ring = 0; ring < rings; ring++) {
    const outer = plaza.radius - ring * ringWidth;
    const middle = outer - ringWidth / 2;
    const count = Math.round((middle * Math.PI * 2) / 30);
    const offset = random();
    for (let i = 0; i < count; i++) {
      const from = ((i + offset) / count) * Math.PI * 2;
      const to = ((i + offset + 1) / count) * Math.PI * 2;
      const gap = 1.3 / middle;
      brush.fillStyle = mix("#dccfae", "#efe5cb", random());
      brush.beginPath();
      brush.arc(plaza.x, plaza.y, outer - 1.2, from + gap, to - gap);
      brush.arc(plaza.x, plaza.y, outer - ringWidth + 1.2, to - gap, from + gap, true);
      brush.fill();
    }
  }
}
