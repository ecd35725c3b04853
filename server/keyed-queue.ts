/** Runs tasks that share a key one after another, in the order they came, and others side by side. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<void>>();

  /** `task` must not reject. */
  run(keys: readonly string[], task: () => Promise<void>): Promise<void> {
    const before = keys.map((key) => this.#tails.get(key) ?? Promise.resolve());
    const done = Promise.all(before).then(task);
    for (const key of keys) this.#tails.set(key, done);
    return done.then(() => {
      for (const key of keys) if (this.#tails.get(key) === done) this.#tails.delete(key);
    });
  }
}
