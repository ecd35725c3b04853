/** The keyboard. Keys are read by their place, so that WASD walks on every layout. */
const directions: Readonly<Record<string, readonly [number, number]>> = {
  KeyW: [0, -1],
  ArrowUp: [0, -1],
  KeyS: [0, 1],
  ArrowDown: [0, 1],
  KeyA: [-1, 0],
  ArrowLeft: [-1, 0],
  KeyD: [1, 0],
  ArrowRight: [1, 0],
};

export class Keys {
  readonly #held = new Set<string>();

  /** `press` gets the code of every other key pressed outside fields and buttons; true: it is used. */
  constructor(press: (code: string) => boolean) {
    addEventListener("keydown", (event) => {
      // Shortcuts are the browser's, words are the text field's.
      if (event.ctrlKey || event.metaKey || event.altKey || isControl(event.target)) return;
      if (Object.hasOwn(directions, event.code)) this.#held.add(event.code);
      else if (event.repeat || !press(event.code)) return;
      event.preventDefault();
    });
    addEventListener("keyup", (event) => {
      this.#held.delete(event.code);
    });
    // A key released while we cannot see it must not walk on for ever.
    addEventListener("blur", () => {
      this.#held.clear();
    });
    addEventListener("focusin", (event) => {
      if (isControl(event.target)) this.#held.clear();
    });
  }

  /** Where the held keys point: length 0 or 1. */
  get direction(): { x: number; y: number } {
    let [x, y] = [0, 0];
    for (const code of this.#held) {
      const [dx, dy] = directions[code] ?? [0, 0];
      x += dx;
      y += dy;
    }
    [x, y] = [Math.sign(x), Math.sign(y)];
    const length = Math.hypot(x, y) || 1;
    return { x: x / length, y: y / length };
  }
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, button, a, textarea, select") !== null;
}
