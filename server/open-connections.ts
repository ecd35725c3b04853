interface Connection {
  once(event: "close", listener: () => void): unknown;
}

/** Connections that are not closed yet: what was sent last may still be on its way out. */
export class OpenConnections {
  readonly #open = new Set<Connection>();
  #onGone: () => void = () => undefined;

  add(connection: Connection): void {
    if (this.#open.has(connection)) return;
    this.#open.add(connection);
    connection.once("close", () => {
      this.#open.delete(connection);
      if (this.#open.size === 0) this.#onGone();
    });
  }

  async gone(patienceMs: number): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      this.#onGone = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
