import { SyncError } from "../../lib/index.ts";
import type { ClientStorage } from "./storage.ts";

/** What several memory storages share, as tabs share the storage of their browser. */
export class SharedMemory {
  readonly entries = new Map<string, string>();
  /** Who holds each name that is taken. */
  readonly holders = new Map<string, ClientStorage>();
}

/**
 * Keeps what it is given for as long as the process runs: for tests, and for sharing with the next
 * client in the same process, by giving both the same memory.
 */
export function memoryStorage(memory: SharedMemory = new SharedMemory()): ClientStorage {
  return new MemoryStorage(memory);
}

class MemoryStorage implements ClientStorage {
  readonly #memory: SharedMemory;
  #isClosed = false;

  constructor(memory: SharedMemory) {
    this.#memory = memory;
  }

  async read(prefix: string): Promise<(readonly [string, string])[]> {
    await this.#ready();
    const found = [...this.#memory.entries].filter(([key]) => key.startsWith(prefix));
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  async write(changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    const taken = [...changes];
    await this.#ready();
    for (const [key, value] of taken) {
      if (value === undefined) this.#memory.entries.delete(key);
      else this.#memory.entries.set(key, value);
    }
  }

  async lock(name: string): Promise<(() => void) | undefined> {
    await this.#ready();
    const { holders } = this.#memory;
    if (this.#isClosed || holders.has(name)) return undefined;
    holders.set(name, this);
    let isHeld = true;
    return () => {
      if (isHeld && holders.get(name) === this) holders.delete(name);
      isHeld = false;
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const { holders } = this.#memory;
    for (const [name, holder] of holders) if (holder === this) holders.delete(name);
    return Promise.resolve();
  }

  /** One turn, always the same: so calls take effect in their order, as elsewhere. */
  async #ready(): Promise<void> {
    if (this.#isClosed) throw new SyncError("closed", "the storage was closed");
    await Promise.resolve();
  }
}
