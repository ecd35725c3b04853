import type { Kind } from "../kinds.ts";
import {
  crateBox,
  flowerBox,
  lowShadowBox,
  paintBall,
  paintCrate,
  paintFlower,
  paintLowShadow,
  paintStone,
  stoneBox,
} from "./draw-things.ts";
import { paintTree, paintTreeShadow, treeBox, treeShadowBox } from "./draw-tree.ts";
import { type Box, type Brush, type Sprite, type Sprites, stamp } from "./sprite.ts";

/** How each kind of thing is shown: which sprite, how it moves. */

/** As many different pictures of a kind as are worth keeping. */
const looksMax = 30;

type Painter = readonly [Box, (brush: Brush, look: number) => void];

const painters: Readonly<Record<Exclude<Kind, "ball">, Painter>> = {
  tree: [treeBox, paintTree],
  flower: [flowerBox, paintFlower],
  stone: [stoneBox, paintStone],
  crate: [crateBox, paintCrate],
};

export interface ThingView {
  readonly kind: Kind;
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly look: number;
  readonly tremble: number;
  readonly turn: number;
}

export function drawThing(brush: Brush, sprites: Sprites, thing: ThingView, seconds: number): void {
  const { kind, x, y, size, look, tremble } = thing;
  brush.save();
  brush.translate(x, y);
  brush.scale(size, size);
  if (kind === "ball") {
    paintBall(brush, look, thing.turn);
  } else {
    const shiver = Math.sin(seconds * 26) * tremble;
    if (kind === "tree") brush.transform(1, 0, sway(x, y, seconds, 0.012) + shiver * 0.05, 1, 0, 0);
    if (kind === "flower") brush.transform(1, 0, sway(x, y, seconds, 0.07) + shiver * 0.5, 1, 0, 0);
    if (kind === "crate") brush.translate(shiver * 0.7, 0);
    stamp(brush, spriteOf(sprites, kind, look % looksMax), 0, 0);
  }
  brush.restore();
}

/** The wind, coming in waves from the left. */
function sway(x: number, y: number, seconds: number, strength: number): number {
  return Math.sin(seconds * 1.4 - x * 0.012 + y * 0.004) * strength;
}

function spriteOf(sprites: Sprites, kind: Exclude<Kind, "ball">, look: number): Sprite {
  const [box, paint] = painters[kind];
  return sprites.get(`${kind} ${look}`, box, (brush) => {
    paint(brush, look);
  });
}

const shadowReach: Readonly<Record<Kind, number>> = {
  tree: 0,
  flower: 0,
  stone: 19,
  crate: 22,
  ball: 13,
};

export function drawThingShadow(brush: Brush, sprites: Sprites, thing: ThingView): void {
  const { kind, x, y, size } = thing;
  if (kind === "tree") {
    stamp(brush, sprites.get("shadow tree", treeShadowBox, paintTreeShadow), x, y, size);
  } else if (shadowReach[kind] > 0) {
    const sprite = sprites.get(`shadow ${kind}`, lowShadowBox, (on) => {
      paintLowShadow(on, shadowReach[kind]);
    });
    stamp(brush, sprite, x, y, size);
  }
}
