import { setTimeout as sleep } from "node:timers/promises";
import type { ClientEvents, Contestant, ContestantClient } from "../contestants/contestant.ts";
import { isSeenRightly, startOf } from "../field.ts";
import { fingerprint, now, playerId, WORLD_SIZE, type Player, type PlayerId } from "../world.ts";
import type { Hearing } from "./hearing.ts";
import { Mover } from "./mover.ts";

/** Players of a field: those from the number `first` to before `end`. */
interface FieldPlayers {
  readonly first: number;
  readonly end: number;
  readonly fieldSize: number;
}

/** Of more players than this, only every tenth client looks at the clock for each event. */
const ALL_TIMED_UP_TO = 20;
const ENTER_AT_ONCE = 10;

/** Players in one world: of an arena, where each sees all others, or of a field, where each sees some. */
export class Arena {
  readonly #hearing: Hearing;
  readonly #clients: ContestantClient[] = [];
  readonly #ids: PlayerId[] = [];
  readonly #players: Player[] = [];
  readonly #mover = new Mover(this.#clients, this.#players);
  #movesBefore = 0;

  constructor(hearing: Hearing) {
    this.#hearing = hearing;
  }

  /** Lets `count` players in, a few at a time. */
  async enter(contestant: Contestant, port: number, count: number): Promise<void> {
    await this.#enterAll(contestant, port, 0, count, (index) => ({
      x: (index * 97) % WORLD_SIZE,
      y: (index * 89) % WORLD_SIZE,
      t: now(),
    }));
    while (this.#clients.some((client) => client.view().players.size < count)) await sleep(20);
  }

  /** Lets some of the players of a field in. Whom they see is seen when all are there. */
  async enterField(
    contestant: Contestant,
    port: number,
    { first, end, fieldSize }: FieldPlayers,
  ): Promise<void> {
    await this.#enterAll(contestant, port, first, end, (index) => startOf(index, fieldSize));
  }

  startMoving(fieldSize = WORLD_SIZE): void {
    this.#mover.start(fieldSize);
  }

  stopMoving(): void {
    this.#mover.stop();
  }

  begin(): void {
    this.#movesBefore = this.#mover.moves;
  }

  /** Since `begin`. */
  get moves(): number {
    return this.#mover.moves - this.#movesBefore;
  }

  /** How many clients do not see exactly what `expected` says. */
  disagreeing(expected: string): number {
    return this.#clients.filter((client) => fingerprint(client.view()) !== expected).length;
  }

  /** How many clients do not see those whom they must see, or others, or what is not so; see `field.ts`. */
  disagreeingNear(all: ReadonlyMap<string, Player>): number {
    return this.#clients.filter((client, i) => {
      const own = this.#ids[i];
      return own === undefined || !isSeenRightly(own, client.view().players, all);
    }).length;
  }

  /** How many other players each client sees, on average. */
  othersSeen(): number {
    const seen = this.#clients.reduce((sum, client) => sum + client.view().players.size - 1, 0);
    return seen / this.#clients.length;
  }

  async #enterAll(
    contestant: Contestant,
    port: number,
    first: number,
    end: number,
    start: (index: number) => Player,
  ): Promise<void> {
    const isAllTimed = end - first <= ALL_TIMED_UP_TO;
    for (let next = first; next < end; next += ENTER_AT_ONCE) {
      const some = Array.from({ length: Math.min(ENTER_AT_ONCE, end - next) }, (_, i) => next + i);
      await Promise.all(
        some.map(async (index) => {
          const id = playerId(index);
          const events = this.#eventsOf(id, isAllTimed || index % 10 === 0);
          const player = start(index);
          const client = await contestant.connectClient(port, events, index);
          await client.enter(id, player);
          this.#ids[index - first] = id;
          this.#clients[index - first] = client;
          this.#players[index - first] = player;
        }),
      );
    }
  }

  #eventsOf(own: PlayerId, isTimed: boolean): ClientEvents {
    const hear = (id: PlayerId, t?: number) => {
      if (id !== own) this.#hearing.hear(t);
    };
    return { moved: isTimed ? hear : (id) => hear(id), changed: () => undefined };
  }
}
