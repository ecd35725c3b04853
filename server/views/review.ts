import type { Entry } from "../../lib/entry.ts";
import type { ObjectId } from "../../lib/object.ts";
import type { World } from "../../lib/world.ts";

/**
 * Looks again at objects of which it may be different now who sees what, in parts. Where that is all, it
 * goes round: when somebody asks for all again meanwhile, those that were looked at before are looked at
 * once more after the others, so that all were since the last who asked, and nothing was in vain.
 *
 * Nothing can be shown before that. Of what was looked at before the last who asked, anything may be hidden
 * now; so one could tell only of the rest. But a frame says that what its client has then is all that it
 * may see, and there is no way to say that of some of it nothing is known yet; and newcomers, who have
 * nothing, could not be told that this is all. So who asks for all more often than a round takes keeps
 * everybody waiting who is shown a part.
 */
export class Review implements Iterator<number, undefined> {
  readonly #world: World;
  /** Gives what it costs. */
  readonly #look: (entry: Entry) => number;
  readonly #named = new Set<ObjectId>();
  /** Through all objects, whose order is that in which they came. */
  #round: Iterator<Entry> | undefined;
  /** How many it has gone through, and after how many it is over. */
  #done = 0;
  #end = Infinity;
  /** The same for the round after it: 0 if none is needed. */
  #nextEnd = 0;

  constructor(world: World, look: (entry: Entry) => number) {
    this.#world = world;
    this.#look = look;
  }

  get isDue(): boolean {
    return this.#round !== undefined || this.#named.size > 0;
  }

  /** Of these objects, or of all. */
  add(ids: Iterable<ObjectId> | undefined): void {
    if (ids === undefined) {
      this.#named.clear();
      if (this.#round === undefined) this.#begin(Infinity);
      // Those that have gone since only make it go on for longer than it need.
      else [this.#end, this.#nextEnd] = [Infinity, this.#done];
    } else {
      // Else all are still to come.
      const isBegun = this.#round === undefined || this.#done > 0 || this.#end !== Infinity;
      if (isBegun) for (const id of ids) this.#named.add(id);
    }
  }

  next(): IteratorResult<number, undefined> {
    for (const id of this.#named) {
      this.#named.delete(id);
      const entry = this.#world.entry(id);
      if (entry !== undefined) return { value: this.#look(entry) };
    }
    if (this.#round === undefined) return { done: true, value: undefined };
    const step = this.#done < this.#end ? this.#round.next() : undefined;
    if (step?.done === false) {
      this.#done += 1;
      return { value: this.#look(step.value) };
    }
    this.#round = undefined;
    if (this.#nextEnd > 0) this.#begin(this.#nextEnd);
    return { value: 1 };
  }

  #begin(end: number): void {
    this.#round = this.#world.entries()[Symbol.iterator]();
    this.#done = 0;
    this.#end = end;
    this.#nextEnd = 0;
  }
}
