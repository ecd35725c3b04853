import { darker, lighter } from "./palette.ts";
import { type Brush, disc, oval } from "./sprite.ts";

type Facing = { readonly x: number; readonly y: number };
type Hat = (brush: Brush, colour: string, facing: Facing) => void;

/** What a head wears, by number; the top of the head is at (0, -46). */
const hats: readonly Hat[] = [
  // A sprout.
  (brush) => {
    brush.strokeStyle = "#5c9a4f";
    brush.lineWidth = 2;
    brush.beginPath();
    brush.moveTo(0, -45);
    brush.quadraticCurveTo(0.5, -50, 0, -53);
    brush.stroke();
    oval(brush, -4.6, -54.5, 5.2, 2.8, "#7cc36a", 0.5);
    oval(brush, 4.6, -55, 5.2, 2.8, "#65ad59", -0.5);
  },
  // A bobble hat.
  (brush, colour) => {
    const knit = lighter(colour, 0.72);
    brush.fillStyle = darker(colour, 0.22);
    brush.beginPath();
    brush.moveTo(-13.5, -38);
    brush.bezierCurveTo(-13, -54, 13, -54, 13.5, -38);
    brush.quadraticCurveTo(0, -43, -13.5, -38);
    brush.fill();
    brush.strokeStyle = knit;
    brush.lineWidth = 4.4;
    brush.beginPath();
    brush.moveTo(-12.5, -38.5);
    brush.quadraticCurveTo(0, -43.5, 12.5, -38.5);
    brush.stroke();
    disc(brush, 0, -52, 4.8, knit);
    disc(brush, -1.2, -53, 2.4, "#fffdf4");
  },
  // A straw hat.
  (brush) => {
    oval(brush, 0, -40, 20, 6.4, "#d8ae5f");
    oval(brush, -0.5, -41, 19, 5.6, "#f0cf85");
    brush.fillStyle = "#e8c273";
    brush.beginPath();
    brush.ellipse(0, -42, 11, 11, 0, Math.PI, 0);
    brush.fill();
    brush.strokeStyle = "#d9644f";
    brush.lineWidth = 3.2;
    brush.beginPath();
    brush.moveTo(-10.6, -43);
    brush.quadraticCurveTo(0, -40, 10.6, -43);
    brush.stroke();
  },
  // A flower behind the ear.
  (brush, _colour, facing) => {
    const x = facing.x < 0 ? -9 : 9;
    for (let i = 0; i < 5; i++) {
      const angle = (i / 5) * Math.PI * 2 - 0.4;
      disc(brush, x + Math.cos(angle) * 4, -41 + Math.sin(angle) * 4, 3.2, "#fff3f7");
    }
    disc(brush, x, -41, 2.7, "#f7c440");
  },
  // A cap.
  (brush, colour, facing) => {
    brush.fillStyle = darker(colour, 0.34);
    brush.beginPath();
    brush.moveTo(-13, -39);
    brush.bezierCurveTo(-13, -52, 13, -52, 13, -39);
    brush.quadraticCurveTo(0, -43, -13, -39);
    brush.fill();
    if (facing.y > -0.35) {
      oval(brush, facing.x * 9, -38.6 + facing.y, 10, 3.4, darker(colour, 0.5));
    }
    disc(brush, 0, -49, 1.8, lighter(colour, 0.5));
  },
  // Two ears.
  (brush, colour) => {
    for (const side of [-1, 1] as const) {
      oval(brush, side * 9, -46, 4.8, 7.4, darker(colour, 0.16), side * 0.35);
      oval(brush, side * 9, -45.4, 2.6, 4.6, lighter(colour, 0.6), side * 0.35);
    }
  },
  // A paper crown.
  (brush) => {
    brush.fillStyle = "#f5c84c";
    brush.beginPath();
    brush.moveTo(-11, -41);
    for (const [x, y] of [
      [-12, -54],
      [-6, -48],
      [0, -56],
      [6, -48],
      [12, -54],
      [11, -41],
    ] as const) {
      brush.lineTo(x, y);
    }
    brush.quadraticCurveTo(0, -45, -11, -41);
    brush.fill();
    for (const [x, y] of [
      [-12, -54],
      [0, -56],
      [12, -54],
    ] as const) {
      disc(brush, x, y, 1.8, "#fff0b8");
    }
  },
];

export const hatCount = hats.length;

export function drawHat(brush: Brush, hat: number, colour: string, facing: Facing): void {
  hats[((Math.trunc(hat) % hats.length) + hats.length) % hats.length]?.(brush, colour, facing);
}
