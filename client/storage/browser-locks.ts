import { takeLease } from "./lease.ts";

/**
 * The names that one opening of a place has taken from all tabs and windows: as Web Locks, which end
 * with the page; or where the page is not secure (http, but not localhost) and has none, as leases in
 * a Storage.
 */
export class BrowserLocks {
  readonly #place: string;
  readonly #leases: () => Storage;
  readonly #held = new Set<() => void>();
  #isClosed = false;

  /** `place` is what it shares with nobody but other openings of the same. */
  constructor(place: string, leases: () => Storage) {
    this.#place = place;
    this.#leases = leases;
  }

  async take(name: string): Promise<(() => void) | undefined> {
    const key = `${this.#place}/lock/${name}`;
    const release = await (webLocks() === undefined
      ? takeLease(this.#leases(), key)
      : takeWebLock(key));
    if (release === undefined) return undefined;
    const giveBack = (): void => {
      if (this.#held.delete(giveBack)) release();
    };
    this.#held.add(giveBack);
    if (this.#isClosed) giveBack();
    return this.#isClosed ? undefined : giveBack;
  }

  close(): void {
    this.#isClosed = true;
    for (const giveBack of this.#held) giveBack();
  }
}

/** Does it while no other tab or window does the same under this name, where that can be known. */
export async function exclusively<Result>(name: string, action: () => Result): Promise<Result> {
  const locks = webLocks();
  return locks === undefined ? action() : locks.request(name, () => action());
}

function takeWebLock(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const holding = webLocks()?.request(name, { ifAvailable: true }, (lock) => {
      if (lock !== null) return new Promise<void>((giveBack) => resolve(giveBack));
      resolve(undefined);
      return undefined;
    });
    holding?.catch(reject);
  });
}

/** Undefined in pages that are not secure, whatever the types say. */
function webLocks(): LockManager | undefined {
  const { navigator } = globalThis as { navigator?: { readonly locks?: LockManager } };
  return navigator?.locks;
}
