import { type Brush, disc } from "./sprite.ts";

/** A touch that travels farther than this is a drag; shorter, it is a tap. */
const dragPixels = 10;
const stickPixels = 54;

export interface PointerActions {
  /** A click or tap; view coordinates in CSS pixels. */
  readonly tap: (x: number, y: number) => void;
  /** The mouse is held down and has moved, or a touch is held. */
  readonly hold: (x: number, y: number) => void;
}

/** Mouse and touch on the canvas: clicks, taps, and a stick under the thumb wherever it is put. */
export class Pointer {
  /** Where the mouse is over the canvas, if it is. */
  hover: { x: number; y: number } | undefined;
  #active: { id: number; mouse: boolean; x: number; y: number } | undefined;
  #now = { x: 0, y: 0 };
  #dragging = false;

  constructor(canvas: HTMLCanvasElement, actions: PointerActions) {
    canvas.addEventListener("pointerdown", (event) => {
      if (this.#active !== undefined || event.button !== 0) return;
      event.preventDefault();
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      canvas.setPointerCapture(event.pointerId);
      const mouse = event.pointerType === "mouse";
      this.#active = { id: event.pointerId, mouse, x: event.offsetX, y: event.offsetY };
      this.#now = { x: event.offsetX, y: event.offsetY };
      this.#dragging = false;
      if (mouse) actions.tap(event.offsetX, event.offsetY);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") this.hover = { x: event.offsetX, y: event.offsetY };
      const active = this.#active;
      if (active?.id !== event.pointerId) return;
      this.#now = { x: event.offsetX, y: event.offsetY };
      const way = Math.hypot(this.#now.x - active.x, this.#now.y - active.y);
      this.#dragging ||= way > dragPixels;
      if (active.mouse) actions.hold(event.offsetX, event.offsetY);
    });
    canvas.addEventListener("pointerup", (event) => {
      const active = this.#active;
      if (active?.id !== event.pointerId) return;
      this.#active = undefined;
      if (!active.mouse && !this.#dragging) actions.tap(active.x, active.y);
    });
    canvas.addEventListener("pointercancel", (event) => {
      if (this.#active?.id === event.pointerId) this.#active = undefined;
    });
    canvas.addEventListener("pointerleave", () => {
      this.hover = undefined;
    });
    // Long presses and pinches are for walking, not for menus and magnifiers.
    canvas.addEventListener("contextmenu", (event) => {
      event.preventDefault();
    });
    document.addEventListener("gesturestart", (event) => {
      event.preventDefault();
    });
  }

  /** What the stick says: length 0 to 1. */
  get direction(): { x: number; y: number } {
    const active = this.#active;
    if (active === undefined || active.mouse || !this.#dragging) return { x: 0, y: 0 };
    const [dx, dy] = [this.#now.x - active.x, this.#now.y - active.y];
    const scale = 1 / Math.max(stickPixels, Math.hypot(dx, dy));
    return { x: dx * scale, y: dy * scale };
  }

  drawStick(brush: Brush, ratio: number): void {
    const active = this.#active;
    if (active === undefined || active.mouse || !this.#dragging) return;
    const { x, y } = this.direction;
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    disc(brush, active.x, active.y, stickPixels, "rgba(255, 250, 240, 0.28)");
    brush.strokeStyle = "rgba(255, 250, 240, 0.7)";
    brush.lineWidth = 2;
    brush.beginPath();
    brush.arc(active.x, active.y, stickPixels, 0, Math.PI * 2);
    brush.stroke();
    const [knobX, knobY] = [active.x + x * stickPixels, active.y + y * stickPixels];
    disc(brush, knobX, knobY + 2, 24, "rgba(40, 60, 50, 0.2)");
    disc(brush, knobX, knobY, 24, "rgba(255, 250, 240, 0.92)");
  }
}
