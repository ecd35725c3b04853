import { pick, seeded } from "../random.ts";
import { bridge, pond, river, waterDistance, world } from "../terrain.ts";
import type { Camera } from "./camera.ts";
import { ground } from "./palette.ts";
import { bandPath, pondPath, type Rect } from "./shapes.ts";
import { type Brush, disc, oval } from "./sprite.ts";

/** From the bank to the deep: how much wider than the water each layer is, and its colour. */
const layers = [
  [22, "rgba(74, 122, 64, 0.22)"],
  [15, ground.bankEdge],
  [10, ground.bank],
  [0, ground.shallow],
  [-9, ground.water],
  [-30, ground.deep],
] as const;

/** The still part of the water, for the tiles. */
export function paintWater(brush: Brush, rect: Rect): void {
  for (const [wider, colour] of layers) {
    brush.fillStyle = colour;
    brush.fill(bandPath(river, wider));
    brush.fill(pondPath(wider));
  }
  for (const lily of lilies) {
    if (Math.abs(lily.x - rect.x - rect.width / 2) > rect.width / 2 + 30) continue;
    if (Math.abs(lily.y - rect.y - rect.height / 2) > rect.height / 2 + 30) continue;
    paintLily(brush, lily);
  }
  for (const reed of reeds) {
    if (Math.abs(reed.x - rect.x - rect.width / 2) > rect.width / 2 + 40) continue;
    if (Math.abs(reed.y - rect.y - rect.height / 2) > rect.height / 2 + 40) continue;
    paintReed(brush, reed);
  }
}

interface Spot {
  readonly x: number;
  readonly y: number;
  readonly n: number;
}

/** Places at a given distance from the shore, scattered by a fixed seed. */
function spots(seed: number, count: number, min: number, max: number): Spot[] {
  const random = seeded(seed);
  const found: Spot[] = [];
  for (let tries = 0; found.length < count && tries < 40_000; tries++) {
    const x = random() * world.width;
    const y = random() * world.height;
    const distance = waterDistance(x, y);
    if (distance > min && distance < max) found.push({ x, y, n: tries });
  }
  return found;
}

const lilies = spots(51, 90, -46, -16).filter(
  ({ x, y }) => Math.hypot(x - pond.x, y - pond.y) < 220,
);
const reeds = spots(61, 70, -5, 4).filter(({ y }) => Math.abs(y - bridge.y) > 70);
const glints = spots(71, 160, -90, -12).filter(
  ({ x, y }) => Math.abs(x - bridge.x) > 130 || Math.abs(y - bridge.y) > 62,
);

function paintLily(brush: Brush, { x, y, n }: Spot): void {
  const r = 8 + (n % 6);
  const turn = n % 7;
  oval(brush, x + 2, y + 3, r, r * 0.72, "rgba(20, 70, 90, 0.2)");
  brush.fillStyle = n % 2 === 0 ? "#7fc17a" : "#69b06c";
  brush.beginPath();
  brush.moveTo(x, y);
  brush.ellipse(x, y, r, r * 0.72, 0, turn, turn + 5.7);
  brush.fill();
  if (n % 3 !== 0) return;
  const petals = pick(["#fff3f6", "#ffc4d6"], n % 2);
  for (let i = 0; i < 6; i++) {
    const angle = (i / 6) * Math.PI * 2;
    oval(brush, x + Math.cos(angle) * 3, y - 2 + Math.sin(angle) * 2.2, 2.6, 1.9, petals, angle);
  }
  disc(brush, x, y - 2, 1.6, "#f9cf58");
}

function paintReed(brush: Brush, { x, y, n }: Spot): void {
  for (let i = 0; i < 4; i++) {
    const lean = ((n * 7 + i * 13) % 11) - 5;
    const tall = 15 + ((n + i * 5) % 10);
    const foot = x + (i - 1.5) * 3.2;
    brush.strokeStyle = i % 2 === 0 ? "#5f9a58" : "#7bb269";
    brush.lineWidth = 1.8;
    brush.beginPath();
    brush.moveTo(foot, y);
    brush.quadraticCurveTo(foot, y - tall * 0.6, foot + lean * 0.7, y - tall);
    brush.stroke();
    if ((n + i) % 3 === 0)
      oval(brush, foot + lean * 0.7, y - tall, 1.7, 4.2, "#8a5f3c", lean * 0.05);
  }
}

/** The moving part: small strokes of light that come and go, drifting down the stream. */
export function drawGlints(brush: Brush, camera: Camera, seconds: number): void {
  brush.strokeStyle = ground.glint;
  brush.lineWidth = 1.6;
  brush.lineCap = "round";
  for (const { x, y, n } of glints) {
    if (!camera.sees(x, y, 30)) continue;
    const life = (seconds * 0.32 + (n % 97) / 97) % 1;
    const drift = (life - 0.5) * (Math.abs(x - pond.x) < 260 ? 5 : 16);
    const width = 5 + (n % 9);
    brush.globalAlpha = Math.sin(life * Math.PI) ** 2 * 0.75;
    brush.beginPath();
    brush.moveTo(x - width, y + drift);
    brush.quadraticCurveTo(x, y + drift - 2.6, x + width, y + drift);
    brush.stroke();
  }
  brush.globalAlpha = 1;
}
