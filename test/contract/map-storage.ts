import { SyncError } from "../../client/index.ts";
import type { ClientStorage } from "../../client/index.ts";
import type { StorageMedium } from "../../client/testing/index.ts";

/** What a storage can get wrong; each must be noticed by the contract's checks. */
export const storageFaults = {
  "is empty when it is opened again": "forgets",
  "keeps a write in parts": "torn",
  "keeps half of a write that fails": "keepsHalf",
  "forgets everything when a write fails": "wipes",
  "says nothing when there is no room": "silentlyFull",
  "fails with another error when there is no room": "otherError",
  "gives entries in the order in which they came": "unsorted",
  "sorts as people do": "localeOrder",
  "takes a prefix for a part": "anyPart",
  "ignores the prefix": "noPrefix",
  "keeps a removed key as empty": "emptyForRemoved",
  "loses empty values": "noEmpty",
  "loses the empty key": "noEmptyKey",
  "keeps texts as UTF-8": "utf8",
  "cuts texts at NUL": "cutsAtNul",
  "cuts long values": "cuts",
  "looks at the changes later": "looksLater",
  "finishes writes in any order": "anyOrder",
  "writes back all that it has read": "writesBack",
  "drops what was not finished when it is closed": "dropsAtClose",
  "goes on after it is closed": "neverCloses",
  "gives a name to everyone": "freeForAll",
  "gives a name twice to the same opening": "reentrant",
  "locks each opening for itself": "ownLocks",
  "has one lock": "oneLock",
  "looks first, and takes the name later": "racyLock",
  "gives back what somebody else holds by now": "givesBackTwice",
  "holds its names after it is closed": "holdsForever",
  "gives back everybody's names when it is closed": "freesAll",
  "keeps its locks among the entries": "lockEntries",
} as const;

export type StorageFault = (typeof storageFaults)[keyof typeof storageFaults];

interface Kept {
  readonly entries: Map<string, string>;
  readonly holders: Map<string, MapStorage>;
}

const VALUE_LENGTH_MAX = 2_000_000;

/** A medium as simple as can be, whose storages can have a fault. */
export function mapMedium(fault?: StorageFault): StorageMedium {
  const kept: Kept = { entries: new Map(), holders: new Map() };
  return {
    valueLengthMax: VALUE_LENGTH_MAX,
    open: () => {
      if (fault === "forgets") kept.entries.clear();
      const own = fault === "ownLocks" ? { ...kept, holders: new Map<string, MapStorage>() } : kept;
      return new MapStorage(own, fault);
    },
    remove: () => kept.entries.clear(),
  };
}

class MapStorage implements ClientStorage {
  readonly #kept: Kept;
  readonly #fault: StorageFault | undefined;
  readonly #copy: Map<string, string>;
  #isClosed = false;

  constructor(kept: Kept, fault: StorageFault | undefined) {
    this.#kept = kept;
    this.#fault = fault;
    this.#copy = new Map(kept.entries);
  }

  async read(prefix: string): Promise<(readonly [string, string])[]> {
    await this.#turn();
    const fits = (key: string): boolean => {
      if (this.#is("noPrefix")) return true;
      return this.#is("anyPart") ? key.includes(prefix) : key.startsWith(prefix);
    };
    const found = [...this.#kept.entries].filter(([key]) => fits(key));
    if (this.#is("unsorted")) return found;
    if (this.#is("localeOrder")) return found.sort(([a], [b]) => a.localeCompare(b));
    return found.sort(([a], [b]) => (a < b ? -1 : 1));
  }

  async write(changes: ReadonlyMap<string, string | undefined>): Promise<void> {
    if (this.#is("keepsHalf")) for (const [key, value] of changes) this.#put(key, value);
    if (this.#is("wipes")) this.#wipeIfUnreadable(changes);
    const taken = this.#is("looksLater") ? changes : [...changes];
    await this.#turn();
    if (this.#is("anyOrder") && changes.get("last") === "7") await turns(20);
    if (this.#is("dropsAtClose")) await turns(3);
    if (this.#is("dropsAtClose") && this.#isClosed) return;
    const isTooMuch = Array.from(taken).some(([, value]) => this.#isTooLong(value));
    if (isTooMuch && this.#is("silentlyFull")) return;
    if (isTooMuch && this.#is("otherError")) throw new Error("full");
    if (isTooMuch) throw new SyncError("storage_failed", "full");
    if (this.#is("writesBack")) this.#writeBack(taken);
    for (const [key, value] of taken) {
      if (this.#is("torn")) await turns(1);
      this.#put(key, value);
    }
  }

  async lock(name: string): Promise<(() => void) | undefined> {
    await this.#turn();
    const { holders, entries } = this.#kept;
    const key = this.#is("oneLock") ? "" : name;
    const holder = holders.get(key);
    if (holder === this && !this.#is("reentrant") && !this.#is("freeForAll")) return undefined;
    if (holder !== undefined && holder !== this && !this.#is("freeForAll")) return undefined;
    if (this.#is("racyLock")) await turns(2);
    holders.set(key, this);
    if (this.#is("lockEntries")) entries.set(`lock:${name}`, "");
    let isHeld = true;
    return () => {
      if (isHeld || this.#is("givesBackTwice")) holders.delete(key);
      isHeld = false;
    };
  }

  async close(): Promise<void> {
    await Promise.resolve();
    this.#isClosed = true;
    if (this.#is("holdsForever")) return;
    const { holders } = this.#kept;
    for (const [name, holder] of holders) {
      if (holder === this || this.#is("freesAll")) holders.delete(name);
    }
  }

  #is(fault: StorageFault): boolean {
    return this.#fault === fault;
  }

  async #turn(): Promise<void> {
    if (this.#isClosed && !this.#is("neverCloses")) throw new SyncError("closed", "");
    await Promise.resolve();
  }

  #put(key: string, value: string | undefined): void {
    const { entries } = this.#kept;
    const kept = value === undefined ? undefined : this.#altered(value);
    if (kept === undefined && !this.#is("emptyForRemoved")) entries.delete(key);
    else if (key !== "" || !this.#is("noEmptyKey"))
      entries.set(this.#altered(key) ?? "", kept ?? "");
  }

  #altered(text: string): string | undefined {
    if (this.#is("noEmpty") && text === "") return undefined;
    if (this.#is("utf8")) return Buffer.from(text).toString();
    if (this.#is("cutsAtNul")) return text.split("\0", 1)[0];
    return this.#is("cuts") ? text.slice(0, 65_536) : text;
  }

  #isTooLong(value: string | undefined): boolean {
    return value !== undefined && value.length > VALUE_LENGTH_MAX;
  }

  #wipeIfUnreadable(changes: ReadonlyMap<string, string | undefined>): void {
    try {
      [...changes].forEach(() => undefined);
    } catch {
      this.#kept.entries.clear();
    }
  }

  #writeBack(changes: Iterable<readonly [string, string | undefined]>): void {
    for (const [key, value] of changes) {
      if (value === undefined) this.#copy.delete(key);
      else this.#copy.set(key, value);
    }
    this.#kept.entries.clear();
    for (const [key, value] of this.#copy) this.#kept.entries.set(key, value);
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}
