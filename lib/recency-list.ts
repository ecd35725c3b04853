import type { Entry } from "./entry.ts";

/** The entries of a world from the oldest revision to the newest: an intrusive linked list. */
export class RecencyList {
  #oldest: Entry | null = null;
  #newest: Entry | null = null;
  // Where a paged walk is likely to go on; only a hint, checked before use.
  #hint: Entry | null = null;

  append(entry: Entry): void {
    this.insertAfter(entry, this.#newest);
  }

  /** Moves an entry that is in the list to its end. */
  toNewest(entry: Entry): void {
    if (this.#newest === entry) return;
    this.remove(entry);
    this.append(entry);
  }

  insertAfter(entry: Entry, older: Entry | null): void {
    const newer = older === null ? this.#oldest : older.newer;
    entry.older = older;
    entry.newer = newer;
    if (older === null) this.#oldest = entry;
    else older.newer = entry;
    if (newer === null) this.#newest = entry;
    else newer.older = entry;
  }

  remove(entry: Entry): void {
    const { older, newer } = entry;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    entry.older = null;
    entry.newer = null;
    if (this.#hint === entry) this.#hint = newer;
  }

  /**
   * The oldest entry with a revision above `revision`. Costs the number of newer ones at most; a
   * walk that goes on where the last one was told to stop, and a walk from the start, cost nothing.
   */
  firstAfter(revision: number): Entry | null {
    for (const guess of [this.#oldest, this.#hint]) {
      if (guess === null || guess.revision <= revision) continue;
      if (guess.older === null || guess.older.revision <= revision) return guess;
    }
    let first: Entry | null = null;
    for (
      let entry = this.#newest;
      entry !== null && entry.revision > revision;
      entry = entry.older
    ) {
      first = entry;
    }
    return first;
  }

  expectNext(entry: Entry): void {
    this.#hint = entry;
  }
}
