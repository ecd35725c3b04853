/** A view, and which of the ids in it are to be seen. */
export interface Part<Held> {
  readonly view: ReadonlyMap<string, Held>;
  readonly has: (id: string) => boolean;
}

/** Several views as one that is always current. Each id must be to be seen in one of them only. */
export class JoinedView<Held> implements ReadonlyMap<string, Held> {
  readonly #parts: readonly Part<Held>[];

  constructor(parts: readonly Part<Held>[]) {
    this.#parts = parts;
  }

  /** Counted by going through them all. */
  get size(): number {
    let size = 0;
    this.forEach(() => size++);
    return size;
  }

  get(id: string): Held | undefined {
    return this.#parts.find(({ has }) => has(id))?.view.get(id);
  }

  has(id: string): boolean {
    return this.#parts.some((part) => part.has(id) && part.view.has(id));
  }

  *entries(): MapIterator<[string, Held]> {
    for (const { view, has } of this.#parts) {
      for (const entry of view) if (has(entry[0])) yield entry;
    }
  }

  *keys(): MapIterator<string> {
    for (const [id] of this.entries()) yield id;
  }

  *values(): MapIterator<Held> {
    for (const [, object] of this.entries()) yield object;
  }

  [Symbol.iterator](): MapIterator<[string, Held]> {
    return this.entries();
  }

  forEach(callback: (object: Held, id: string, view: ReadonlyMap<string, Held>) => void): void {
    for (const [id, object] of this.entries()) callback(object, id, this);
  }
}
