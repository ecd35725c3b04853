import { SyncError } from "../lib/errors.ts";
import type { ReplicaEvent } from "../lib/replica.ts";
import type { ClientEventName, ClientEvents } from "./events.ts";

/** Any function: who emits knows what it takes. */
export type AnyListener = (...args: never) => void;
export type Undo = () => void;

/** Which objects a listener hears of: one, or those whose ids start with a namespace and a colon. */
export type Scope = "object" | "namespace";

interface Entry {
  readonly listener: (...args: unknown[]) => void;
  readonly isOnce: boolean;
}

/** The name of an event of one object or namespace alone. */
export function scopedName(name: string, scope: Scope, of: string): string {
  return `${name} ${scope} ${of}`;
}

/**
 * Tells listeners what happens, by name. None of them can break what is told to the others, or the
 * one who tells: what it throws is an `error` event.
 */
export class EventHub {
  /** Replaced, never changed: who is being told keeps to the list that it began with. */
  readonly #entries = new Map<string, readonly Entry[]>();
  #hasScopes = false;
  #isReporting = false;

  /** Returns what takes this very listener away again. */
  on(name: string, listener: AnyListener, isOnce = false): Undo {
    checkFunction(listener, "listener");
    const entry = { listener: listener as Entry["listener"], isOnce };
    this.#entries.set(name, [...(this.#entries.get(name) ?? []), entry]);
    this.#hasScopes ||= name.includes(" ");
    return () => this.#keep(name, (other) => other !== entry);
  }

  off(name: string, listener: AnyListener): void {
    this.#keep(name, (entry) => entry.listener !== listener);
  }

  emit<Name extends ClientEventName>(name: Name, ...args: ClientEvents[Name]): void {
    this.#tell(name, args);
  }

  emitChange(event: ReplicaEvent): void {
    const { name, object } = event;
    const id = "id" in event ? event.id : object.id;
    const args = argumentsOf(event);
    this.#tell(name, args);
    if (!this.#hasScopes) return;
    const namespace = id.slice(0, Math.max(0, id.indexOf(":")));
    this.#tell(scopedName(name, "namespace", namespace), args);
    this.#tell(scopedName(name, "object", id), args);
  }

  /** Runs a callback of the application's as if it were a listener. */
  call(callback: () => void): void {
    try {
      callback();
    } catch (cause) {
      this.#threw(cause);
    }
  }

  removeAll(): void {
    this.#entries.clear();
  }

  /** Whether there was a listener. */
  #tell(name: string, args: readonly unknown[]): boolean {
    const entries = this.#entries.get(name);
    for (const entry of entries ?? []) {
      if (entry.isOnce) this.#keep(name, (other) => other !== entry);
      this.call(() => entry.listener(...args));
    }
    return entries !== undefined;
  }

  #keep(name: string, isKept: (entry: Entry) => boolean): void {
    const entries = this.#entries.get(name)?.filter(isKept) ?? [];
    if (entries.length > 0) this.#entries.set(name, entries);
    else this.#entries.delete(name);
  }

  /** A bug of the application's must not be silent, and must not break anything else. */
  #threw(cause: unknown): void {
    const message = `a listener or callback threw: ${String(cause)}`;
    const error = new SyncError("handler_failed", message, { cause });
    const isFirst = !this.#isReporting; // otherwise the listener for errors threw it
    this.#isReporting = true;
    if (!isFirst || !this.#tell("error", [error])) console.error(cause);
    if (isFirst) this.#isReporting = false;
  }
}

export function checkFunction(value: unknown, what: string): void {
  if (typeof value === "function") return;
  throw new SyncError("invalid_payload", `a ${what} must be a function`);
}

function argumentsOf(event: ReplicaEvent): readonly unknown[] {
  if ("id" in event) return [event.id, event.object];
  return event.name === "update" ? [event.object, event.changed, event.previous] : [event.object];
}
