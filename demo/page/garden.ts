import { kinds } from "../kinds.ts";
import { type Arena, settle } from "./arena.ts";
import { freshId } from "./fresh-id.ts";
import { overlapOf, radiusOf, standable } from "./push.ts";
import type { Thing, Things } from "./things.ts";
import type { Plantable } from "./toolbar.ts";

/** Planting and removing. Both are written at once, offline too: nothing of it is lost. */
export class Garden {
  readonly #sync: Arena;
  readonly #things: Things;

  constructor(sync: Arena, things: Things) {
    this.#sync = sync;
    this.#things = things;
  }

  /** Where a thing would go: on dry ground, beside what already stands there. */
  placeFor(kind: Plantable, x: number, y: number): { x: number; y: number } {
    const radius = kinds[kind].radius;
    const place = standable(x, y, Math.max(12, radius * 0.8));
    for (const thing of this.#things.list) {
      const otherRadius = radiusOf(thing);
      if (radius === 0 || otherRadius === 0) continue;
      const overlap = overlapOf(thing, otherRadius, place, radius);
      if (overlap === undefined) continue;
      place.x += overlap.x;
      place.y += overlap.y;
    }
    return { x: Math.round(place.x), y: Math.round(place.y) };
  }

  plant(kind: Plantable, x: number, y: number): void {
    settle(
      this.#sync.create({
        id: freshId(kind),
        ...this.placeFor(kind, x, y),
        look: Math.floor(Math.random() * 1000),
        size: Math.round(85 + Math.random() * 35) / 100,
      }),
    );
  }

  remove(thing: Thing): void {
    settle(this.#sync.destroy(thing.id));
  }
}
