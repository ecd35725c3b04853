import type { Camera } from "./camera.ts";
import { fog } from "./palette.ts";
import { clearness, edgeUnits, type Sight } from "./sight.ts";
import { type Brush, canvasOf, oval } from "./sprite.ts";

/** Mist over all that is out of sight. The land goes on beneath it; who is there nobody has told us. */

/** How dense the veil is, from where it begins to where sight ends. */
const veilStops = [
  [0, 0],
  [0.3, 0.12],
  [0.65, 0.5],
  [1, 0.84],
] as const;

const spacingUnits = 170;
const puffUnits = 190;
const driftUnits = 34;
const puffPixels = 128;

export function drawFog(brush: Brush, camera: Camera, sight: Sight, seconds: number): void {
  camera.apply(brush);
  drawVeil(brush, camera, sight);
  drawPuffs(brush, camera, sight, seconds);
}

function drawVeil(brush: Brush, camera: Camera, { x, y, radius }: Sight): void {
  const veil = brush.createRadialGradient(x, y, Math.max(0, radius - edgeUnits), x, y, radius);
  for (const [part, alpha] of veilStops) veil.addColorStop(part, `rgba(${fog.veil}, ${alpha})`);
  const [width, height] = [camera.width / camera.zoom + 2, camera.height / camera.zoom + 2];
  brush.fillStyle = veil;
  brush.fillRect(camera.x - width / 2, camera.y - height / 2, width, height);
}

/** Puffs stand where they are in the world, so that walking goes into them and they give way. */
function drawPuffs(brush: Brush, camera: Camera, sight: Sight, seconds: number): void {
  const halfWidth = camera.width / camera.zoom / 2 + puffUnits;
  const halfHeight = camera.height / camera.zoom / 2 + puffUnits;
  const first = (from: number): number => Math.floor(from / spacingUnits);
  for (let row = first(camera.y - halfHeight); row <= first(camera.y + halfHeight); row++) {
    for (
      let column = first(camera.x - halfWidth);
      column <= first(camera.x + halfWidth);
      column++
    ) {
      const seed = (Math.imul(column, 73_856_093) ^ Math.imul(row, 19_349_663)) >>> 8;
      const x = column * spacingUnits + (seed % 89) + Math.sin(seconds * 0.21 + seed) * driftUnits;
      const y = row * spacingUnits + (seed % 67) + Math.cos(seconds * 0.17 + seed) * driftUnits;
      const density = 1 - clearness(sight, x, y);
      if (density < 0.03) continue;
      const half = puffUnits * (0.6 + 0.4 * density);
      brush.globalAlpha = density * 0.75;
      brush.drawImage(puff(seed % 3), x - half, y - half * 0.72, half * 2, half * 1.44);
    }
  }
  brush.globalAlpha = 1;
}

const puffs: HTMLCanvasElement[] = [];

function puff(index: number): HTMLCanvasElement {
  const known = puffs[index];
  if (known !== undefined) return known;
  const [canvas, brush] = canvasOf(puffPixels, puffPixels);
  const middle = puffPixels / 2;
  const soft = brush.createRadialGradient(middle, middle, 0, middle, middle, middle);
  const tint = fog.puffs[index] ?? fog.puffs[0];
  soft.addColorStop(0, `rgba(${tint}, 0.75)`);
  soft.addColorStop(0.5, `rgba(${tint}, 0.4)`);
  soft.addColorStop(1, `rgba(${tint}, 0)`);
  oval(brush, middle, middle, middle, middle, soft);
  puffs[index] = canvas;
  return canvas;
}
