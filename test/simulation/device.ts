import type { ClientStorage } from "../../client/storage/storage.ts";
import { SyncError } from "../../lib/errors.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import type { DeviceScenario } from "./scenario.ts";
import type { Timeline } from "./timeline.ts";

type Changes = ReadonlyMap<string, string | undefined>;

/**
 * What the clients of one user keep their state in, one after another and, as tabs do, side by side:
 * slow, and full now and then. A process may end at any moment: what it was about to keep is then
 * kept up to some change that it had asked for, and what it held locked is free.
 */
export class Device {
  readonly #timeline: Timeline;
  readonly #random: SeededRandom;
  readonly #scenario: DeviceScenario;
  readonly #isCalm: () => boolean;
  readonly #entries = new Map<string, string>();
  readonly #holders = new Map<string, SimProcess>();
  /** What each process has asked for, and the device has not done yet. */
  readonly #queues = new Map<SimProcess, (() => void)[]>();
  /** Tokens of writes that were reported stored when their writer ended. */
  readonly promised = new Set<string>();
  /** Tokens of writes of which a later client was told that they failed. */
  readonly rejected = new Set<string>();

  constructor(
    timeline: Timeline,
    random: SeededRandom,
    scenario: DeviceScenario,
    isCalm: () => boolean,
  ) {
    this.#timeline = timeline;
    this.#random = random;
    this.#scenario = scenario;
    this.#isCalm = isCalm;
  }

  /** The storage as one process has it. */
  storageFor(process: SimProcess): ClientStorage {
    const does = <Result>(action: () => Result): Promise<Result> => this.#does(process, action);
    let isClosed = false;
    const checkOpen = (): void => {
      if (isClosed) throw new SyncError("closed", "the storage was closed");
    };
    return {
      read: async (prefix) => {
        checkOpen();
        return does(() => this.#read(prefix));
      },
      write: async (changes) => {
        checkOpen();
        const taken: Changes = new Map(changes);
        return does(() => this.#write(taken));
      },
      lock: async (name) => {
        checkOpen();
        return does(() => this.#lock(name, process));
      },
      close: async () => {
        isClosed = true;
        await does(() => undefined);
        this.#unlockAll(process);
      },
    };
  }

  /** Some of what the process has asked for last is still done, and nothing after it. */
  ended(process: SimProcess): void {
    const queue = this.#queues.get(process) ?? [];
    this.#queues.delete(process);
    for (const action of queue.slice(0, this.#random.below(queue.length + 1))) action();
    this.#unlockAll(process);
  }

  /** Whether it keeps a write of which this is the token. */
  holds(token: string): boolean {
    return [...this.#entries.values()].some((text) => text.includes(`"${token}\\"`));
  }

  /** Writes of clients that somebody has taken over, or still is. */
  unfinished(): string[] {
    const boxes = [...this.#holders.keys()].map((name) => name.replace("/client/", "/write/"));
    return [...this.#entries.keys()].filter((key) =>
      boxes.some((box) => key.startsWith(`${box}/`)),
    );
  }

  #unlockAll(process: SimProcess): void {
    for (const [name, holder] of this.#holders) {
      if (holder === process) this.#holders.delete(name);
    }
  }

  /** After a while, and after all that the process has asked for before. */
  #does<Result>(process: SimProcess, action: () => Result): Promise<Result> {
    const { delayMaxMs } = this.#scenario;
    const queue = this.#queues.get(process) ?? [];
    this.#queues.set(process, queue);
    return new Promise((resolve, reject) => {
      const answer = (settle: () => void): void => {
        this.#timeline.after(this.#random.between(0, delayMaxMs), () => process.run(settle));
      };
      queue.push(() => {
        try {
          const result = action();
          answer(() => resolve(result));
        } catch (error) {
          const failure = error as SyncError;
          answer(() => reject(failure));
        }
      });
      this.#timeline.after(this.#random.between(0, delayMaxMs), () => queue.shift()?.());
    });
  }

  #read(prefix: string): (readonly [string, string])[] {
    this.#fail();
    const found = [...this.#entries].filter(([key]) => key.startsWith(prefix));
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  #write(changes: Changes): void {
    this.#fail();
    for (const [key, value] of changes) {
      if (value === undefined) this.#entries.delete(key);
      else this.#entries.set(key, value);
    }
  }

  #lock(name: string, process: SimProcess): (() => void) | undefined {
    if (!process.isAlive || this.#holders.has(name)) return undefined;
    this.#holders.set(name, process);
    return () => {
      if (this.#holders.get(name) === process) this.#holders.delete(name);
    };
  }

  #fail(): void {
    if (this.#isCalm() || !this.#random.chance(this.#scenario.failChance)) return;
    throw new SyncError("storage_failed", "the device is full");
  }
}
