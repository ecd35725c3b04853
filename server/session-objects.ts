import type { Cancel, Scheduler } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ObjectId } from "../lib/object.ts";
import type { Applied } from "../lib/world.ts";
import type { Lifetimes } from "./lifetimes.ts";

export interface SessionObjectsOptions {
  readonly lifetimes: Lifetimes;
  /** How long a client may be away. */
  readonly graceMs: number;
  readonly scheduler: Scheduler;
  readonly isConnected: (clientId: string) => boolean;
  readonly destroy: (id: ObjectId) => Promise<unknown>;
}

/** Destroys what clients have created in the namespaces of session objects once they are gone for good. */
export class SessionObjects {
  readonly #options: SessionObjectsOptions;
  readonly #creators = new Map<ObjectId, string>();
  readonly #byCreator = new Map<string, Set<ObjectId>>();
  /** Of those who are away. */
  readonly #ends = new Map<string, Cancel>();
  #isClosed = false;

  constructor(options: SessionObjectsOptions) {
    this.#options = options;
  }

  /** An object changed, by a client or by the server's own code. */
  note({ kind, entry }: Applied, clientId: string | undefined): void {
    const { id } = entry;
    if (kind === "update" || !this.#options.lifetimes.isSessionObject(id)) return;
    this.#release(id);
    if (kind === "destroy" || clientId === undefined) return;
    this.#creators.set(id, clientId);
    const own = this.#byCreator.get(clientId) ?? new Set();
    this.#byCreator.set(clientId, own.add(id));
    if (!this.#options.isConnected(clientId)) this.left(clientId); // it wrote, and went
  }

  /** A client's connection has ended. It may have another one. */
  left(clientId: string): void {
    if (this.#isClosed || !this.#byCreator.has(clientId)) return;
    const { scheduler, graceMs } = this.#options;
    this.#ends.get(clientId)?.();
    this.#ends.set(
      clientId,
      scheduler.after(graceMs, () => this.#end(clientId)),
    );
  }

  /** The world closes, and these end with it. */
  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#ends.values()) cancel();
    this.#ends.clear();
  }

  #release(id: ObjectId): void {
    const creator = this.#creators.get(id);
    if (creator === undefined) return;
    this.#creators.delete(id);
    const own = this.#byCreator.get(creator);
    own?.delete(id);
    if (own?.size === 0) this.#byCreator.delete(creator);
  }

  /** One by one: a handler may refuse to let one go. What failed for another reason is tried again. */
  #end(clientId: string): void {
    this.#ends.delete(clientId);
    const { isConnected, destroy } = this.#options;
    if (isConnected(clientId)) return;
    for (const id of this.#byCreator.get(clientId) ?? []) {
      destroy(id).catch((error: unknown) => {
        if (error instanceof SyncError && error.retryable) this.left(clientId);
      });
    }
  }
}
