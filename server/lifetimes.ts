import { namespaceOf, type ObjectId } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";

/** For how long objects are there, by their namespaces: what an id begins with, up to its first colon. */
export class Lifetimes {
  readonly #ephemeral: ReadonlySet<string>;
  readonly #sessionObjects: ReadonlySet<string>;

  /** What lives as long as a session is ephemeral as well. */
  constructor(ephemeral: readonly string[], sessionObjects: readonly string[]) {
    this.#ephemeral = new Set([...ephemeral, ...sessionObjects]);
    this.#sessionObjects = new Set(sessionObjects);
  }

  /** The namespaces of which nothing outlasts the server's process. */
  get ephemeral(): readonly string[] {
    return [...this.#ephemeral];
  }

  get hasEphemeral(): boolean {
    return this.#ephemeral.size > 0;
  }

  /** Whether the object lives in memory only, and ends with the server. */
  isEphemeral(id: ObjectId): boolean {
    return this.hasEphemeral && this.#ephemeral.has(namespaceOf(id));
  }

  /** Whether a write is about ephemeral objects alone. */
  areEphemeral(operations: readonly Operation[]): boolean {
    if (!this.hasEphemeral || operations.length === 0) return false;
    return operations.every(({ id }) => this.isEphemeral(id));
  }

  /** Whether it ends with the session of the client that created it. */
  isSessionObject(id: ObjectId): boolean {
    return this.#sessionObjects.size > 0 && this.#sessionObjects.has(namespaceOf(id));
  }
}
