import { bridge, fountain } from "../terrain.ts";
import type { Camera } from "./camera.ts";
import { drawAvatar, drawAvatarShadow } from "./draw-avatar.ts";
import { drawFountain, drawRail } from "./draw-bridge.ts";
import { drawFog } from "./draw-fog.ts";
import { drawThing, drawThingShadow, type ThingView } from "./draw-thing.ts";
import { drawGlints } from "./draw-water.ts";
import { drawButterflies, drawClouds } from "./light.ts";
import type { Me } from "./me.ts";
import type { Particles } from "./particles.ts";
import type { Players } from "./players.ts";
import { clearness, type Sight } from "./sight.ts";
import { type Brush, Sprites } from "./sprite.ts";
import type { Thing, Things } from "./things.ts";
import { Tiles } from "./tiles.ts";
import { bubbleSeconds, type Walker } from "./walker.ts";
import { drawBubbles, drawNames } from "./words.ts";

const entranceSeconds = 0.45;
const exitSeconds = 0.28;
/** How far a sprite can stick out of its foot: what is farther outside the view is skipped. */
const spriteReach = 140;

export interface Shown {
  /** A spectator has no avatar, and no fog. */
  readonly me: Me | undefined;
  readonly sight: Sight | undefined;
  readonly players: Players;
  readonly things: Things;
  readonly particles: Particles;
  /** What would be planted at the pointer. */
  readonly preview: ThingView | undefined;
  /** What would be removed. */
  readonly doomed: Thing | undefined;
}

/** Draws the world, back to front. Only what is in view costs anything. */
export class Scene {
  readonly tiles = new Tiles();
  readonly #sprites = new Sprites();
  readonly #words = new Sprites();
  #leaving: { thing: Thing; at: number }[] = [];

  /** A thing was removed: let it go softly. */
  leave(thing: Thing, now: number): void {
    this.#leaving.push({ thing, at: now });
  }

  draw(brush: Brush, camera: Camera, shown: Shown, now: number): void {
    this.#sprites.setScale(camera.scale);
    this.#words.setScale(camera.ratio);
    // Clouds and butterflies go by the wall clock: the same sky for everybody.
    const wall = (Date.now() % 86_400_000) / 1000;
    this.tiles.draw(brush, camera);
    camera.apply(brush);
    brush.lineCap = "round";
    brush.lineJoin = "round";
    drawGlints(brush, camera, now);
    this.#drawTarget(brush, shown.me, now);

    const { me, sight } = shown;
    const isInView = ({ x, y }: { x: number; y: number }): boolean =>
      camera.sees(x, y, spriteReach) && clearness(sight, x, y) > 0;
    const things = shown.things.list.filter(isInView);
    const everybody: Iterable<Walker> = me === undefined ? shown.players : [me, ...shown.players];
    const walkers = [...everybody].filter(isInView);
    for (const thing of things) {
      brush.globalAlpha = clearness(sight, thing.x, thing.y);
      drawThingShadow(brush, this.#sprites, grown(thing, now));
    }
    brush.globalAlpha = 1;
    for (const walker of walkers) at(brush, walker.x, walker.y, 1, drawAvatarShadow);
    this.#drawStanding(brush, camera, shown, things, walkers, now);
    shown.particles.draw(brush, camera);
    drawButterflies(brush, camera, wall);
    drawClouds(brush, camera, wall);
    if (sight !== undefined) drawFog(brush, camera, sight, wall);
    drawNames(brush, camera, this.#words, walkers, shown);
    drawBubbles(brush, camera, this.#words, walkers, shown, now);
  }

  #drawStanding(
    brush: Brush,
    camera: Camera,
    shown: Shown,
    things: readonly Thing[],
    walkers: readonly Walker[],
    now: number,
  ): void {
    const { me, sight, preview, doomed } = shown;
    const standing: { y: number; draw: () => void }[] = things.map((thing) => ({
      y: thing.y,
      draw: () => {
        brush.globalAlpha = clearness(sight, thing.x, thing.y);
        if (thing === doomed) brush.globalAlpha *= 0.55 + Math.sin(now * 9) * 0.2;
        else if (me !== undefined && hides(thing, me)) brush.globalAlpha *= 0.5;
        drawThing(brush, this.#sprites, grown(thing, now), now);
        brush.globalAlpha = 1;
      },
    }));
    for (const walker of walkers) {
      standing.push({
        y: walker.y,
        draw: () => {
          drawWalker(brush, walker, now);
        },
      });
    }
    this.#leaving = this.#leaving.filter(({ at: left }) => now - left < exitSeconds);
    for (const { thing, at: left } of this.#leaving) {
      const part = 1 - (now - left) / exitSeconds;
      standing.push({
        y: thing.y,
        draw: () => {
          brush.globalAlpha = part;
          drawThing(brush, this.#sprites, { ...thing, size: thing.size * part }, now);
          brush.globalAlpha = 1;
        },
      });
    }
    if (preview !== undefined) {
      standing.push({
        y: preview.y,
        draw: () => {
          brush.globalAlpha = 0.55;
          drawThing(brush, this.#sprites, preview, now);
          brush.globalAlpha = 1;
        },
      });
    }
    if (camera.sees(bridge.x, bridge.y, spriteReach)) {
      for (const side of [-1, 1] as const) {
        standing.push({
          y: bridge.y + side * bridge.halfWidth,
          draw: () => {
            drawRail(brush, side);
          },
        });
      }
    }
    if (camera.sees(fountain.x, fountain.y, spriteReach)) {
      standing.push({
        y: fountain.y,
        draw: () => {
          drawFountain(brush, now);
        },
      });
    }
    standing.sort((a, b) => a.y - b.y);
    for (const { draw } of standing) draw();
  }

  #drawTarget(brush: Brush, me: Me | undefined, now: number): void {
    if (me?.target === undefined) return;
    const { x, y } = me.target;
    const part = (now * 1.4) % 1;
    brush.strokeStyle = `rgba(255, 250, 240, ${0.9 - part * 0.7})`;
    brush.lineWidth = 2.4;
    brush.beginPath();
    brush.ellipse(x, y, 5 + part * 9, 3 + part * 5.4, 0, 0, Math.PI * 2);
    brush.stroke();
  }
}

function drawWalker(brush: Brush, walker: Walker, now: number): void {
  const { bubble } = walker;
  const talking = bubble !== undefined && now - bubble.at < bubbleSeconds(bubble.said.text) * 0.4;
  at(brush, walker.x, walker.y, entrance(now - walker.bornAt), () => {
    drawAvatar(brush, { ...walker, talking }, now);
  });
}

function at(brush: Brush, x: number, y: number, size: number, draw: (brush: Brush) => void): void {
  brush.save();
  brush.translate(x, y);
  brush.scale(size, size);
  draw(brush);
  brush.restore();
}

/** 0 to 1 with a little overshoot. */
function entrance(age: number): number {
  const part = Math.min(1, Math.max(0.02, age / entranceSeconds)) - 1;
  return 1 + 2.7 * part ** 3 + 1.7 * part ** 2;
}

function grown(thing: Thing, now: number): ThingView {
  const size = entrance(now - thing.bornAt);
  return size === 1 ? thing : { ...thing, size: thing.size * size };
}

/** Whether a tree's crown is in front of me. */
function hides({ kind, x, y, size }: Thing, me: Me): boolean {
  const rise = y - me.y;
  return kind === "tree" && rise > 2 && rise < 92 * size && Math.abs(x - me.x) < 36 * size;
}
