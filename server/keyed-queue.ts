/** Runs tasks that share a key one after another, in the order they came, and others side by side. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<void>>();

  /** What comes with the key `to` from now on also waits for what has come with `from`. */
  join(from: string, to: string): void {
    const before = [from, to].map((key) => this.#tailOf(key));
    const done = Promise.all(before).then(() => undefined);
    void this.#setTails([to], done);
  }

  /** `task` must not reject. */
  run(keys: readonly string[], task: () => Promise<void>): Promise<void> {
    const before = keys.map((key) => this.#tailOf(key));
    const done = Promise.all(before).then(task);
    return this.#setTails(keys, done);
  }

  #tailOf(key: string): Promise<void> {
    return this.#tails.get(key) ?? Promise.resolve();
  }

  /** Resolves when this is done, and what nobody waits for any more is forgotten. */
  #setTails(keys: readonly string[], done: Promise<void>): Promise<void> {
    for (const key of keys) this.#tails.set(key, done);
    return done.then(() => {
      for (const key of keys) if (this.#tails.get(key) === done) this.#tails.delete(key);
    });
  }
}
