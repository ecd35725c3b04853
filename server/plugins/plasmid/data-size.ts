import type { Cursor, HostedWorld, SyncObject } from "../../index.ts";
import { placeOf, type PushedItem } from "./pushed.ts";

/** How many bytes the objects of a world have, as JSON with their names; followed, not added up anew. */
export class DataSize {
  readonly #world: HostedWorld;
  readonly #sizes = new Map<string, number>();
  #bytes = 0;
  #cursor: Cursor | undefined;
  #following: Promise<unknown> = Promise.resolve();

  constructor(world: HostedWorld) {
    this.#world = world;
  }

  /** Resolves with where the world is now, and how large it would be after a push there. */
  measure(items: readonly PushedItem[]): Promise<{ at: Cursor; before: number; after: number }> {
    const measuring = this.#following.then(async () => {
      const { cursor, isWhole, changes } = await this.#world.changesSince(this.#cursor);
      if (isWhole) this.#clear();
      for (const { id, object } of changes) this.#set(id, sizeOf(id, object));
      this.#cursor = cursor;
      const last = new Map(items.map(({ id, value }) => [id, value]));
      let after = this.#bytes;
      for (const [id, value] of last) {
        const size = value === null ? 0 : sizeOf(id, { id, value });
        after += size - (this.#sizes.get(id) ?? 0);
      }
      return { at: cursor, before: this.#bytes, after };
    });
    this.#following = measuring.catch(() => undefined);
    return measuring;
  }

  #clear(): void {
    this.#sizes.clear();
    this.#bytes = 0;
  }

  #set(id: string, size: number): void {
    this.#bytes += size - (this.#sizes.get(id) ?? 0);
    if (size === 0) this.#sizes.delete(id);
    else this.#sizes.set(id, size);
  }
}

function sizeOf(id: string, object: SyncObject | undefined): number {
  if (object === undefined || placeOf(id) === undefined) return 0;
  return Buffer.byteLength(id) + Buffer.byteLength(JSON.stringify(object["value"] ?? null));
}
