import {
  SyncError,
  type HostedWorld,
  type ObjectSyncServer,
  type SessionInfo,
  type SyncObject,
  type Topic,
} from "../../index.ts";
import { Cells, type Cell } from "./cells.ts";
import { checkedOptions, isLength, type GridOptions } from "./grid-options.ts";

/** A client that follows an object. */
interface Follower {
  readonly session: SessionInfo;
  readonly followed: string;
  /** What it is shown: the cells around this one, so many in each direction. */
  around: Cell | undefined;
  reach: number;
  /** Whether it was told already that nobody knows its radius. */
  isBlind: boolean;
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
 * Throws `bad_option`, naming the option.
 */
export function grid(options: GridOptions): (server: ObjectSyncServer) => void {
  const cells = new Cells(checkedOptions(options));
  return (server) => new Grid(server, options, cells).begin();
}

class Grid {
  readonly #server: ObjectSyncServer;
  readonly #options: GridOptions;
  readonly #cells: Cells;
  /** By the id of the object that they follow. */
  readonly #followers = new Map<string, Set<Follower>>();
  /** Also of sessions that are about to begin, of which some never do. */
  readonly #bySession = new WeakMap<SessionInfo, Follower>();

  constructor(server: ObjectSyncServer, options: GridOptions, cells: Cells) {
    this.#server = server;
    this.#options = options;
    this.#cells = cells;
  }

  begin(): void {
    const world = this.#world;
    world
      .nameChannels((object) => this.#cells.channelOf(object))
      .catch((cause: unknown) => {
        // Of a world that closes before its store has answered nobody is shown anything any more.
        const isOver = cause instanceof SyncError && cause.code === "unavailable";
        if (!isOver) this.#report("the grid could not name its channels", undefined, cause);
      });
    world.direct((session) => this.#direct(session));
    world.on("connect", (session) => this.#begin(session));
    world.on("disconnect", (session) => this.#end(session));
    world.on("change", (ids) => {
      for (const id of ids) this.#changed(id);
    });
  }

  #direct(session: SessionInfo): readonly Topic[] {
    const followed = this.#options.follow(session);
    if (followed === undefined) return this.#besides(session);
    const follower = { session, followed, around: undefined, reach: 0, isBlind: false };
    this.#bySession.set(session, follower);
    this.#look(follower, this.#world.get(followed));
    try {
      return this.#topics(follower);
    } catch (error) {
      follower.around = undefined;
      throw error;
    }
  }

  #begin(session: SessionInfo): void {
    const follower = this.#bySession.get(session);
    if (follower === undefined) return;
    const { followed } = follower;
    const followers = this.#followers.get(followed) ?? new Set();
    this.#followers.set(followed, followers.add(follower));
  }

  #end(session: SessionInfo): void {
    const follower = this.#bySession.get(session);
    if (follower === undefined) return;
    const followers = this.#followers.get(follower.followed);
    followers?.delete(follower);
    if (followers?.size === 0) this.#followers.delete(follower.followed);
  }

  #changed(id: string): void {
    const object = this.#world.get(id);
    if (object === undefined) this.#cells.forget(id);
    for (const follower of this.#followers.get(id) ?? []) {
      try {
        if (!this.#look(follower, object)) continue;
        this.#world.show(follower.session.id, this.#topics(follower));
      } catch (cause) {
        follower.around = undefined; // to be tried again with its next step
        this.#report("the grid could not show what is around it", id, cause);
      }
    }
  }

  /** Tells whether what a client is to be shown has changed. */
  #look(follower: Follower, object: SyncObject | undefined): boolean {
    const { around, reach } = follower;
    follower.around = this.#cells.of(object);
    if (object === undefined || follower.around === undefined) {
      follower.reach = 0; // whoever is nowhere sees nothing
      return around !== undefined;
    }
    follower.reach = this.#cells.reachOf(this.#radiusOf(follower, object), reach);
    const { column, row } = follower.around;
    return column !== around?.column || row !== around.row || follower.reach !== reach;
  }

  #radiusOf(follower: Follower, object: SyncObject): number {
    const { radius, radiusMax = Infinity } = this.#options;
    if (typeof radius === "number") return radius;
    try {
      const answer: unknown = radius(object, follower.session);
      const isFar = answer === Infinity;
      if (!isFar && !isLength(answer)) throw new TypeError("it must answer a number of at least 0");
      follower.isBlind = false;
      return Math.min(answer, radiusMax);
    } catch (cause) {
      if (!follower.isBlind) this.#report("the grid's radius failed", object.id, cause);
      follower.isBlind = true;
      return 0;
    }
  }

  #topics({ session, around, reach }: Follower): readonly Topic[] {
    const channels = around === undefined ? [] : this.#cells.channelsAround(around, reach);
    return [...channels.map((channel) => ({ channel })), ...this.#besides(session)];
  }

  #besides(session: SessionInfo): readonly Topic[] {
    return this.#options.besides?.(session) ?? [];
  }

  #report(message: string, id: string | undefined, cause: unknown): void {
    this.#world.report(new SyncError("handler_failed", message, { id, cause }));
  }

  get #world(): HostedWorld {
    return this.#server.world(this.#options.world ?? "default");
  }
}
