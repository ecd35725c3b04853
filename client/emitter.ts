import { SyncError } from "../lib/errors.ts";

/** Any function: who emits knows what it takes. */
export type AnyListener = (...args: never) => void;
export type Undo = () => void;

interface Entry {
  readonly listener: (...args: unknown[]) => void;
  readonly isOnce: boolean;
}

/**
 * Tells listeners by name. None of them can break what is told to the others, or the one who tells:
 * what it throws goes to `onThrow`.
 */
export class SafeEmitter {
  readonly #onThrow: (cause: unknown) => void;
  /** Replaced, never changed: who is being told keeps to the list that it began with. */
  readonly #entries = new Map<string, readonly Entry[]>();

  constructor(onThrow: (cause: unknown) => void) {
    this.#onThrow = onThrow;
  }

  /** Returns what takes this very listener away again. */
  on(name: string, listener: AnyListener, isOnce = false): Undo {
    if (typeof listener !== "function") {
      throw new SyncError("invalid_payload", "a listener must be a function");
    }
    const entry = { listener: listener as Entry["listener"], isOnce };
    this.#entries.set(name, [...(this.#entries.get(name) ?? []), entry]);
    return () => this.#keep(name, (other) => other !== entry);
  }

  off(name: string, listener: AnyListener): void {
    this.#keep(name, (entry) => entry.listener !== listener);
  }

  /** Whether there was a listener. */
  emit(name: string, ...args: unknown[]): boolean {
    const entries = this.#entries.get(name);
    for (const entry of entries ?? []) {
      if (entry.isOnce) this.#keep(name, (other) => other !== entry);
      this.call(entry.listener, ...args);
    }
    return entries !== undefined;
  }

  /** Runs a callback of the application's as if it were a listener. */
  call<Args extends unknown[]>(callback: (...args: Args) => void, ...args: Args): void {
    try {
      callback(...args);
    } catch (cause) {
      this.#onThrow(cause);
    }
  }

  removeAll(): void {
    this.#entries.clear();
  }

  #keep(name: string, isKept: (entry: Entry) => boolean): void {
    const entries = this.#entries.get(name)?.filter(isKept) ?? [];
    if (entries.length > 0) this.#entries.set(name, entries);
    else this.#entries.delete(name);
  }
}
