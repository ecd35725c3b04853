import type { Change } from "../../lib/delta.ts";
import { NOTHING_HIDDEN, type Entry } from "../../lib/entry.ts";
import type { ObjectShapes } from "../../lib/object-shape.ts";

/**
 * What views say of objects, made and encoded once for all of them: each change is one object for as
 * long as nobody was told it, and `bodies` has its bytes.
 */
export class SharedChanges {
  readonly bodies = new Map<Change, Uint8Array>();
  readonly #shapes: ObjectShapes;
  readonly #wholes = new Map<Entry, Change>();
  readonly #updates = new Map<Entry, Change>();
  #toldSeq: number;

  constructor(shapes: ObjectShapes, seq: number) {
    this.#shapes = shapes;
    this.#toldSeq = seq;
  }

  /** The commit up to which all views were told. */
  get toldSeq(): number {
    return this.#toldSeq;
  }

  whole(entry: Entry, isSilent: boolean): Change {
    const known = this.#wholes.get(entry);
    if (known?.silent === isSilent) return known;
    const made = entry.whole(this.#shapes, isSilent, NOTHING_HIDDEN);
    this.#wholes.set(entry, made);
    return made;
  }

  update(entry: Entry, base: number, isSilent: boolean): Change {
    if (base !== this.#toldSeq) return entry.update(base, this.#shapes, isSilent, NOTHING_HIDDEN);
    const known = this.#updates.get(entry);
    if (known?.silent === isSilent) return known;
    const made = entry.update(base, this.#shapes, isSilent, NOTHING_HIDDEN);
    this.#updates.set(entry, made);
    return made;
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
