import type { Change } from "../../lib/delta.ts";
import type { Entry } from "../../lib/entry.ts";
import type { ObjectShapes } from "../../lib/object-shape.ts";
import { hidesSame } from "./hidden.ts";

/** What was made of an object for those from whom the same is hidden, and then for others. */
interface Made {
  readonly hidden: readonly string[];
  readonly change: Change;
  readonly next: Made | undefined;
}

/**
 * What views say of objects, made and encoded once for all of them: each change is one object for as
 * long as nobody was told it, and `bodies` has its bytes.
 */
export class SharedChanges {
  readonly bodies = new Map<Change, Uint8Array>();
  readonly #shapes: ObjectShapes;
  readonly #wholes = new Map<Entry, Made>();
  readonly #updates = new Map<Entry, Made>();
  #toldSeq: number;

  constructor(shapes: ObjectShapes, seq: number) {
    this.#shapes = shapes;
    this.#toldSeq = seq;
  }

  /** The commit up to which all views were told. */
  get toldSeq(): number {
    return this.#toldSeq;
  }

  whole(entry: Entry, isSilent: boolean, hidden: readonly string[]): Change {
    const next = this.#wholes.get(entry);
    const known = find(next, isSilent, hidden);
    if (known !== undefined) return known;
    const change = entry.whole(this.#shapes, isSilent, hidden);
    this.#wholes.set(entry, { hidden, change, next });
    return change;
  }

  update(entry: Entry, base: number, isSilent: boolean, hidden: readonly string[]): Change {
    if (base !== this.#toldSeq) return entry.update(base, this.#shapes, isSilent, hidden);
    const next = this.#updates.get(entry);
    const known = find(next, isSilent, hidden);
    if (known !== undefined) return known;
    const change = entry.update(base, this.#shapes, isSilent, hidden);
    this.#updates.set(entry, { hidden, change, next });
    return change;
  }

  /** The world goes on: what was made is outdated. */
  outdate(): void {
    this.bodies.clear();
    this.#wholes.clear();
    this.#updates.clear();
  }

  /** Everyone was told all up to this commit. */
  told(seq: number): void {
    this.#toldSeq = seq;
    this.outdate();
  }
}

function find(
  made: Made | undefined,
  isSilent: boolean,
  hidden: readonly string[],
): Change | undefined {
  for (let one = made; one !== undefined; one = one.next) {
    if (one.change.silent === isSilent && hidesSame(one.hidden, hidden)) return one.change;
  }
  return undefined;
}
