import { inspect } from "node:util";
import type { SyncObject } from "../lib/object.ts";
import type { World } from "../lib/world.ts";

/** A world's objects as a map that always shows the present. */
export class ObjectsView implements ReadonlyMap<string, SyncObject> {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  get size(): number {
    return this.#world.size;
  }

  get(id: string): SyncObject | undefined {
    return this.#world.get(id);
  }

  has(id: string): boolean {
    return this.#world.get(id) !== undefined;
  }

  *keys(): MapIterator<string> {
    for (const object of this.#world.objects()) yield object.id;
  }

  *values(): MapIterator<SyncObject> {
    yield* this.#world.objects();
  }

  *entries(): MapIterator<[string, SyncObject]> {
    for (const object of this.#world.objects()) yield [object.id, object];
  }

  [Symbol.iterator](): MapIterator<[string, SyncObject]> {
    return this.entries();
  }

  forEach(
    visit: (object: SyncObject, id: string, map: ReadonlyMap<string, SyncObject>) => void,
  ): void {
    for (const object of this.#world.objects()) visit(object, object.id, this);
  }

  /** As console.log shows it. */
  [inspect.custom](): Map<string, SyncObject> {
    return new Map(this);
  }
}
