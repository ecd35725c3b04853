import type { ClientStorage } from "../../client/storage/storage.ts";
import { memoryStorage, type SharedMemory } from "../../client/storage/memory.ts";

/** A storage in memory that, from `hold` on, writes nothing before it is let: one `let` for each write. */
export class HeldStorage implements ClientStorage {
  readonly #storage: ClientStorage;
  readonly #asked: (() => void)[] = [];
  readonly #watching: (() => void)[] = [];
  #isHolding = false;

  constructor(memory: SharedMemory) {
    this.#storage = memoryStorage(memory);
  }

  hold(): void {
    this.#isHolding = true;
  }

  /** Resolves with what lets the next write happen, when it is asked for. */
  async next(): Promise<() => void> {
    if (this.#asked.length === 0)
      await new Promise<void>((resolve) => this.#watching.push(resolve));
    return this.#asked.shift() as () => void;
  }

  /** Lets all that waits, and all that comes. */
  release(): void {
    this.#isHolding = false;
    for (const go of this.#asked.splice(0)) go();
  }

  async write(changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    const taken = new Map(changes);
    if (this.#isHolding) {
      await new Promise<void>((resolve) => {
        this.#asked.push(resolve);
        this.#watching.shift()?.();
      });
    }
    await this.#storage.write(taken);
  }

  read(prefix: string): Promise<readonly (readonly [string, string])[]> {
    return this.#storage.read(prefix);
  }

  lock(name: string): Promise<(() => void) | undefined> {
    return this.#storage.lock(name);
  }

  close(): Promise<void> {
    return this.#storage.close();
  }
}
