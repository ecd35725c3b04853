/**
 * What the application is still to be told. It hears nothing while something is being changed, and
 * what it causes by its own calls comes after all that it is being told.
 */
export class News {
  #items: (() => void)[] = [];
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
    this.#items = [];
    this.#isTelling = false;
  }
}
