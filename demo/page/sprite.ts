/** A picture painted once and stamped many times. Coordinates are world units around the foot. */
export interface Sprite {
  readonly image: HTMLCanvasElement;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** left, top, right, bottom around the foot at (0, 0). */
export type Box = readonly [number, number, number, number];
export type Brush = CanvasRenderingContext2D;

const spritesMax = 600;

export function canvasOf(width: number, height: number): [HTMLCanvasElement, Brush] {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.ceil(width));
  canvas.height = Math.max(1, Math.ceil(height));
  const brush = canvas.getContext("2d");
  if (brush === null) throw new Error("This browser has no 2D canvas.");
  return [canvas, brush];
}

/** Sprites by name, painted for the resolution at which they are shown. */
export class Sprites {
  readonly #known = new Map<string, Sprite>();
  #scale = 0;

  /** Device pixels in a world unit. Another scale starts over. */
  setScale(scale: number): void {
    if (scale === this.#scale) return;
    this.#scale = scale;
    this.#known.clear();
  }

  /** The sprite, if it is painted already: for those whose very size is work to find out. */
  known(name: string): Sprite | undefined {
    return this.#known.get(name);
  }

  get(name: string, box: Box, paint: (brush: Brush) => void): Sprite {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    // Names and speech of other players end up in names: the collection must not grow for ever.
    if (this.#known.size >= spritesMax) this.#known.clear();
    const [left, top, right, bottom] = box;
    const [image, brush] = canvasOf((right - left) * this.#scale, (bottom - top) * this.#scale);
    brush.scale(this.#scale, this.#scale);
    brush.translate(-left, -top);
    brush.lineCap = "round";
    brush.lineJoin = "round";
    paint(brush);
    const sprite = {
      image,
      left,
      top,
      width: image.width / this.#scale,
      height: image.height / this.#scale,
    };
    this.#known.set(name, sprite);
    return sprite;
  }
}

export function stamp(brush: Brush, sprite: Sprite, x: number, y: number, size = 1): void {
  const { image, left, top, width, height } = sprite;
  brush.drawImage(image, x + left * size, y + top * size, width * size, height * size);
}

export function disc(brush: Brush, x: number, y: number, r: number, fill: string): void {
  brush.fillStyle = fill;
  brush.beginPath();
  brush.arc(x, y, r, 0, Math.PI * 2);
  brush.fill();
}

export function oval(
  brush: Brush,
  x: number,
  y: number,
  rx: number,
  ry: number,
  fill: string | CanvasGradient,
  turn = 0,
): void {
  brush.fillStyle = fill;
  brush.beginPath();
  brush.ellipse(x, y, rx, ry, turn, 0, Math.PI * 2);
  brush.fill();
}
