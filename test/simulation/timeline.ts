import type { Cancel } from "../../lib/environment.ts";

interface Item {
  readonly at: number;
  readonly order: number;
  task: (() => void) | undefined;
}

/**
 * Virtual time: what is to happen, in the order in which it happens. Everything in a simulation is a
 * task here, and between two of them every promise that can go on has gone on.
 */
export class Timeline {
  /** A binary heap: the earliest first, and of those the one that was planned first. */
  readonly #heap: Item[] = [];
  #now = 0;
  #order = 0;
  #tasks = 0;

  /** How many tasks have begun. */
  get tasks(): number {
    return this.#tasks;
  }

  /** Milliseconds since the simulation began. */
  get now(): number {
    return this.#now;
  }

  after(delayMs: number, task: () => void): Cancel {
    return this.at(this.#now + Math.max(0, delayMs), task);
  }

  /** What is planned for the same moment happens in the order in which it was planned. */
  at(moment: number, task: () => void): Cancel {
    const item: Item = { at: Math.max(this.#now, moment), order: this.#order++, task };
    this.#push(item);
    return () => {
      item.task = undefined;
    };
  }

  /** Runs what is due until then, or until `isOver`, which is asked after each task. */
  async run(until: number, isOver: () => boolean): Promise<void> {
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      this.#pop();
      const { task } = next;
      if (task === undefined) continue;
      this.#now = next.at;
      this.#tasks += 1;
      task();
      await settled();
      if (isOver()) return;
    }
    this.#now = Math.max(this.#now, until);
  }

  #push(item: Item): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(item, heap[parent] as Item)) break;
      heap[index] = heap[parent] as Item;
      index = parent;
    }
    heap[index] = item;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Item;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Item, heap[child] as Item)) {
        child += 1;
      }
      if (!isBefore(heap[child] as Item, last)) break;
      heap[index] = heap[child] as Item;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Item, b: Item): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** An immediate runs when no promise has anything left to do, however long their chains are. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
