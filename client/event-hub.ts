import { SyncError } from "../lib/errors.ts";
import type { SyncObject } from "../lib/object.ts";
import type { ReplicaEvent } from "../lib/replica.ts";
import { guarded, SafeEmitter, type Undo } from "./emitter.ts";
import type { EventName, SyncEvents } from "./events.ts";

/** Which objects a listener hears of: one, or those whose id starts with a namespace and a colon. */
export interface Scope {
  readonly kind: "object" | "namespace";
  readonly name: string;
}

/** Takes what happens to who listens: for all objects, for a namespace, for one object. */
export class EventHub {
  readonly #all: SafeEmitter;
  readonly #scoped = {
    object: new Map<string, SafeEmitter>(),
    namespace: new Map<string, SafeEmitter>(),
  };
  #isReporting = false;

  constructor() {
    this.#all = new SafeEmitter((cause) => this.#threw(cause));
  }

  get all(): SafeEmitter {
    return this.#all;
  }

  /** Runs a callback of the application's as if it were a listener. */
  call<Args extends unknown[]>(callback: (...args: Args) => void, ...args: Args): void {
    guarded(callback, (cause) => this.#threw(cause))(...args);
  }

  emit<Name extends EventName>(name: Name, ...args: SyncEvents<SyncObject>[Name]): void {
    this.#all.emit(name, ...args);
  }

  emitChange(event: ReplicaEvent): void {
    const id = "id" in event ? event.id : event.object.id;
    const args = argumentsOf(event);
    this.#all.emit(event.name, ...args);
    const { object, namespace } = this.#scoped;
    if (namespace.size > 0) namespace.get(id.slice(0, id.indexOf(":")))?.emit(event.name, ...args);
    if (object.size > 0) object.get(id)?.emit(event.name, ...args);
  }

  listen({ kind, name }: Scope, on: (emitter: SafeEmitter) => Undo): Undo {
    const emitters = this.#scoped[kind];
    const emitter = emitters.get(name) ?? new SafeEmitter((cause) => this.#threw(cause));
    emitters.set(name, emitter);
    const undo = on(emitter);
    return () => {
      undo();
      if (emitter.isIdle && emitters.get(name) === emitter) emitters.delete(name);
    };
  }

  removeAll(): void {
    this.#all.removeAll();
    this.#scoped.object.clear();
    this.#scoped.namespace.clear();
  }

  /** A bug of the application's must not be silent, and must not break anything else. */
  #threw(cause: unknown): void {
    const message = `a listener or callback threw: ${String(cause)}`;
    const error = new SyncError("handler_failed", message, { cause });
    const isReported = !this.#isReporting && this.#report(error);
    if (!isReported) console.error(cause);
  }

  #report(error: SyncError): boolean {
    this.#isReporting = true; // the listener may be the one that throws
    const isHeard = this.#all.emit("error", error);
    this.#isReporting = false;
    return isHeard;
  }
}

function argumentsOf(event: ReplicaEvent): unknown[] {
  switch (event.name) {
    case "create":
    case "add":
      return [event.object];
    case "update":
      return [event.object, event.changed, event.previous];
    case "destroy":
    case "remove":
      return [event.id, event.object];
  }
}
