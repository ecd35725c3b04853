import type { Camera } from "./camera.ts";

/** Looks around by dragging the land. */
export class Drag {
  readonly #camera: Camera;
  #last: { readonly x: number; readonly y: number } | undefined;
  #isUsed = false;

  constructor(canvas: HTMLCanvasElement, camera: Camera) {
    this.#camera = camera;
    canvas.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary) return;
      canvas.setPointerCapture(event.pointerId);
      this.#last = { x: event.offsetX, y: event.offsetY };
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.isPrimary) this.#moveTo(event.offsetX, event.offsetY);
    });
    for (const end of ["pointerup", "pointercancel"] as const) {
      canvas.addEventListener(end, (event) => {
        if (event.isPrimary) this.#last = undefined;
      });
    }
  }

  /** Whether somebody has chosen where to look. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  #moveTo(x: number, y: number): void {
    if (this.#last === undefined) return;
    const { zoom } = this.#camera;
    const [dx, dy] = [(x - this.#last.x) / zoom, (y - this.#last.y) / zoom];
    this.#camera.lookAt(this.#camera.x - dx, this.#camera.y - dy);
    this.#last = { x, y };
    this.#isUsed = true;
  }
}
