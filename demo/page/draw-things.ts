import { pick, seeded } from "../random.ts";
import { balls, flowers, mix, shadow, wood } from "./palette.ts";
import { type Box, type Brush, disc, oval } from "./sprite.ts";

/** Flowers, stones, crates and balls. The foot is at (0, 0), the light comes from the left. */
export const flowerBox: Box = [-24, -30, 24, 8];
export const stoneBox: Box = [-24, -28, 24, 12];
export const crateBox: Box = [-24, -42, 24, 12];
export const lowShadowBox: Box = [-26, -14, 34, 16];

export function paintLowShadow(brush: Brush, reach: number): void {
  oval(brush, 5, 1, reach * 1.05, reach * 0.52, shadow);
}

export function paintFlower(brush: Brush, look: number): void {
  const random = seeded(look + 5);
  const petals = pick(flowers, look);
  oval(brush, 1, 1, 11, 4, "rgba(42, 66, 58, 0.16)");
  const stems = 3 + (look % 3);
  const heads = Array.from({ length: stems }, (_, i) => ({
    x: (i - (stems - 1) / 2) * 7 + (random() - 0.5) * 4,
    y: -9 - random() * 10,
    foot: (i - (stems - 1) / 2) * 3.4,
  }));
  brush.lineWidth = 1.7;
  for (const { x, y, foot } of heads) {
    brush.strokeStyle = "#5b9b52";
    brush.beginPath();
    brush.moveTo(foot, 1);
    brush.quadraticCurveTo(foot, y * 0.4, x, y);
    brush.stroke();
    oval(brush, (foot + x) / 2 + 2.4, y * 0.36, 3.4, 1.5, "#6fb05f", -0.6);
  }
  heads.sort((a, b) => a.y - b.y);
  for (const { x, y } of heads) {
    if (look % 4 === 1) paintTulip(brush, x, y, petals);
    else paintBloom(brush, x, y, petals, 5 + (look % 2));
  }
}

function paintBloom(brush: Brush, x: number, y: number, petals: string, count: number): void {
  for (let i = 0; i < count; i++) {
    const angle = (i / count) * Math.PI * 2 - Math.PI / 2;
    const [px, py] = [x + Math.cos(angle) * 3, y + Math.sin(angle) * 2.7];
    oval(brush, px, py, 2.7, 2.1, i > count / 2 ? petals : mix(petals, "#8a4a6a", 0.12), angle);
  }
  disc(brush, x, y, 2.1, "#fbd45c");
  disc(brush, x - 0.5, y - 0.5, 0.9, "#fff0b0");
}

function paintTulip(brush: Brush, x: number, y: number, petals: string): void {
  oval(brush, x + 1.8, y, 2.6, 4.4, mix(petals, "#8a3a5a", 0.22), 0.25);
  oval(brush, x - 1.8, y, 2.6, 4.4, petals, -0.25);
  oval(brush, x, y + 0.6, 2.2, 4, mix(petals, "#ffffff", 0.25));
}

export function paintStone(brush: Brush, look: number): void {
  const random = seeded(look + 9);
  const tone = pick(["#a9adb0", "#b5aea3", "#9ba6a4"], look);
  const corners = Array.from({ length: 9 }, (_, i) => {
    const angle = (i / 9) * Math.PI * 2 + random() * 0.3;
    const reach = 0.88 + random() * 0.2;
    return { x: Math.cos(angle) * 18 * reach, y: -7 + Math.sin(angle) * 12.5 * reach };
  });
  paintRounded(brush, corners, 0, 2, 1, mix(tone, "#3c4658", 0.38));
  paintRounded(brush, corners, -0.5, -2, 0.95, tone);
  paintRounded(brush, corners, -3.4, -7, 0.62, mix(tone, "#fff8e6", 0.42));
  for (let i = 0; i < 5; i++) {
    const [x, y] = [-9 + random() * 20, -13 + random() * 12];
    oval(brush, x, y, 1.2, 0.8, mix(tone, "#3c4658", 0.28));
  }
  if (look % 3 === 0) {
    for (let i = 0; i < 7; i++) {
      disc(brush, -14 + random() * 13, -2 + random() * 5, 1.5 + random() * 2.4, "#7fae5e");
    }
  }
}

function paintRounded(
  brush: Brush,
  corners: readonly { x: number; y: number }[],
  dx: number,
  dy: number,
  scale: number,
  fill: string,
): void {
  const at = (i: number) => {
    const corner = corners[i % corners.length] ?? { x: 0, y: 0 };
    return { x: corner.x * scale + dx, y: (corner.y + 7) * scale - 7 + dy };
  };
  brush.fillStyle = fill;
  brush.beginPath();
  for (let i = 0; i <= corners.length; i++) {
    const [a, b] = [at(i), at(i + 1)];
    const [mx, my] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
    if (i === 0) brush.moveTo(mx, my);
    else brush.quadraticCurveTo(a.x, a.y, mx, my);
  }
  brush.fill();
}

export function paintCrate(brush: Brush, look: number): void {
  const tint = pick([wood.light, "#cf9f6f", "#dcb07c"], look);
  const front = mix(tint, wood.dark, 0.32);
  // The front.
  brush.fillStyle = wood.dark;
  brush.beginPath();
  brush.roundRect(-20, -24, 40, 30, 3);
  brush.fill();
  for (let i = 0; i < 3; i++) {
    brush.fillStyle = mix(front, wood.mid, (i * 0.37) % 0.5);
    brush.fillRect(-17, -19 + i * 7.6, 34, 6.6);
  }
  brush.strokeStyle = mix(front, "#4a2f1c", 0.25);
  brush.lineWidth = 4.4;
  brush.beginPath();
  brush.moveTo(-15, 2);
  brush.lineTo(15, -17);
  brush.stroke();
  // The lid.
  brush.fillStyle = mix(tint, wood.dark, 0.45);
  brush.beginPath();
  brush.roundRect(-21, -39, 42, 21, 3);
  brush.fill();
  for (let i = 0; i < 4; i++) {
    brush.fillStyle = mix(tint, "#fff1d0", 0.1 + ((i + look) % 3) * 0.1);
    brush.fillRect(-18.5 + i * 9.4, -36.6, 8.6, 16.2);
  }
  brush.fillStyle = mix(tint, wood.dark, 0.2);
  brush.fillRect(-18.5, -34, 37, 3);
  brush.fillRect(-18.5, -26, 37, 3);
  for (const x of [-17, 17]) for (const y of [-32.5, -24.5]) disc(brush, x, y, 1.1, wood.line);
}

/** A ball of six slices, turned by `turn`: painted each frame, because it rolls. */
export function paintBall(brush: Brush, look: number, turn: number): void {
  const stripe = pick(balls, look);
  disc(brush, 0, -13, 14, "#fff8ec");
  brush.save();
  brush.beginPath();
  brush.arc(0, -13, 14, 0, Math.PI * 2);
  brush.clip();
  brush.translate(0, -13);
  for (let i = 0; i < 3; i++) {
    const angle = turn + (i / 3) * Math.PI * 2;
    brush.fillStyle = i === 1 ? mix(stripe, "#5a6bd0", 0.35) : stripe;
    brush.beginPath();
    brush.moveTo(0, -3);
    brush.arc(0, -3, 22, angle, angle + Math.PI / 3);
    brush.fill();
  }
  disc(brush, 0, -3, 3, "#fffdf6");
  const shade = brush.createRadialGradient(-5, -6, 2, 0, 0, 15);
  shade.addColorStop(0, "rgba(255, 255, 255, 0.55)");
  shade.addColorStop(0.45, "rgba(255, 255, 255, 0)");
  shade.addColorStop(1, "rgba(60, 40, 90, 0.32)");
  brush.fillStyle = shade;
  brush.fillRect(-15, -15, 30, 30);
  brush.restore();
}
