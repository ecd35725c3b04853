import { world } from "../terrain.ts";
import { fog } from "./palette.ts";
import type { Me } from "./me.ts";
import type { Players } from "./players.ts";
import type { Sight } from "./sight.ts";
import { type Brush, disc } from "./sprite.ts";
import type { Things } from "./things.ts";
import type { Tiles } from "./tiles.ts";

/** Often enough for dots that creep. */
const everySeconds = 0.15;

/** The whole world in a corner: the land, and who and what is in sight. */
export class Minimap {
  readonly #canvas: HTMLCanvasElement;
  #ground: HTMLCanvasElement | undefined;
  #drawnAt = -Infinity;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
  }

  draw(
    now: number,
    tiles: Tiles,
    shown: {
      readonly me: Me;
      readonly sight: Sight;
      readonly players: Players;
      readonly things: Things;
    },
  ): void {
    if (now - this.#drawnAt < everySeconds) return;
    this.#drawnAt = now;
    const brush = this.#canvas.getContext("2d");
    if (brush === null) return;
    const { width, height } = this.#canvas;
    this.#ground ??= tiles.overview(width, height);
    const scale = width / world.width;
    brush.drawImage(this.#ground, 0, 0);
    for (const { kind, x, y } of shown.things.list) {
      if (kind === "tree") disc(brush, x * scale, y * scale, 3, "#4f9a59");
    }
    drawFog(brush, shown.sight, scale);
    for (const player of shown.players) {
      disc(brush, player.x * scale, player.y * scale, 5.5, "#fffaf0");
      disc(brush, player.x * scale, player.y * scale, 4, player.colour);
    }
    disc(brush, shown.me.x * scale, shown.me.y * scale, 7.5, "#fffaf0");
    disc(brush, shown.me.x * scale, shown.me.y * scale, 5.5, shown.me.colour);
  }
}

function drawFog(brush: Brush, { x, y, radius }: Sight, scale: number): void {
  const clear = new Path2D();
  clear.arc(x * scale, y * scale, radius * scale, 0, Math.PI * 2);
  const rest = new Path2D(clear);
  rest.rect(0, 0, brush.canvas.width, brush.canvas.height);
  brush.fillStyle = `rgba(${fog.veil}, 0.66)`;
  brush.fill(rest, "evenodd");
  brush.strokeStyle = "rgba(255, 255, 255, 0.9)";
  brush.lineWidth = 2;
  brush.stroke(clear);
}
