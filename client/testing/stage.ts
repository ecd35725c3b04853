import { SyncError } from "../../lib/index.ts";
import type { ClientStorage } from "../storage/storage.ts";
import { assert, equal, fail, rejects } from "./assert.ts";

/** Where a storage keeps what it is given: a file, a browser's database, the memory of a process. */
export interface StorageMedium {
  /** A storage on this medium, as a client that has just started makes it. */
  open(): ClientStorage | Promise<ClientStorage>;
  /** If more than one process or tab can use the medium: a storage on it in another one. */
  openElsewhere?(): Promise<Elsewhere>;
  /** If the medium has an end: a write of a value that has more characters must fail. */
  readonly valueLengthMax?: number;
  /** Called once, when everything that was opened is closed. */
  remove(): void | Promise<void>;
}

/** A storage in another process or tab. */
export interface Elsewhere {
  readonly storage: ClientStorage;
  /** Ends the process or tab without a warning, as a crash does. */
  end(): Promise<void>;
}

type Changes = Readonly<Record<string, string | undefined>>;
export type Entries = readonly (readonly [key: string, value: string])[];

/** A medium and the storages that were opened on it. */
export class Stage {
  readonly medium: StorageMedium;
  readonly #open = new Set<ClientStorage>();
  readonly #elsewhere = new Set<Elsewhere>();

  constructor(medium: StorageMedium) {
    this.medium = medium;
  }

  async open(): Promise<ClientStorage> {
    const storage = await this.medium.open();
    this.#open.add(storage);
    return storage;
  }

  /** Undefined where there is no other process or tab. */
  async openElsewhere(): Promise<Elsewhere | undefined> {
    const elsewhere = await this.medium.openElsewhere?.();
    if (elsewhere !== undefined) this.#elsewhere.add(elsewhere);
    return elsewhere;
  }

  async close(storage: ClientStorage): Promise<void> {
    this.#open.delete(storage);
    await storage.close();
  }

  /** Another opening, after this one is closed. */
  async reopen(storage: ClientStorage): Promise<ClientStorage> {
    await this.close(storage);
    return this.open();
  }

  async end(): Promise<void> {
    for (const elsewhere of this.#elsewhere) await elsewhere.end();
    for (const storage of this.#open) await storage.close();
    await this.medium.remove();
  }
}

export function write(storage: ClientStorage, changes: Changes): Promise<void> {
  return storage.write(new Map(Object.entries(changes)));
}

/** What is kept, everything unless a prefix is given. */
export async function has(storage: ClientStorage, expected: Entries, prefix = ""): Promise<void> {
  equal(plain(await storage.read(prefix)), expected);
}

/** The same as arrays of here: a storage's may come from another realm. */
export function plain(entries: Entries): Entries {
  return Array.from(entries, ([key, value]) => [key, value]);
}

export async function failsWith(code: string, action: () => Promise<unknown>): Promise<void> {
  await rejects(
    action,
    (error) => error instanceof SyncError && error.code === code,
    `it must reject with ${code}`,
  );
}

export async function take(storage: ClientStorage, name: string): Promise<() => void> {
  const giveBack = await storage.lock(name);
  assert(giveBack !== undefined, `nobody else holds ${JSON.stringify(name)}`);
  return giveBack;
}

export async function isTaken(storage: ClientStorage, name: string): Promise<void> {
  const isFree = (await storage.lock(name)) !== undefined;
  assert(!isFree, `somebody holds ${JSON.stringify(name)}`);
}

const TRIES_MAX = 400;

/** Takes a name that was just given up elsewhere, of which word may still be on its way. */
export async function takeSoon(storage: ClientStorage, name: string): Promise<() => void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const giveBack = await storage.lock(name);
    if (giveBack !== undefined) return giveBack;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return fail(`${JSON.stringify(name)} must be free by now`);
}
