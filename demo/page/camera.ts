import { world } from "../terrain.ts";

const followPerSecond = 7;
const pixelRatioMax = 2;

/** Where we look, and how many device pixels a world unit is. */
export class Camera {
  x = world.width / 2;
  y = world.height / 2;
  /** CSS pixels in a world unit. */
  zoom = 1;
  /** Device pixels in a CSS pixel, capped: beyond 2 the eye gains little and the frame rate loses. */
  ratio = 1;
  /** Size of the view in CSS pixels. */
  width = 1;
  height = 1;
  readonly #isOverview: boolean;

  /** An overview shows as much of the world as fits. */
  constructor(isOverview = false) {
    this.#isOverview = isOverview;
  }

  resize(width: number, height: number, pixelRatio: number): void {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.ratio = Math.min(pixelRatioMax, Math.max(1, pixelRatio));
    const comfortable = Math.sqrt((width * height) / (1080 * 700));
    const covering = Math.max(width / world.width, height / world.height);
    this.zoom = this.#isOverview
      ? covering
      : Math.max(covering, Math.min(1.7, Math.max(0.82, comfortable)));
  }

  /** Device pixels in a world unit. */
  get scale(): number {
    return this.zoom * this.ratio;
  }

  follow(x: number, y: number, seconds: number): void {
    const part = 1 - Math.exp(-followPerSecond * seconds);
    this.lookAt(this.x + (x - this.x) * part, this.y + (y - this.y) * part);
  }

  lookAt(x: number, y: number): void {
    const halfWidth = this.width / this.zoom / 2;
    const halfHeight = this.height / this.zoom / 2;
    this.x = Math.min(world.width - halfWidth, Math.max(halfWidth, x));
    this.y = Math.min(world.height - halfHeight, Math.max(halfHeight, y));
  }

  /** Left and top of the view in whole device pixels, so that the ground does not shimmer. */
  get originX(): number {
    return Math.round((this.x - this.width / this.zoom / 2) * this.scale);
  }

  get originY(): number {
    return Math.round((this.y - this.height / this.zoom / 2) * this.scale);
  }

  apply(brush: CanvasRenderingContext2D): void {
    brush.setTransform(this.scale, 0, 0, this.scale, -this.originX, -this.originY);
  }

  /** Whether anything within `reach` of a place can be in view. */
  sees(x: number, y: number, reach: number): boolean {
    return (
      Math.abs(x - this.x) < this.width / this.zoom / 2 + reach &&
      Math.abs(y - this.y) < this.height / this.zoom / 2 + reach
    );
  }

  /** CSS pixels in the view to a place in the world, and back. */
  toWorld(x: number, y: number): { x: number; y: number } {
    return {
      x: x / this.zoom + this.originX / this.scale,
      y: y / this.zoom + this.originY / this.scale,
    };
  }

  toScreen(x: number, y: number): { x: number; y: number } {
    return {
      x: (x - this.originX / this.scale) * this.zoom,
      y: (y - this.originY / this.scale) * this.zoom,
    };
  }
}
