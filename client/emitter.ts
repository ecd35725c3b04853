import { EventEmitter } from "eventemitter3";

import { SyncError } from "../lib/errors.ts";

/** Any function: who emits knows what it takes. */
export type AnyListener = (...args: never) => void;
type Guard = (...args: unknown[]) => void;
export type Undo = () => void;

/** Told what a function of the application threw, so that nothing else is disturbed by it. */
export type OnThrow = (cause: unknown) => void;

/** An emitter on which no listener can break what is told to the others, or the one who tells. */
export class SafeEmitter {
  readonly #emitter = new EventEmitter();
  readonly #guards = new WeakMap<AnyListener, Guard>();
  readonly #onThrow: OnThrow;

  constructor(onThrow: OnThrow) {
    this.#onThrow = onThrow;
  }

  /** Returns what takes this very listener away again. */
  on(name: string, listener: AnyListener): Undo {
    const guard = this.#guardOf(listener);
    const token = {};
    this.#emitter.on(name, guard, token);
    return () => this.#emitter.off(name, guard, token);
  }

  once(name: string, listener: AnyListener): Undo {
    const guard = this.#guardOf(listener);
    const token = {};
    this.#emitter.once(name, guard, token);
    return () => this.#emitter.off(name, guard, token);
  }

  off(name: string, listener: AnyListener): void {
    const guard = this.#guards.get(listener);
    if (guard !== undefined) this.#emitter.off(name, guard);
  }

  /** Whether there was a listener. */
  emit(name: string, ...args: unknown[]): boolean {
    return this.#emitter.emit(name, ...args);
  }

  get isIdle(): boolean {
    return this.#emitter.eventNames().length === 0;
  }

  removeAll(): void {
    this.#emitter.removeAllListeners();
  }

  /** The same guard for the same listener, so that `off` finds it. */
  #guardOf(listener: AnyListener): Guard {
    if (typeof listener !== "function") {
      throw new SyncError("invalid_payload", "a listener must be a function");
    }
    const guard = this.#guards.get(listener) ?? guarded(listener as Guard, this.#onThrow);
    this.#guards.set(listener, guard);
    return guard;
  }
}

/** The same function, but it never throws. */
export function guarded<Args extends unknown[]>(
  listener: (...args: Args) => void,
  onThrow: OnThrow,
): (...args: Args) => void {
  return (...args) => {
    try {
      listener(...args);
    } catch (cause) {
      onThrow(cause);
    }
  };
}
