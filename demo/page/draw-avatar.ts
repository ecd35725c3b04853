import { pick } from "../random.ts";
import { drawHat } from "./draw-hat.ts";
import { darker, lighter, shadow, skins } from "./palette.ts";
import { type Brush, disc, oval } from "./sprite.ts";

export interface AvatarLook {
  readonly colour: string;
  readonly hat: number;
  /** Any integer: skin, and when the eyes blink. */
  readonly seed: number;
  /** Where the player faces: a vector of about length 1. */
  readonly facing: { readonly x: number; readonly y: number };
  /** Grows with the way walked; two steps are 2π. */
  readonly stride: number;
  /** 0 stands, 1 walks at full speed. */
  readonly pace: number;
  readonly talking: boolean;
}

const bodyHalf = 15;
const bodyTop = -46;

export function drawAvatarShadow(brush: Brush): void {
  oval(brush, 4, 1, 18, 7.5, shadow);
}

/** Somebody in a hooded coat, seen a little from above. The foot is at (0, 0). */
export function drawAvatar(brush: Brush, look: AvatarLook, seconds: number): void {
  const { colour, facing, stride, pace } = look;
  const swing = Math.sin(stride);
  const bob = Math.abs(Math.cos(stride)) * 3 * pace;
  // Standing still, people breathe.
  const breath = Math.sin(seconds * 2.2 + look.seed) * 0.5 * (1 - pace);
  drawFeet(brush, colour, swing, pace);
  brush.save();
  brush.translate(0, -bob);
  brush.rotate(facing.x * 0.05 * pace + swing * 0.03 * pace);
  brush.scale(1 + breath * 0.012, 1 - breath * 0.02);
  const behind = facing.y < -0.35;
  if (!behind) drawHand(brush, look, swing, -1);
  if (behind) drawHand(brush, look, -swing, 1);
  drawBody(brush, colour);
  if (!behind) drawFace(brush, look, seconds);
  drawScarf(brush, colour, facing, swing * pace);
  drawHand(brush, look, behind ? swing : -swing, behind ? -1 : 1);
  drawHat(brush, look.hat, colour, facing);
  brush.restore();
}

function drawFeet(brush: Brush, colour: string, swing: number, pace: number): void {
  const shoe = darker(colour, 0.62);
  for (const side of [-1, 1] as const) {
    const lift = Math.max(0, swing * side) * 5 * pace;
    oval(brush, side * 6.5, -2 - lift, 6, 4.2, shoe);
  }
}

function drawBody(brush: Brush, colour: string): void {
  const coat = brush.createLinearGradient(-bodyHalf, bodyTop, bodyHalf, -4);
  coat.addColorStop(0, lighter(colour, 0.42));
  coat.addColorStop(0.45, colour);
  coat.addColorStop(1, darker(colour, 0.3));
  brush.fillStyle = coat;
  brush.beginPath();
  brush.moveTo(-bodyHalf + 1, -7);
  brush.bezierCurveTo(-bodyHalf - 2.5, -24, -bodyHalf - 2, bodyTop, 0, bodyTop);
  brush.bezierCurveTo(bodyHalf + 2, bodyTop, bodyHalf + 2.5, -24, bodyHalf - 1, -7);
  brush.quadraticCurveTo(0, 0, -bodyHalf + 1, -7);
  brush.fill();
  brush.strokeStyle = darker(colour, 0.4);
  brush.globalAlpha = 0.35;
  brush.lineWidth = 1.2;
  brush.stroke();
  brush.globalAlpha = 1;
}

function drawFace(brush: Brush, look: AvatarLook, seconds: number): void {
  const { facing, seed } = look;
  const skin = pick(skins, seed);
  const x = facing.x * 5;
  const y = -31 + facing.y * 1.2;
  const narrow = 1 - Math.abs(facing.x) * 0.16;
  oval(brush, x, y + 0.6, 10.6 * narrow + 0.8, 9.4, darker(look.colour, 0.35));
  oval(brush, x, y, 10.6 * narrow, 9, skin);
  const cheek = "rgba(240, 105, 100, 0.35)";
  oval(brush, x - 6.4 * narrow + facing.x, y + 3, 2.3, 1.6, cheek);
  oval(brush, x + 6.4 * narrow + facing.x, y + 3, 2.3, 1.6, cheek);
  const blinks = (seconds + (seed % 37) / 7) % 4.1 < 0.13;
  for (const side of [-1, 1] as const) {
    const ex = x + side * 4 * narrow + facing.x * 2;
    if (blinks) {
      brush.fillStyle = "#2c2a33";
      brush.fillRect(ex - 1.8, y - 0.4, 3.6, 1.1);
      continue;
    }
    oval(brush, ex, y - 0.4, 1.75, 2.5, "#2c2a33");
    disc(brush, ex + 0.5, y - 1.4, 0.75, "#ffffff");
  }
  drawMouth(brush, x + facing.x * 2, y + 4, look.talking, seconds);
}

function drawMouth(brush: Brush, x: number, y: number, talking: boolean, seconds: number): void {
  if (talking) {
    oval(brush, x, y, 1.9, 0.8 + Math.abs(Math.sin(seconds * 11)) * 1.6, "#8c3b3b");
    return;
  }
  brush.strokeStyle = "#7c4238";
  brush.lineWidth = 1.1;
  brush.beginPath();
  brush.arc(x, y - 1.4, 2.2, 0.35, Math.PI - 0.35);
  brush.stroke();
}

function drawScarf(
  brush: Brush,
  colour: string,
  facing: { readonly x: number; readonly y: number },
  flap: number,
): void {
  const cloth = lighter(colour, 0.68);
  brush.strokeStyle = cloth;
  brush.lineWidth = 4.6;
  brush.beginPath();
  brush.moveTo(-13, -21);
  brush.quadraticCurveTo(0, -15.5, 13, -21);
  brush.stroke();
  brush.lineWidth = 4;
  const x = facing.y < -0.35 ? 0 : 6 - facing.x * 9;
  brush.beginPath();
  brush.moveTo(x, -18);
  brush.quadraticCurveTo(x + 1, -13, x + 1.5 - facing.x * 3 + flap * 2.5, -9.5);
  brush.stroke();
}

function drawHand(brush: Brush, look: AvatarLook, swing: number, side: -1 | 1): void {
  const x = side * (bodyHalf + 0.5 - Math.abs(look.facing.x) * 4) + look.facing.x * 2;
  const y = -14 + swing * 4 * look.pace * (0.4 + Math.abs(look.facing.y) * 0.6);
  const forward = swing * 5 * look.pace * look.facing.x;
  disc(brush, x + forward, y, 4.7, darker(look.colour, 0.24));
  disc(brush, x + forward - 0.5, y - 0.6, 3.6, lighter(look.colour, 0.16));
}
