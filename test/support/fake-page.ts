/** What a page offers, in Node: a Storage with a quota, of which several tabs have one each. */
export class FakeStorage implements Storage {
  readonly #kept: Map<string, string>;
  readonly #lengthMax: number;
  /** After so many calls that change something the page is gone: nothing more happens. */
  callsLeft = Infinity;

  constructor(kept = new Map<string, string>(), lengthMax = Infinity) {
    this.#kept = kept;
    this.#lengthMax = lengthMax;
  }

  get length(): number {
    return this.#kept.size;
  }

  key(index: number): string | null {
    return [...this.#kept.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.#kept.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.#count();
    const before = this.#kept.get(key);
    let length =
      key.length + value.length - (before === undefined ? 0 : key.length + before.length);
    for (const [name, kept] of this.#kept) length += name.length + kept.length;
    if (length > this.#lengthMax) throw new DOMException("it is full", "QuotaExceededError");
    this.#kept.set(key, value);
  }

  removeItem(key: string): void {
    this.#count();
    this.#kept.delete(key);
  }

  clear(): void {
    this.#kept.clear();
  }

  #count(): void {
    if (this.callsLeft === 0) throw new Error("the page is gone");
    this.callsLeft -= 1;
  }
}

/** The rest of a page that is not secure: no Web Locks. Returns its undo. */
export function fakePage(globals: Readonly<Record<string, unknown>>): () => void {
  const given = { navigator: {}, addEventListener, removeEventListener, ...globals };
  const before = Object.entries(given).map(([name]) => {
    return [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const;
  });
  for (const [name, value] of Object.entries(given)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return () => {
    for (const [name, descriptor] of before) {
      Reflect.deleteProperty(globalThis, name);
      if (descriptor !== undefined) Object.defineProperty(globalThis, name, descriptor);
    }
  };
}

const listeners = new EventTarget();
const addEventListener = listeners.addEventListener.bind(listeners);
const removeEventListener = listeners.removeEventListener.bind(listeners);

/** What a tab does as it goes. */
export function hidePage(persisted: boolean): void {
  listeners.dispatchEvent(Object.assign(new Event("pagehide"), { persisted }));
}
