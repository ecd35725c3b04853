import type { Player, PlayerId, Thing, WorldView } from "../world.ts";
import type { Visits } from "./visits.ts";

/** How often what ticks sends what has changed, in milliseconds. */
export const TICK_MS = 50;

/**
 * One library, used as its own documentation says. Both ends are in one file, so that what travels
 * can be read in one place; the server's process calls `startServer`, the clients' `connectClient`.
 */
export interface Contestant {
  /** The packages that do the work, whose versions the report names. */
  readonly packages: readonly string[];
  /** What it can do besides replicating; workloads that ask for more leave it out. */
  readonly can: { readonly resume: boolean; readonly acknowledge: boolean };
  startServer(): Promise<ContestantServer>;
  /**
   * Resolves when all that this client is to see is in place. It is the client of this number: where
   * clients have players, that of its player. Who shows clients different things goes by it.
   */
  connectClient(port: number, events: ClientEvents, number: number): Promise<ContestantClient>;
  /** Whether the client of a number is to see the thing of an index; all are, unless this is given. */
  readonly shows?: (client: number, index: number, thing: Thing) => boolean;
  /** For the workload `sync`; who has this shows no live world. */
  readonly visits?: Visits;
}

export interface ContestantServer {
  readonly port: number;
  /** Puts the things 0 to `count` - 1 into the world. Called once, before anyone connects. */
  addThings(count: number): void | Promise<void>;
  /** Sets the `hp` of one thing, as an application on the server would. */
  setHp(index: number, hp: number): void;
  /** Sets the `name` of one thing. */
  setName(index: number, name: string): void;
  view(): WorldView | Promise<WorldView>;
}

/** What an application would listen to. Each contestant calls these from its own events. */
export interface ClientEvents {
  /** A player is different now; also for the client's own player, if the contestant tells of it. */
  moved(id: PlayerId, t: number): void;
  /**
   * A thing has changed, come into view (both at `t`) or left it. Only those tell of it that show
   * clients a part of the things.
   */
  changed(t?: number): void;
}

export interface ContestantClient {
  /** Puts this client's player into the world. Resolves when it may move. */
  enter(id: PlayerId, player: Player): Promise<void>;
  /** Moves the player that entered. Nobody waits for it. */
  move(player: Player): void;
  /** Sets `hp` of a thing; resolves when the server has acknowledged it. */
  write(index: number, hp: number): Promise<void>;
  view(): WorldView;
  /** Loses the connection, and keeps what it has. */
  leave(): void | Promise<void>;
  /** Connects again; resolves when the view is whole again. */
  comeBack(): Promise<void>;
  /** Ends it for good. */
  close(): void;
}

/** For what a contestant cannot do; see `can`. */
export function unable(what: string): never {
  throw new Error(`this contestant cannot ${what}`);
}
