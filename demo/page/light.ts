import { seeded } from "../random.ts";
import { world } from "../terrain.ts";
import type { Camera } from "./camera.ts";
import { flowers } from "./palette.ts";
import { type Brush, canvasOf, oval } from "./sprite.ts";

/** What drifts over the land: the shadows of clouds, and butterflies. Same time, same place for all. */

const cloudSize = 256;
const clouds = [
  { x: 200, y: 180, size: 860, speed: 15 },
  { x: 1500, y: 900, size: 1050, speed: 12 },
  { x: 2300, y: 1400, size: 760, speed: 18 },
  { x: 900, y: 1250, size: 680, speed: 14 },
] as const;

let cloudSprite: HTMLCanvasElement | undefined;

function cloud(): HTMLCanvasElement {
  if (cloudSprite !== undefined) return cloudSprite;
  const [canvas, brush] = canvasOf(cloudSize, cloudSize * 0.6);
  const random = seeded(77);
  for (let i = 0; i < 16; i++) {
    const x = cloudSize * (0.25 + random() * 0.5);
    const y = cloudSize * 0.6 * (0.32 + random() * 0.36);
    const r = cloudSize * (0.08 + random() * 0.11);
    const soft = brush.createRadialGradient(x, y, 0, x, y, r);
    soft.addColorStop(0, "rgba(38, 74, 92, 0.34)");
    soft.addColorStop(1, "rgba(38, 74, 92, 0)");
    oval(brush, x, y, r, r, soft);
  }
  cloudSprite = canvas;
  return canvas;
}

export function drawClouds(brush: Brush, camera: Camera, seconds: number): void {
  brush.globalAlpha = 0.3;
  for (const { x, y, size, speed } of clouds) {
    const span = world.width + size * 2;
    const left = ((x + seconds * speed) % span) - size;
    if (!camera.sees(left + size / 2, y, size / 2)) continue;
    brush.drawImage(cloud(), left, y - size * 0.3, size, size * 0.6);
  }
  brush.globalAlpha = 1;
}

const butterflyCount = 26;

export function drawButterflies(brush: Brush, camera: Camera, seconds: number): void {
  for (let i = 0; i < butterflyCount; i++) {
    const homeX = ((i * 617) % 2300) + 50;
    const homeY = ((i * 383) % 1500) + 50;
    const x = homeX + Math.sin(seconds * 0.31 + i) * 70 + Math.sin(seconds * 1.7 + i * 2) * 14;
    const y = homeY + Math.cos(seconds * 0.27 + i * 3) * 50 + Math.sin(seconds * 2.3 + i) * 9;
    if (!camera.sees(x, y, 40)) continue;
    const wing = 0.4 + Math.abs(Math.sin(seconds * 9 + i)) * 0.6;
    const colour = flowers[i % flowers.length] ?? flowers[0];
    oval(brush, x + 4, y + 15, 3.4, 1.4, "rgba(42, 66, 58, 0.16)");
    oval(brush, x - 2.6 * wing, y - 1, 3 * wing, 3.8, colour, 0.4);
    oval(brush, x + 2.6 * wing, y - 1, 3 * wing, 3.8, colour, -0.4);
    oval(brush, x, y, 0.7, 2.6, "#6b5a60");
  }
}
