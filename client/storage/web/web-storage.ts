import { BrowserLocks, exclusively } from "../browser-locks.ts";
import { storageClosed, storageFailed } from "../failure.ts";
import type { ClientStorage } from "../storage.ts";
import { Entries } from "./entries.ts";

export interface WebStorageOptions {
  /** Which of the origin's storages; "default" unless given. */
  readonly name?: string | undefined;
  /**
   * `localStorage`, which all tabs of an origin share, unless given; `sessionStorage` is a tab's own,
   * and ends with it.
   */
  readonly area?: "localStorage" | "sessionStorage" | Storage | undefined;
}

/**
 * Keeps what it is given in the browser's Web Storage, which has room for about five million
 * characters, and needs twice the room of a write while it is made. Use `indexedDbStorage` where
 * there may be more, or where a power failure must cost nothing: browsers put this on the disk seconds
 * later.
 */
export function webStorage({
  name = "default",
  area = "localStorage",
}: WebStorageOptions = {}): ClientStorage {
  return new WebStorage(name, area);
}

interface Opened {
  readonly entries: Entries;
  readonly locks: BrowserLocks;
}

class WebStorage implements ClientStorage {
  readonly #place: string;
  readonly #area: NonNullable<WebStorageOptions["area"]>;
  #opened: Opened | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(name: string, area: NonNullable<WebStorageOptions["area"]>) {
    this.#place = `object-sync/${encodeURIComponent(name)}`;
    this.#area = area;
  }

  read(prefix: string): Promise<readonly (readonly [string, string])[]> {
    return this.#inTurn("cannot be read", ({ entries }) => entries.read(prefix));
  }

  async write(changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    const taken = [...changes];
    return this.#inTurn("cannot keep this", ({ entries }) =>
      // Two tabs must not write one journal. A sessionStorage is nobody else's.
      this.#area === "sessionStorage"
        ? entries.write(taken)
        : exclusively(`${this.#place}/write`, () => entries.write(taken)),
    );
  }

  async lock(name: string): Promise<(() => void) | undefined> {
    const { locks } = await this.#inTurn("cannot be opened", (opened) => opened);
    return this.#attempt("cannot take a name", () => locks.take(name));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
    this.#opened?.locks.close();
  }

  /** After what was called before. */
  #inTurn<Result>(
    failing: string,
    action: (opened: Opened) => Result | Promise<Result>,
  ): Promise<Result> {
    if (this.#isClosed) return Promise.reject(storageClosed());
    const result = this.#last.then(() =>
      this.#attempt(failing, () => action((this.#opened ??= this.#open()))),
    );
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #attempt<Result>(failing: string, action: () => Result | Promise<Result>): Promise<Result> {
    try {
      return await action();
    } catch (cause) {
      throw storageFailed(this.#place, failing, cause);
    }
  }

  /** Where it is blocked, the browser throws. */
  #open(): Opened {
    const area = typeof this.#area === "string" ? globalThis[this.#area] : this.#area;
    const entries = new Entries(area, this.#place);
    const isShared = this.#area !== "sessionStorage";
    const place = isShared ? this.#place : `${this.#place}/${entries.id}`;
    return { entries, locks: new BrowserLocks(place, () => (isShared ? area : localStorage)) };
  }
}
