import type { Camera } from "./camera.ts";
import type { ThingView } from "./draw-thing.ts";
import type { Garden } from "./garden.ts";
import type { Me } from "./me.ts";
import { nearestThing, thingAt } from "./pick-thing.ts";
import { walkerAt } from "./pick-walker.ts";
import type { Players } from "./players.ts";
import type { PointerActions } from "./pointer.ts";
import { clearness, type Sight } from "./sight.ts";
import type { Thing, Things } from "./things.ts";
import { type Toolbar, tools } from "./toolbar.ts";
import type { Walker } from "./walker.ts";

const armUnits = 46;
const grabUnits = 85;
/** Nobody reaches into the fog. */
const clearEnough = 0.25;

interface Parts {
  readonly me: Me;
  readonly camera: Camera;
  readonly sight: Sight;
  readonly things: Things;
  readonly players: Players;
  readonly toolbar: Toolbar;
  readonly garden: Garden;
  /** Somebody was clicked. */
  readonly meet: (player: Walker) => void;
}

/** What the chosen tool would do, and how that is shown. */
interface Hint {
  readonly preview: ThingView | undefined;
  readonly doomed: Thing | undefined;
  readonly cursor: "default" | "pointer" | "crosshair";
}

/** What clicks, taps and keys do with the chosen tool. */
export class Hand implements PointerActions {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  readonly tap = (viewX: number, viewY: number): void => {
    const { me, camera, toolbar, garden, meet } = this.#parts;
    const { x, y } = camera.toWorld(viewX, viewY);
    const { tool } = toolbar;
    if (tool === "walk") {
      const player = this.#playerAt(x, y);
      if (player === undefined) me.walkTo(x, y);
      else meet(player);
    } else if (tool === "remove") {
      const thing = this.#thingAt(x, y);
      if (thing !== undefined) garden.remove(thing);
    } else if (this.#isClear({ x, y })) garden.plant(tool, x, y);
  };

  /** With the mouse held down, I follow it. */
  readonly hold = (viewX: number, viewY: number): void => {
    const { me, camera, toolbar } = this.#parts;
    if (toolbar.tool !== "walk") return;
    const { x, y } = camera.toWorld(viewX, viewY);
    me.walkTo(x, y);
  };

  /** A key by its code; false when it means nothing here. */
  press(code: string): boolean {
    const { me, things, toolbar, garden } = this.#parts;
    const tool = tools[Number(/^(?:Digit|Numpad)(\d)$/.exec(code)?.[1] ?? 0) - 1];
    if (tool !== undefined) toolbar.choose(tool);
    else if (code === "Space" || code === "KeyE") {
      const { x, y } = this.#reach();
      garden.plant(toolbar.seed, x, y);
    } else if (code === "KeyX" || code === "Delete" || code === "Backspace") {
      const { x, y } = this.#reach();
      const thing =
        nearestThing(things.list, x, y, armUnits) ??
        nearestThing(things.list, me.x, me.y, grabUnits);
      if (thing !== undefined) garden.remove(thing);
    } else if (code === "Escape") toolbar.choose("walk");
    else return false;
    return true;
  }

  /** What the chosen tool would do where the mouse is. */
  hint(hover: { x: number; y: number } | undefined): Hint {
    const { camera, toolbar, garden } = this.#parts;
    const { tool } = toolbar;
    const nothing: Hint = { preview: undefined, doomed: undefined, cursor: "default" };
    if (hover === undefined) return nothing;
    const { x, y } = camera.toWorld(hover.x, hover.y);
    if (tool === "walk") {
      return this.#playerAt(x, y) === undefined ? nothing : { ...nothing, cursor: "pointer" };
    }
    if (tool === "remove") {
      return { ...nothing, doomed: this.#thingAt(x, y), cursor: "crosshair" };
    }
    if (!this.#isClear({ x, y })) return nothing;
    const place = garden.placeFor(tool, x, y);
    const preview = { kind: tool, ...place, look: 0, size: 1, tremble: 0, turn: 0.6 };
    return { ...nothing, preview };
  }

  #playerAt(x: number, y: number): Walker | undefined {
    const player = walkerAt(this.#parts.players, x, y);
    return player !== undefined && this.#isClear(player) ? player : undefined;
  }

  #thingAt(x: number, y: number): Thing | undefined {
    const thing = thingAt(this.#parts.things.list, x, y);
    return thing !== undefined && this.#isClear(thing) ? thing : undefined;
  }

  #isClear({ x, y }: { readonly x: number; readonly y: number }): boolean {
    return clearness(this.#parts.sight, x, y) > clearEnough;
  }

  #reach(): { x: number; y: number } {
    const { x, y, facing } = this.#parts.me;
    return { x: x + facing.x * armUnits, y: y + facing.y * armUnits };
  }
}
