/** How often it is looked at how far a long work is. */
const EVERY_ITEMS = 1_000;

/** Tells on a terminal how far it is; says nothing into a file or pipe. */
export class Progress {
  readonly #isShown = process.stderr.isTTY;

  show(text: string): void {
    if (this.#isShown) process.stderr.write(`\r\u001b[K${text}`);
  }

  /** Passes items on, and tells how many there were. */
  async *count<Item>(
    items: Iterable<Item> | AsyncIterable<Item>,
    verb: string,
  ): AsyncGenerator<Item> {
    let count = 0;
    for await (const item of items) {
      if (count++ % EVERY_ITEMS === 0) this.show(`${verb} ${count.toLocaleString("en")} ...`);
      yield item;
    }
  }

  end(): void {
    this.show("");
  }
}
