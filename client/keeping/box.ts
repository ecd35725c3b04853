import type { ClientStorage } from "../storage/storage.ts";

/** What is to be kept, by key; undefined is to be removed. */
export type BoxChanges = Map<string, string | undefined>;

/** What one client has left. */
export interface BoxTexts {
  readonly client: string;
  readonly objects: readonly string[];
  /** By key, in their order. */
  readonly writes: ReadonlyMap<string, string>;
}

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

  /** What it holds, as it is written there; undefined when nothing is. */
  async read(): Promise<BoxTexts | undefined> {
    const clients = await this.#storage.read(this.clientKey);
    const client = clients.find(([key]) => key === this.clientKey);
    if (client === undefined) return undefined;
    return {
      client: client[1],
      objects: (await this.#storage.read(this.#objects)).map(([, text]) => text),
      writes: new Map(await this.#storage.read(this.#writes)),
    };
  }

  /** The place of a write that is kept under this key. */
  placeOf(key: string): number {
    return Number(key.slice(this.#writes.length));
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
