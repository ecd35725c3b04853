import { drawThing } from "./draw-thing.ts";
import { type Brush, Sprites } from "./sprite.ts";

/** What a click does, in the order of the number keys. */
export const tools = ["walk", "tree", "flower", "crate", "ball", "remove"] as const;
export type Tool = (typeof tools)[number];
export type Plantable = Exclude<Tool, "walk" | "remove">;

const labels: Readonly<Record<Tool, string>> = {
  walk: "Walk",
  tree: "Plant a tree",
  flower: "Plant a flower",
  crate: "Put a crate",
  ball: "Throw in a ball",
  remove: "Remove something",
};

/** Icon: which look, scale and height of foot (in a 36-unit square). */
const icons: Readonly<Record<Plantable, readonly [number, number, number]>> = {
  tree: [0, 0.33, 33],
  flower: [0, 1.1, 29],
  crate: [0, 0.68, 31],
  ball: [0, 0.95, 31],
};

const iconUnits = 36;
const iconRatio = 2;

export class Toolbar {
  #tool: Tool = "walk";
  /** What the space bar plants. */
  #seed: Plantable = "flower";
  readonly #buttons = new Map<Tool, HTMLButtonElement>();

  constructor(host: HTMLElement) {
    const sprites = new Sprites();
    sprites.setScale(iconRatio);
    tools.forEach((tool, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset["tool"] = tool;
      button.title = labels[tool];
      button.setAttribute("role", "radio");
      button.setAttribute("aria-label", labels[tool]);
      const key = document.createElement("span");
      key.className = "key";
      key.textContent = String(i + 1);
      button.append(iconOf(tool, sprites), key);
      // Keeps the focus where it is: after a click the keys still walk.
      button.addEventListener("mousedown", (event) => {
        event.preventDefault();
      });
      button.addEventListener("click", () => {
        this.choose(tool);
      });
      this.#buttons.set(tool, button);
      host.append(button);
    });
    this.choose("walk");
  }

  get tool(): Tool {
    return this.#tool;
  }

  get seed(): Plantable {
    return this.#seed;
  }

  choose(tool: Tool): void {
    this.#tool = tool;
    if (tool !== "walk" && tool !== "remove") this.#seed = tool;
    for (const [one, button] of this.#buttons) {
      button.setAttribute("aria-checked", String(one === tool));
    }
  }
}

function iconOf(tool: Tool, sprites: Sprites): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = iconUnits * iconRatio;
  const brush = canvas.getContext("2d");
  if (brush === null) return canvas;
  brush.scale(iconRatio, iconRatio);
  brush.lineCap = "round";
  brush.lineJoin = "round";
  if (tool === "walk") drawArrow(brush);
  else if (tool === "remove") drawCross(brush);
  else {
    const [look, size, foot] = icons[tool];
    brush.translate(iconUnits / 2, foot);
    const thing = { kind: tool, x: 0, y: 0, look, size, tremble: 0, turn: 0.6 };
    drawThing(brush, sprites, thing, 0);
  }
  return canvas;
}

function drawArrow(brush: Brush): void {
  brush.beginPath();
  for (const [x, y] of [
    [11, 7],
    [27, 18],
    [19.5, 19.8],
    [15.5, 28],
  ] as const) {
    brush.lineTo(x, y);
  }
  brush.closePath();
  brush.fillStyle = brush.strokeStyle = "#4d605a";
  brush.lineWidth = 3;
  brush.fill();
  brush.stroke();
}

function drawCross(brush: Brush): void {
  brush.strokeStyle = "#e0604a";
  brush.lineWidth = 4.4;
  brush.beginPath();
  brush.moveTo(11.5, 11.5);
  brush.lineTo(24.5, 24.5);
  brush.moveTo(24.5, 11.5);
  brush.lineTo(11.5, 24.5);
  brush.stroke();
}
