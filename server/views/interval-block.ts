/** What lies between two bounds; null is no bound on that side. */
export interface Interval<Bound extends number | string> {
  readonly low: Bound | null;
  readonly includesLow: boolean;
  readonly high: Bound | null;
  readonly includesHigh: boolean;
}

interface Held<Bound extends number | string, Item> {
  readonly interval: Interval<Bound>;
  readonly item: Item;
}

/**
 * Some intervals next to each other, and which of them a value lies in. An interval tree, "augmented"
 * as in Cormen et al., Introduction to Algorithms, 14.3, laid out in a sorted array: of any stretch the
 * middle is the root, and has the highest bound of the stretch. After a change the next visit computes
 * these anew.
 */
export class IntervalBlock<Bound extends number | string, Item> {
  /** By the low bound. */
  readonly #held: Held<Bound, Item>[];
  /** Of each, the highest high bound in the stretch of which it is the middle. */
  readonly #tops: (Bound | null)[] = [];
  #isStale = true;

  constructor(held: Held<Bound, Item>[] = []) {
    this.#held = held;
  }

  get size(): number {
    return this.#held.length;
  }

  /** The lowest low bound; null if there is none. */
  get low(): Bound | null {
    return this.#held[0]?.interval.low ?? null;
  }

  add(interval: Interval<Bound>, item: Item): void {
    this.#held.splice(this.#firstFrom(interval.low), 0, { interval, item });
    this.#isStale = true;
  }

  /** Whether it was here. */
  remove({ low }: Interval<Bound>, item: Item): boolean {
    for (let at = this.#firstFrom(low); this.#held[at]?.interval.low === low; at++) {
      if (this.#held[at]?.item !== item) continue;
      this.#held.splice(at, 1);
      this.#isStale = true;
      return true;
    }
    return false;
  }

  /** Leaves the lower half here, and gives the other. */
  split(): IntervalBlock<Bound, Item> {
    this.#isStale = true;
    return new IntervalBlock(this.#held.splice(this.#held.length >>> 1));
  }

  /** Takes over what comes behind. */
  append(next: IntervalBlock<Bound, Item>): void {
    this.#held.push(...next.#held);
    this.#isStale = true;
  }

  visit(value: Bound, take: (item: Item) => void): void {
    if (this.#isStale) {
      this.#renewTops(0, this.#held.length);
      this.#isStale = false;
    }
    this.#visit(value, 0, this.#held.length, take);
  }

  #visit(value: Bound, from: number, to: number, take: (item: Item) => void): void {
    if (from >= to) return;
    const middle = (from + to) >>> 1;
    const held = this.#held[middle];
    const top = this.#tops[middle];
    if (held === undefined || top === undefined || (top !== null && top < value)) return;
    this.#visit(value, from, middle, take);
    const { low } = held.interval;
    if (low !== null && low > value) return; // what follows begins later still
    if (isWithin(held.interval, value)) take(held.item);
    this.#visit(value, middle + 1, to, take);
  }

  /** Where those begin that have this low bound or a higher one. */
  #firstFrom(low: Bound | null): number {
    if (low === null) return 0;
    let from = 0;
    let to = this.#held.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const other = this.#held[middle]?.interval.low ?? null;
      if (other === null || other < low) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Gives the top of the stretch; undefined of an empty one. */
  #renewTops(from: number, to: number): Bound | null | undefined {
    if (from >= to) return undefined;
    const middle = (from + to) >>> 1;
    const own = this.#held[middle]?.interval.high ?? null;
    const before = this.#renewTops(from, middle);
    const behind = this.#renewTops(middle + 1, to);
    const top = higher(higher(own, before), behind);
    this.#tops[middle] = top;
    return top;
  }
}

function higher<Bound extends number | string>(
  a: Bound | null,
  b: Bound | null | undefined,
): Bound | null {
  if (b === undefined || a === null) return a;
  return b === null || b > a ? b : a;
}

function isWithin<Bound extends number | string>(
  { low, includesLow, high, includesHigh }: Interval<Bound>,
  value: Bound,
): boolean {
  if (low !== null && (value < low || (value === low && !includesLow))) return false;
  return high === null || value < high || (value === high && includesHigh);
}
