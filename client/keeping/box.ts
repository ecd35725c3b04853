import { SyncError } from "../../lib/errors.ts";
import type { ConfirmedObject } from "../../lib/replica.ts";
import type { Kept } from "../persistence.ts";
import type { ClientStorage } from "../storage/storage.ts";
import { clientFromText, objectFromText, writeFromText } from "./kept-text.ts";

/** What is to be kept, by key; undefined is to be removed. */
export type BoxChanges = Map<string, string | undefined>;

/**
 * Where one client's state is within a storage, by key:
 *
 * ```
 * WORLD/client/BOX               who it is, and where
 * WORLD/object/BOX/ID            an object, as the server has confirmed it
 * WORLD/write/BOX/00000000042    an undecided write; in this order
 * ```
 */
export class Box {
  readonly name: string;
  readonly clientKey: string;
  readonly #objects: string;
  readonly #writes: string;
  readonly #storage: ClientStorage;
  readonly #unlock: () => void;

  constructor(storage: ClientStorage, world: string, name: string, unlock: () => void) {
    this.name = name;
    this.#storage = storage;
    this.#unlock = unlock;
    const inWorld = encodeURIComponent(world);
    this.clientKey = clientPrefix(world) + name;
    this.#objects = `${inWorld}/object/${name}/`;
    this.#writes = `${inWorld}/write/${name}/`;
  }

  objectKey(id: string): string {
    return this.#objects + id;
  }

  writeKey(place: number): string {
    return this.#writes + String(place).padStart(11, "0");
  }

  /** Behind all its writes. */
  async nextPlace(): Promise<number> {
    const [last] = (await this.writeTexts()).at(-1) ?? [];
    return last === undefined ? 0 : Number(last.slice(this.#writes.length)) + 1;
  }

  /** The keys and texts of its undecided writes, in their order. */
  writeTexts(): Promise<readonly (readonly [string, string])[]> {
    return this.#storage.read(this.#writes);
  }

  /** What was kept; undefined when nothing is. Rejects with `storage_failed` when it is unreadable. */
  async load(): Promise<Kept | undefined> {
    const clients = await this.#storage.read(this.clientKey);
    const client = clients.find(([key]) => key === this.clientKey);
    if (client === undefined) return undefined;
    const objects = await this.#storage.read(this.#objects);
    const writes = await this.writeTexts();
    try {
      return {
        ...clientFromText(client[1]),
        objects: objects.map(([, text]): ConfirmedObject => objectFromText(text)),
        writes: writes.map(([, text]) => writeFromText(text)),
      };
    } catch (cause) {
      const message = `what is kept of a client cannot be read: ${String(cause)}`;
      throw new SyncError("storage_failed", message, { cause });
    }
  }

  /** Keeps the changes. Also removes what it holds of objects that are not among the changes. */
  async replace(changes: BoxChanges): Promise<void> {
    for (const [key] of await this.#storage.read(this.#objects)) {
      if (!changes.has(key)) changes.set(key, undefined);
    }
    await this.#storage.write(changes);
  }

  write(changes: BoxChanges): Promise<void> {
    return this.#storage.write(changes);
  }

  async remove(): Promise<void> {
    await this.#storage.write(await this.removal());
  }

  async removal(): Promise<BoxChanges> {
    const entries = [
      ...(await this.#storage.read(this.#objects)),
      ...(await this.#storage.read(this.#writes)),
    ];
    return new Map([
      [this.clientKey, undefined],
      ...entries.map(([key]) => [key, undefined] as const),
    ]);
  }

  /** From now on another client may have it. */
  release(): void {
    this.#unlock();
  }
}

export function clientPrefix(world: string): string {
  return `${encodeURIComponent(world)}/client/`;
}
