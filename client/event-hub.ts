import { SyncError } from "../lib/errors.ts";
import type { SyncObject } from "../lib/object.ts";
import type { ReplicaEvent } from "../lib/replica.ts";
import { SafeEmitter, type AnyListener, type Undo } from "./emitter.ts";
import type { EventName, SyncEvents } from "./events.ts";

/** Which objects a listener hears of: one, or those whose ids start with a namespace and a colon. */
export type Scope = "object" | "namespace";

/** Takes what happens to who listens: for all objects, for a namespace, for one object. */
export class EventHub {
  readonly #emitter = new SafeEmitter((cause) => this.#threw(cause));
  #hasScopes = false;
  #isReporting = false;

  on(name: EventName, listener: AnyListener, isOnce?: boolean): Undo {
    return this.#emitter.on(name, listener, isOnce);
  }

  onScoped(
    scope: Scope,
    of: string,
    name: EventName,
    listener: AnyListener,
    isOnce?: boolean,
  ): Undo {
    this.#hasScopes = true;
    return this.#emitter.on(scoped(name, scope, of), listener, isOnce);
  }

  off(name: EventName, listener: AnyListener): void {
    this.#emitter.off(name, listener);
  }

  call<Args extends unknown[]>(callback: (...args: Args) => void, ...args: Args): void {
    this.#emitter.call(callback, ...args);
  }

  emit<Name extends EventName>(name: Name, ...args: SyncEvents<SyncObject>[Name]): void {
    this.#emitter.emit(name, ...args);
  }

  emitChange(event: ReplicaEvent): void {
    const { name, object } = event;
    const id = "id" in event ? event.id : object.id;
    const args = argumentsOf(event);
    this.#emitter.emit(name, ...args);
    if (!this.#hasScopes) return;
    const namespace = id.slice(0, Math.max(0, id.indexOf(":")));
    this.#emitter.emit(scoped(name, "namespace", namespace), ...args);
    this.#emitter.emit(scoped(name, "object", id), ...args);
  }

  removeAll(): void {
    this.#emitter.removeAll();
  }

  /** A bug of the application's must not be silent, and must not break anything else. */
  #threw(cause: unknown): void {
    const message = `a listener or callback threw: ${String(cause)}`;
    const error = new SyncError("handler_failed", message, { cause });
    if (this.#isReporting || !this.#report(error)) console.error(cause);
  }

  #report(error: SyncError): boolean {
    this.#isReporting = true; // the listener may be the one that throws
    const isHeard = this.#emitter.emit("error", error);
    this.#isReporting = false;
    return isHeard;
  }
}

function scoped(name: string, scope: Scope, of: string): string {
  return `${name} ${scope} ${of}`;
}

function argumentsOf(event: ReplicaEvent): unknown[] {
  if ("id" in event) return [event.id, event.object];
  return event.name === "update" ? [event.object, event.changed, event.previous] : [event.object];
}
