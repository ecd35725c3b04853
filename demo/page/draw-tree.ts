import { pick, seeded } from "../random.ts";
import { mix, shadow } from "./palette.ts";
import { type Box, type Brush, disc, oval } from "./sprite.ts";

/** Four sorts of trees, three shapes of each. The foot is at (0, 0), the light comes from the left. */
export const treeBox: Box = [-52, -128, 52, 12];
export const treeShadowBox: Box = [-30, -26, 74, 30];

interface Leaves {
  readonly dark: string;
  readonly mid: string;
  readonly light: string;
}

const oakLeaves: readonly [Leaves, ...Leaves[]] = [
  { dark: "#3f8a52", mid: "#58a85c", light: "#83c76b" },
  { dark: "#4b9150", mid: "#6bb058", light: "#9ccf6c" },
  { dark: "#36805a", mid: "#4d9f68", light: "#7cc081" },
];
const blossom: Leaves = { dark: "#d9809c", mid: "#f0a3b8", light: "#fccfd9" };
const golden: Leaves = { dark: "#cf8636", mid: "#eaa94a", light: "#f8d079" };
const needles: Leaves = { dark: "#2c6b58", mid: "#3b8467", light: "#62a581" };

export function paintTree(brush: Brush, look: number): void {
  const random = seeded(look + 1);
  const sort = look % 10;
  if (sort === 5 || sort === 6 || sort === 7) paintPine(brush, random);
  else
    paintRound(brush, random, sort === 8 ? blossom : sort === 9 ? golden : pick(oakLeaves, look));
}

export function paintTreeShadow(brush: Brush): void {
  oval(brush, 18, 3, 42, 17, shadow, 0.12);
  oval(brush, 4, 1, 12, 6, "rgba(42, 66, 58, 0.25)");
}

function paintTrunk(brush: Brush, height: number): void {
  brush.fillStyle = "#8a6244";
  brush.beginPath();
  brush.moveTo(-8, 2);
  brush.quadraticCurveTo(-4, -4, -4, -height);
  brush.lineTo(5, -height);
  brush.quadraticCurveTo(4, -4, 9, 2);
  brush.quadraticCurveTo(0, 6, -8, 2);
  brush.fill();
  brush.fillStyle = "#6e4b35";
  brush.beginPath();
  brush.moveTo(1, 4);
  brush.quadraticCurveTo(2, -8, 2, -height);
  brush.lineTo(5, -height);
  brush.quadraticCurveTo(4, -4, 9, 2);
  brush.closePath();
  brush.fill();
}

function paintRound(brush: Brush, random: () => number, leaves: Leaves): void {
  paintTrunk(brush, 40);
  const blobs = Array.from({ length: 8 }, (_, i) => {
    const angle = (i / 8) * Math.PI * 2 + random() * 0.5;
    const reach = 17 + random() * 5;
    return {
      x: Math.cos(angle) * reach * 1.05,
      y: -60 + Math.sin(angle) * reach * 0.95,
      r: 18 + random() * 6,
    };
  });
  for (const { x, y, r } of blobs) disc(brush, x + 2, y + 5, r, leaves.dark);
  for (const { x, y, r } of blobs) disc(brush, x - 1, y - 1, r - 2, leaves.mid);
  disc(brush, 0, -62, 25, leaves.mid);
  // Shaded tufts below, sunlit ones above and to the left.
  brush.globalAlpha = 0.5;
  for (let i = 0; i < 6; i++) {
    disc(brush, -4 + random() * 34, -38 - random() * 16, 6 + random() * 5, leaves.dark);
  }
  brush.globalAlpha = 0.85;
  for (let i = 0; i < 9; i++) {
    const angle = Math.PI * (0.95 + random() * 0.75);
    const reach = 8 + random() * 21;
    const [x, y] = [-3 + Math.cos(angle) * reach, -63 + Math.sin(angle) * reach];
    disc(brush, x, y, 4.5 + random() * 6.5, leaves.light);
  }
  brush.globalAlpha = 0.5;
  for (let i = 0; i < 10; i++) {
    const angle = Math.PI * (0.9 + random() * 0.7);
    const reach = 12 + random() * 22;
    const [x, y] = [-4 + Math.cos(angle) * reach, -65 + Math.sin(angle) * reach];
    disc(brush, x, y, 1.6 + random() * 2, mix(leaves.light, "#fffbe0", 0.6));
  }
  brush.globalAlpha = 1;
}

function paintPine(brush: Brush, random: () => number): void {
  paintTrunk(brush, 24);
  const tall = 104 + random() * 12;
  for (let layer = 0; layer < 4; layer++) {
    const foot = -14 - layer * 20;
    const tip = layer === 3 ? -tall : foot - 42;
    const half = 32 - layer * 6.5;
    paintSkirt(brush, foot + 3, tip, half, mix(needles.dark, "#17434a", 0.25), 0);
    paintSkirt(brush, foot, tip, half - 1, mix(needles.dark, needles.mid, layer / 3), 0);
    paintSkirt(
      brush,
      foot - 4,
      tip + 3,
      half * 0.62,
      mix(needles.mid, needles.light, layer / 3),
      -6,
    );
  }
}

/** One layer of branches: a triangle with a scalloped hem. */
function paintSkirt(
  brush: Brush,
  foot: number,
  tip: number,
  half: number,
  fill: string,
  shift: number,
): void {
  const scallops = 5;
  brush.fillStyle = fill;
  brush.beginPath();
  brush.moveTo(shift * 0.3, tip);
  brush.quadraticCurveTo(half * 0.4 + shift, (tip + foot) / 2, half + shift, foot);
  for (let i = 0; i < scallops; i++) {
    const from = half - (i * 2 * half) / scallops;
    const to = half - ((i + 1) * 2 * half) / scallops;
    const bend = Math.abs((from + to) / 2 / half);
    brush.quadraticCurveTo((from + to) / 2 + shift, foot + 9 - bend * 5, to + shift, foot);
  }
  brush.quadraticCurveTo(-half * 0.4 + shift, (tip + foot) / 2, shift * 0.3, tip);
  brush.fill();
}
