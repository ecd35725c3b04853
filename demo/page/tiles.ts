import { world } from "../terrain.ts";
import type { Camera } from "./camera.ts";
import { Ground } from "./draw-ground.ts";
import { type Brush, canvasOf } from "./sprite.ts";

/** The ground is painted once per tile; a frame only copies the few tiles that are in view. */
const tileUnits = 400;
const tileScaleMax = 2;
const tilesMax = 40;

export class Tiles {
  readonly #ground = new Ground();
  readonly #tiles = new Map<string, HTMLCanvasElement>();
  #scale = 0;

  draw(brush: Brush, camera: Camera): void {
    const scale = Math.min(tileScaleMax, camera.scale);
    if (scale !== this.#scale) {
      this.#scale = scale;
      this.#tiles.clear();
    }
    const { originX, originY } = camera;
    const unit = tileUnits * camera.scale;
    const right = originX + camera.width * camera.ratio;
    const bottom = originY + camera.height * camera.ratio;
    brush.setTransform(1, 0, 0, 1, 0, 0);
    for (let row = Math.floor(originY / unit); row * unit < bottom; row++) {
      for (let column = Math.floor(originX / unit); column * unit < right; column++) {
        // Whole device pixels: rounding both edges of neighbours the same way leaves no seam.
        const x = Math.round(column * unit);
        const y = Math.round(row * unit);
        const width = Math.round((column + 1) * unit) - x;
        const height = Math.round((row + 1) * unit) - y;
        brush.drawImage(this.#tile(column, row), x - originX, y - originY, width, height);
      }
    }
  }

  /** Paints one tile that is not in view yet: called in spare time, so that walking never stutters. */
  prefetch(camera: Camera): void {
    const near: { column: number; row: number; distance: number }[] = [];
    for (let row = 0; row * tileUnits < world.height; row++) {
      for (let column = 0; column * tileUnits < world.width; column++) {
        if (this.#tiles.has(`${column},${row}`)) continue;
        const distance = Math.hypot(
          (column + 0.5) * tileUnits - camera.x,
          (row + 0.5) * tileUnits - camera.y,
        );
        near.push({ column, row, distance });
      }
    }
    near.sort((a, b) => a.distance - b.distance);
    const next = near[0];
    if (next !== undefined && this.#tiles.size < tilesMax) this.#tile(next.column, next.row);
  }

  /** The whole world, small. */
  overview(width: number, height: number): HTMLCanvasElement {
    const [canvas, brush] = canvasOf(width, height);
    brush.scale(width / world.width, height / world.height);
    this.#ground.paint(brush, { x: 0, y: 0, ...world });
    return canvas;
  }

  #tile(column: number, row: number): HTMLCanvasElement {
    const key = `${column},${row}`;
    const known = this.#tiles.get(key);
    if (known !== undefined) return known;
    const oldest = this.#tiles.keys().next();
    if (this.#tiles.size >= tilesMax && oldest.done !== true) this.#tiles.delete(oldest.value);
    const [canvas, brush] = canvasOf(tileUnits * this.#scale, tileUnits * this.#scale);
    const rect = {
      x: column * tileUnits,
      y: row * tileUnits,
      width: tileUnits,
      height: tileUnits,
    };
    brush.scale(canvas.width / tileUnits, canvas.height / tileUnits);
    brush.translate(-rect.x, -rect.y);
    brush.lineCap = "round";
    this.#ground.paint(brush, rect);
    this.#tiles.set(key, canvas);
    return canvas;
  }
}
