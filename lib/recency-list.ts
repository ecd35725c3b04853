/** What a list can hold: it has its place in the list in itself. */
export interface Linked<Item> {
  readonly revision: number;
  older: Item | null;
  newer: Item | null;
}

/** Items from the oldest revision to the newest: an intrusive linked list. */
export class RecencyList<Item extends Linked<Item>> {
  #oldest: Item | null = null;
  #newest: Item | null = null;
  // Where a paged walk is likely to go on; only a hint, checked before use.
  #hint: Item | null = null;

  append(item: Item): void {
    this.insertAfter(item, this.#newest);
  }

  /** Moves an item that is in the list to its end. */
  toNewest(item: Item): void {
    if (this.#newest === item) return;
    this.remove(item);
    this.append(item);
  }

  insertAfter(item: Item, older: Item | null): void {
    const newer = older === null ? this.#oldest : older.newer;
    item.older = older;
    item.newer = newer;
    if (older === null) this.#oldest = item;
    else older.newer = item;
    if (newer === null) this.#newest = item;
    else newer.older = item;
  }

  remove(item: Item): void {
    const { older, newer } = item;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    item.older = null;
    item.newer = null;
    if (this.#hint === item) this.#hint = newer;
  }

  /**
   * The oldest item with a revision above `revision`. Costs the number of newer ones at most; a
   * walk that goes on where the last one was told to stop, and a walk from the start, cost nothing.
   */
  firstAfter(revision: number): Item | null {
    for (const guess of [this.#oldest, this.#hint]) {
      if (guess === null || guess.revision <= revision) continue;
      if (guess.older === null || guess.older.revision <= revision) return guess;
    }
    let first: Item | null = null;
    for (let item = this.#newest; item !== null && item.revision > revision; item = item.older) {
      first = item;
    }
    return first;
  }

  expectNext(item: Item): void {
    this.#hint = item;
  }
}
