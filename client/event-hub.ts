import { SyncError } from "../lib/errors.ts";
import type { ReplicaEvent } from "../lib/showing.ts";
import type { ClientEventName, ClientEvents, ObjectEventName, SyncListener } from "./events.ts";

/** Any function: who emits knows what it takes. */
export type AnyListener = (...args: never) => void;
export type Undo = () => void;

/** Which objects a listener hears of: one, or those whose ids start with a namespace and a colon. */
export type Scope = "object" | "namespace";

/** The events of one object, or of one namespace. */
export interface ObjectEventSource<Held> {
  /** Returns what takes the listener away again. */
  on<Name extends ObjectEventName>(name: Name, listener: SyncListener<Held, Name>): Undo;
  once<Name extends ObjectEventName>(name: Name, listener: SyncListener<Held, Name>): Undo;
}

interface Entry {
  readonly listener: AnyListener;
  readonly isOnce: boolean;
  readonly undo: Undo;
}

/** By event. A list is replaced, never changed: who is being told keeps to the one that it began with. */
type Listeners = Map<string, readonly Entry[]>;
type Scopes = Map<string, Listeners>;

/**
 * Tells listeners what happens, by name. None of them can break what is told to the others, or the
 * one who tells: what it throws is an `error` event.
 */
export class EventHub {
  /** By what ids start with: nothing, or a namespace and its colon. They are few, and tried one by one. */
  readonly #starts: Scopes = new Map();
  readonly #objects: Scopes = new Map();
  #isReporting = false;

  /** Returns what takes this very listener away again. With a scope it hears of that alone. */
  on(name: string, listener: AnyListener, isOnce = false, scope?: Scope, of = ""): Undo {
    checkFunction(listener, "listener");
    const scopes = scope === "object" ? this.#objects : this.#starts;
    const key = scope === "namespace" ? `${of}:` : of;
    const listeners: Listeners = scopes.get(key) ?? new Map<string, readonly Entry[]>();
    const undo = (): void => {
      keep(listeners, name, (other) => other !== entry);
      if (listeners.size === 0 && scopes.get(key) === listeners) scopes.delete(key);
    };
    const entry: Entry = { listener, isOnce, undo };
    listeners.set(name, [...(listeners.get(name) ?? []), entry]);
    scopes.set(key, listeners);
    return undo;
  }

  of<Held>(scope: Scope, of: string): ObjectEventSource<Held> {
    return {
      on: (name, listener) => this.on(name, listener, false, scope, of),
      once: (name, listener) => this.on(name, listener, true, scope, of),
    };
  }

  off(name: string, listener: AnyListener): void {
    keep(this.#starts.get(""), name, (entry) => entry.listener !== listener);
  }

  /** Whether there was a listener. */
  emit<Name extends ClientEventName>(name: Name, ...args: ClientEvents[Name]): boolean {
    return this.#tell(this.#starts.get("")?.get(name), args);
  }

  emitChange(event: ReplicaEvent): void {
    const { name, id } = event;
    // All are found before any is told: who begins to listen meanwhile hears of the next event.
    const ofObject = this.#objects.size === 0 ? undefined : this.#objects.get(id)?.get(name);
    let found: (readonly Entry[])[] | undefined;
    let first: readonly Entry[] | undefined;
    for (const [start, listeners] of this.#starts) {
      const entries = listeners.get(name);
      if (entries === undefined || !id.startsWith(start)) continue;
      if (first === undefined) first = entries;
      else (found ??= []).push(entries);
    }
    if (first === undefined && ofObject === undefined) return;
    const args = argumentsOf(event);
    this.#tell(first, args);
    for (const entries of found ?? []) this.#tell(entries, args);
    this.#tell(ofObject, args);
  }

  /** Calls a function of the application's, be it a listener or a callback. */
  call(listener: AnyListener, args: readonly unknown[]): void {
    try {
      listener(...(args as never));
    } catch (cause) {
      this.#threw(cause);
    }
  }

  removeAll(): void {
    this.#starts.clear();
    this.#objects.clear();
  }

  /** Whether there was a listener. */
  #tell(entries: readonly Entry[] | undefined, args: readonly unknown[]): boolean {
    if (entries === undefined) return false;
    for (const { listener, isOnce, undo } of entries) {
      if (isOnce) undo();
      this.call(listener, args);
    }
    return true;
  }

  /** A bug of the application's must not be silent, and must not break anything else. */
  #threw(cause: unknown): void {
    const message = `a listener or callback threw: ${String(cause)}`;
    const error = new SyncError("handler_failed", message, { cause });
    const isFirst = !this.#isReporting; // otherwise the listener for errors threw it
    this.#isReporting = true;
    if (!isFirst || !this.#tell(this.#starts.get("")?.get("error"), [error])) console.error(cause);
    if (isFirst) this.#isReporting = false;
  }
}

function argumentsOf({ name, id, object, changed, previous }: ReplicaEvent): readonly unknown[] {
  if (changed !== undefined) return [object, changed, previous];
  return name === "destroy" || name === "remove" ? [id, object] : [object];
}

function keep(
  listeners: Listeners | undefined,
  name: string,
  isKept: (entry: Entry) => boolean,
): void {
  const entries = listeners?.get(name)?.filter(isKept) ?? [];
  if (entries.length > 0) listeners?.set(name, entries);
  else listeners?.delete(name);
}

export function checkFunction(value: unknown, what: string): void {
  if (typeof value === "function") return;
  throw new SyncError("invalid_payload", `a ${what} must be a function`);
}
