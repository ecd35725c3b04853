import {
  SyncError,
  type HostedWorld,
  type ObjectSyncServer,
  type SessionInfo,
  type SyncObject,
  type Topic,
} from "../../index.ts";
import { Cells, type Cell } from "./cells.ts";
import type { GridOptions } from "./grid-options.ts";

interface Follower {
  readonly session: SessionInfo;
  /** Where the object was when the cells around it were last chosen. */
  around: Cell | undefined;
}

/**
 * Spatial interest: shows each client the objects around one of its own, and moves what it is shown
 * along as that object moves. Clients cannot ask for more: what is out of sight does not reach them.
 *
 * ```ts
 * const sync = new ObjectSyncServer({ authenticate, rules });
 * sync.use(grid({
 *   namespaces: ["player"], cellSize: 100, radius: 250,
 *   follow: ({ identity }) => `player:${identity.id}`,
 *   besides: () => [{ namespace: "chat" }],
 * }));
 * ```
 *
 * What is shown are whole cells: all within `radius`, and what else is in the cells that this touches.
 */
export function grid(options: GridOptions): (server: ObjectSyncServer) => void {
  const cells = new Cells(checked(options));
  return (server) => new Grid(server, options, cells).begin();
}

class Grid {
  readonly #server: ObjectSyncServer;
  readonly #options: GridOptions;
  readonly #cells: Cells;
  /** By the id of the object that they follow. */
  readonly #followers = new Map<string, Map<string, Follower>>();

  constructor(server: ObjectSyncServer, options: GridOptions, cells: Cells) {
    this.#server = server;
    this.#options = options;
    this.#cells = cells;
  }

  begin(): void {
    const world = this.#world;
    void world.nameChannels((object) => this.#cells.channelOf(object));
    world.direct((session) => this.#begin(session));
    world.on("disconnect", (session) => this.#end(session));
    world.on("create", (object) => this.#moved(object));
    world.on("update", (object) => this.#moved(object));
    world.on("destroy", (id) => {
      this.#cells.forget(id);
      for (const follower of this.#followersOf(id)) this.#show(follower, undefined);
    });
  }

  #begin(session: SessionInfo): readonly Topic[] {
    const id = this.#options.follow(session);
    if (id === undefined) return this.#besides(session);
    const follower: Follower = { session, around: this.#cells.of(this.#world.get(id)) };
    const followers = this.#followers.get(id) ?? new Map<string, Follower>();
    this.#followers.set(id, followers.set(session.id, follower));
    return this.#topics(follower);
  }

  #end(session: SessionInfo): void {
    const id = this.#options.follow(session);
    if (id === undefined) return;
    const followers = this.#followers.get(id);
    followers?.delete(session.id);
    if (followers?.size === 0) this.#followers.delete(id);
  }

  #moved(object: SyncObject): void {
    for (const follower of this.#followersOf(object.id)) {
      const cell = this.#cells.of(object);
      const { around } = follower;
      if (cell?.column === around?.column && cell?.row === around?.row) continue;
      this.#show(follower, cell);
    }
  }

  #show(follower: Follower, cell: Cell | undefined): void {
    follower.around = cell;
    this.#world.show(follower.session.id, this.#topics(follower));
  }

  #topics({ session, around }: Follower): readonly Topic[] {
    const channels = around === undefined ? [] : this.#cells.channelsAround(around);
    return [...channels.map((channel) => ({ channel })), ...this.#besides(session)];
  }

  #besides(session: SessionInfo): readonly Topic[] {
    return this.#options.besides?.(session) ?? [];
  }

  #followersOf(id: string): Iterable<Follower> {
    return this.#followers.get(id)?.values() ?? [];
  }

  get #world(): HostedWorld {
    return this.#server.world(this.#options.world ?? "default");
  }
}

const NAMES: ReadonlySet<string> = new Set<keyof GridOptions>([
  "namespaces",
  "properties",
  "cellSize",
  "radius",
  "margin",
  "follow",
  "besides",
  "world",
]);

/** Throws `bad_option`, naming the option. */
function checked(options: GridOptions): GridOptions {
  const strange = Object.keys(options).find((name) => !NAMES.has(name));
  if (strange !== undefined) throw bad(strange, "is none");
  const { cellSize, radius, margin = 0, follow, besides, namespaces, properties, world } = options;
  for (const [name, value] of Object.entries({ cellSize, radius, margin })) {
    const isRight = Number.isFinite(value) && (name === "margin" ? value >= 0 : value > 0);
    if (!isRight) throw bad(name, "must be a number above 0");
  }
  if (typeof follow !== "function") throw bad("follow", "must be a function");
  if (besides !== undefined && typeof besides !== "function") {
    throw bad("besides", "must be a function");
  }
  if (!areTexts(namespaces)) throw bad("namespaces", "must be a list of texts");
  const names: readonly string[] = properties ?? ["x", "y"];
  if (!areTexts(names) || names.length !== 2) throw bad("properties", "must be two names");
  if (world !== undefined && typeof world !== "string") throw bad("world", "must be a text");
  return options;
}

function areTexts(list: unknown): boolean {
  return Array.isArray(list) && list.every((one) => typeof one === "string");
}

function bad(name: string, reason: string): SyncError {
  return new SyncError("bad_option", `the grid's option ${name} ${reason}`, { property: name });
}
