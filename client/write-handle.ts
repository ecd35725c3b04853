const STAGES = ["local", "stored", "sent", "uncertain", "accepted", "durable", "rejected"] as const;
/** Beyond this nothing more happens to a write. */
const OVER = STAGES.indexOf("accepted");

/**
 * How far a write has got.
 *
 * - `local`: it shows here, unless the client is not optimistic
 * - `stored`: it outlives this page or process
 * - `sent`: a server may have it
 * - `uncertain`: a server may have taken it, and has forgotten whether it did: see the event
 * - `accepted`: the server has taken it, for as long as that server lives
 * - `durable`: the server has taken it, and its store survives its end
 * - `rejected`: it failed, with the error that its promise has. Unless that says otherwise (`closed`,
 *   `uncertain`), it has changed nothing
 */
export type WriteStage = (typeof STAGES)[number];

/** A write on its way: a promise of what becomes of it, which also tells how far it is. */
export class WriteHandle<Result> extends Promise<Result> {
  /** What `then` returns is a plain promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  #stage: WriteStage = "local";
  #waiting: (() => void)[] | undefined;

  get stage(): WriteStage {
    return this.#stage;
  }

  /** Resolves with the stage when the write has got this far or further, or when it is over. */
  async reached(wanted: WriteStage): Promise<WriteStage> {
    const least = Math.min(STAGES.indexOf(wanted), OVER);
    while (STAGES.indexOf(this.#stage) < least) {
      await new Promise<void>((resolve) => (this.#waiting ??= []).push(resolve));
    }
    return this.#stage;
  }

  /** For the client that carries it. What a storage says of it when it is over comes too late. */
  static reach(handle: WriteHandle<unknown>, stage: WriteStage): void {
    if (STAGES.indexOf(handle.#stage) >= OVER) return;
    handle.#stage = stage;
    const waiting = handle.#waiting;
    handle.#waiting = undefined;
    for (const resume of waiting ?? []) resume();
  }
}
