import type { Entry } from "../lib/entry.ts";
import type { Environment } from "../lib/environment.ts";
import type { Applied, World } from "../lib/world.ts";
import { flushIntervalMs, type Flush } from "./flush-policy.ts";
import type { Sessions } from "./sessions.ts";

/** Decides when changes go out, and sends what has changed since the last time to every session. */
export class Flusher {
  readonly #world: World;
  readonly #sessions: Sessions;
  readonly #flush: Flush;
  readonly #environment: Environment;
  readonly #isReadable: () => boolean;
  /** Entries whose changes since the last flush were all silent. */
  readonly #silent = new Set<Entry>();
  #isDue = false;
  #isLate = false;
  #flushedSeq: number;
  #flushedAt = -Infinity;
  #costMs = 0;

  /** `isReadable` tells whether the world holds nothing that its store might still refuse. */
  constructor(
    world: World,
    sessions: Sessions,
    flush: Flush,
    environment: Environment,
    isReadable: () => boolean,
  ) {
    this.#world = world;
    this.#sessions = sessions;
    this.#flush = flush;
    this.#environment = environment;
    this.#isReadable = isReadable;
    this.#flushedSeq = world.seq;
  }

  /** Whether a flush has waited for the store: it is to come as soon as that has answered. */
  get isLate(): boolean {
    return this.#isLate;
  }

  /** An object changed. A flush is silent about it only if all its changes were. */
  note(applied: Applied, isSilent: boolean): void {
    const { entry } = applied;
    if (!isSilent) this.#silent.delete(entry);
    else if (applied.kind === "create" || applied.before.revision <= this.#flushedSeq) {
      this.#silent.add(entry);
    }
  }

  /** Flushes now, or when the time since the last flush has passed that the options ask for. */
  flushInTime(): void {
    if (this.#isDue) return;
    const { clock, scheduler } = this.#environment;
    const intervalMs = flushIntervalMs(this.#flush, this.#costMs, this.#sessions.size);
    const delayMs = this.#flushedAt + intervalMs - clock.now();
    if (delayMs <= 0) {
      this.flush();
      return;
    }
    this.#isDue = true;
    scheduler.after(delayMs, () => {
      this.#isDue = false;
      // What is being stored may still be taken back.
      if (this.#isReadable()) this.flush();
      else this.#isLate = true;
    });
  }

  flush(): void {
    const { clock } = this.#environment;
    this.#isLate = false;
    this.#flushedAt = clock.now();
    this.#sessions.flush(this.#silent, this.#flushedAt);
    this.#flushedSeq = this.#world.seq;
    this.#silent.clear();
    // Only now: nobody who is up to date can need what is forgotten here.
    this.#world.prune(this.#flushedAt);
    this.#costMs = clock.now() - this.#flushedAt;
  }
}
