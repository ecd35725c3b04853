import { bridge, fountain } from "../terrain.ts";
import { ground, mix, shadow, wood } from "./palette.ts";
import { type Brush, disc, oval } from "./sprite.ts";

/** What people built: the bridge and the fountain. */

/** The deck, which lies flat and is part of the ground. */
export function paintBridge(brush: Brush): void {
  const left = bridge.x - bridge.halfLength;
  const top = bridge.y - bridge.halfWidth;
  const width = bridge.halfLength * 2;
  const height = bridge.halfWidth * 2;
  brush.fillStyle = "rgba(18, 66, 88, 0.28)";
  brush.fillRect(left + 12, top + 10, width - 18, height + 6);
  const plank = 14;
  for (let i = 0; i * plank < width; i++) {
    const x = left + i * plank;
    const w = Math.min(plank, left + width - x);
    brush.fillStyle = mix(wood.mid, wood.light, ((i * 37) % 10) / 10);
    brush.fillRect(x, top + ((i * 7) % 3), w - 1.2, height);
    brush.fillStyle = wood.line;
    brush.globalAlpha = 0.5;
    disc(brush, x + w / 2, top + 9, 1.1, wood.line);
    disc(brush, x + w / 2, top + height - 7, 1.1, wood.line);
    brush.fillRect(x + w - 1.2, top + ((i * 7) % 3), 1.2, height);
    brush.globalAlpha = 1;
  }
}

/** A rail stands up, so it is drawn among the things: `side` -1 is the far one, 1 the near one. */
export function drawRail(brush: Brush, side: -1 | 1): void {
  const y = bridge.y + side * bridge.halfWidth;
  const left = bridge.x - bridge.halfLength + 4;
  const right = bridge.x + bridge.halfLength - 4;
  brush.fillStyle = "rgba(42, 50, 40, 0.2)";
  brush.fillRect(left, y + 1, right - left, 3);
  for (let i = 0; i <= 6; i++) {
    const x = left + ((right - left) * i) / 6;
    brush.fillStyle = wood.dark;
    brush.fillRect(x - 3, y - 20, 6, 22);
    oval(brush, x, y - 20, 3.6, 2.2, wood.light);
  }
  for (const [height, colour] of [
    [15, wood.light],
    [7, wood.mid],
  ] as const) {
    brush.fillStyle = colour;
    brush.fillRect(left - 3, y - height, right - left + 6, 3.6);
    brush.fillStyle = "rgba(60, 36, 20, 0.25)";
    brush.fillRect(left - 3, y - height + 2.6, right - left + 6, 1);
  }
}

export function drawFountain(brush: Brush, seconds: number): void {
  const { x, y } = fountain;
  oval(brush, x + 8, y + 16, 54, 30, shadow);
  oval(brush, x, y + 12, 50, 31, "#b3a68d");
  oval(brush, x, y + 2, 50, 31, "#e6dcc6");
  oval(brush, x, y + 2, 43, 25.5, "#b9ad94");
  oval(brush, x, y + 4, 42, 24, ground.deep);
  oval(brush, x, y + 5, 36, 19.5, ground.water);
  brush.lineWidth = 1.4;
  for (let i = 0; i < 3; i++) {
    const part = (seconds * 0.45 + i / 3) % 1;
    brush.strokeStyle = `rgba(240, 253, 253, ${String(0.6 * (1 - part))})`;
    brush.beginPath();
    brush.ellipse(x, y + 5, 11 + part * 27, 6 + part * 14, 0, 0, Math.PI * 2);
    brush.stroke();
  }
  brush.fillStyle = "#cfc3aa";
  brush.fillRect(x - 5, y - 30, 10, 36);
  brush.fillStyle = "#b5a88e";
  brush.fillRect(x + 1, y - 30, 4, 36);
  oval(brush, x, y - 28, 19, 9, "#b5a88e");
  oval(brush, x, y - 31, 19, 9, "#e6dcc6");
  oval(brush, x, y - 31, 15, 6.5, ground.water);
  drawJets(brush, x, y - 32, seconds);
}

/** Drops on eight arcs from the bowl into the basin. */
function drawJets(brush: Brush, x: number, y: number, seconds: number): void {
  brush.fillStyle = "rgba(238, 252, 253, 0.9)";
  for (let jet = 0; jet < 8; jet++) {
    const angle = (jet / 8) * Math.PI * 2 + 0.3;
    for (let drop = 0; drop < 5; drop++) {
      const part = (seconds * 0.9 + drop / 5 + jet * 0.13) % 1;
      const reach = 28 * part;
      const height = 60 * part * (0.55 - part) + (part > 0.55 ? 0 : 3);
      brush.globalAlpha = 0.9 - part * 0.5;
      brush.beginPath();
      brush.arc(
        x + Math.cos(angle) * reach,
        y - height + Math.sin(angle) * reach * 0.55 + part * 8,
        2.3 - part,
        0,
        Math.PI * 2,
      );
      brush.fill();
    }
  }
  brush.globalAlpha = 1;
}
