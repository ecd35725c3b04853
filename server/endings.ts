import type { IdentityKey } from "./identity.ts";

/** Whose endings are remembered. Who was being let in while as many others were ended comes again. */
const ENDINGS_MAX = 1_000;

/**
 * Whose sessions were ended lately. Credentials are checked before their session begins: who is ended
 * in between would otherwise stay.
 */
export class Endings {
  readonly #last = new Map<IdentityKey, number>();
  #count = 0;
  /** All up to this one are forgotten. */
  #horizon = 0;

  /** How many there were: a moment, to compare with. */
  get count(): number {
    return this.#count;
  }

  add(key: IdentityKey): void {
    this.#count += 1;
    this.#last.delete(key);
    this.#last.set(key, this.#count);
    if (this.#last.size <= ENDINGS_MAX) return;
    const [oldest] = this.#last as Iterable<[IdentityKey, number]>;
    if (oldest === undefined) return;
    this.#last.delete(oldest[0]);
    this.#horizon = oldest[1];
  }

  /** Whether the sessions of this identity were ended after that moment, or may have been. */
  hasSince(moment: number, key: IdentityKey | undefined): boolean {
    return key !== undefined && (this.#last.get(key) ?? this.#horizon) > moment;
  }
}
