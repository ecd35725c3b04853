/**
 * What the application is still to be told. It hears nothing while something is being changed, and
 * what it causes by its own calls comes after all that it is being told.
 */
export class News {
  readonly #items: (() => void)[] = [];
  #isTelling = false;

  /** `tell` must not throw. */
  add(tell: () => void): void {
    this.#items.push(tell);
  }

  /** Called when all state is consistent. */
  tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    for (const tell of this.#items) tell(); // also what is added meanwhile
    // Not a new list: the engine keeps for long what hangs on an old one that has become garbage.
    this.#items.length = 0;
    this.#isTelling = false;
  }
}
