import { SyncError, type HostedWorld, type ObjectSyncServer } from "../../index.ts";
import { Database } from "./database.ts";
import { badRequest, Refusal } from "./refusal.ts";

export interface HubOptions {
  /** Whether clients of object-sync can join the databases' worlds. */
  readonly shared: boolean;
  readonly databasesMax: number;
}

const HUB_WORLD = "plasmid";

/** Which databases there are, each in a world of its own, and what is noted of all of them. */
export class Hub {
  readonly #server: ObjectSyncServer;
  readonly #options: HubOptions;
  readonly #world: HostedWorld;
  readonly #open = new Map<string, Database>();
  /** Names of databases that are about to be. */
  readonly #reserved = new Set<string>();

  constructor(server: ObjectSyncServer, options: HubOptions) {
    this.#server = server;
    this.#options = options;
    this.#world = server.world(HUB_WORLD, { private: true });
  }

  /** Makes the worlds there that clients of object-sync may join. */
  async begin(): Promise<void> {
    await this.#world.opened();
    if (!this.#options.shared) return;
    for (const name of this.#names()) this.#database(name);
  }

  /** Undefined when there is none of this name. */
  async find(name: string): Promise<Database | undefined> {
    checkName(name);
    await this.#world.opened();
    return this.#world.get(idOf(name)) === undefined ? undefined : this.#database(name);
  }

  /**
   * Keeps a place for a database, until it is made or the place is given back. Throws a refusal when there
   * can be none of this name, or none more at all.
   */
  async reserve(name: string): Promise<void> {
    checkName(name);
    if (name.endsWith("*")) throw badRequest("the name of a database has no * at its end");
    await this.#world.opened();
    const names = new Set([...this.#names(), ...this.#reserved, name]);
    if (names.size > this.#options.databasesMax) {
      throw new Refusal(403, "quota", "there are too many databases");
    }
    this.#reserved.add(name);
  }

  giveBack(name: string): void {
    this.#reserved.delete(name);
  }

  /** Makes a database, or finds the one that somebody else has made meanwhile. */
  async create(name: string): Promise<Database> {
    await this.reserve(name);
    try {
      await this.#world.create({ id: idOf(name) });
    } catch (error) {
      if ((error as SyncError).code !== "exists") throw error;
    } finally {
      this.giveBack(name);
    }
    return this.#database(name);
  }

  async getMeta(property: string): Promise<string | undefined> {
    await this.#world.opened();
    const value = this.#world.get(`meta:${property}`)?.["value"];
    return typeof value === "string" ? value : undefined;
  }

  async setMeta(property: string, value: string): Promise<void> {
    await this.#world.opened();
    const object = { id: `meta:${property}`, value };
    if (this.#world.get(object.id) === undefined) await this.#world.create(object);
    else await this.#world.update(object);
  }

  #names(): string[] {
    const ids = [...this.#world.allObjects().keys()].filter((id) => id.startsWith(idOf("")));
    return ids.map((id) => id.slice(idOf("").length));
  }

  #database(name: string): Database {
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    const world = this.#server.world(`${HUB_WORLD}:${name}`, { private: !this.#options.shared });
    const database = new Database(name, world);
    this.#open.set(name, database);
    return database;
  }
}

function idOf(name: string): string {
  return `database:${name}`;
}

function checkName(name: string): void {
  if (/^[^\p{C}/]{1,100}$/u.test(name) && Buffer.byteLength(name) <= 200) return;
  throw badRequest("the name of a database has 1 to 100 characters that can be seen, and no slash");
}
