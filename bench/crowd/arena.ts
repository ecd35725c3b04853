import { setTimeout as sleep } from "node:timers/promises";
import type { Contestant, ContestantClient } from "../contestants/contestant.ts";
import { usage } from "../processes/usage.ts";
import { fingerprint, now, playerId, WORLD_SIZE, type Player, type PlayerId } from "../world.ts";
import { Latencies } from "./latencies.ts";
import { Mover } from "./mover.ts";
import { bytesReceived } from "./sockets.ts";

/** What the crowd did and heard, since `begin` or since it came to be. */
export interface Heard {
  readonly moves: number;
  /** Events of other players' moves, at all clients together. */
  readonly updates: number;
  readonly bytes: number;
  readonly cpuMicros: number;
  readonly elapsedMs: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
}

/** Of more players than this, only every tenth client looks at the clock for each event. */
const ALL_TIMED_UP_TO = 20;

/** Players in one world, each of whom sees all others. */
export class Arena {
  readonly #clients: ContestantClient[] = [];
  readonly #players: Player[] = [];
  readonly #latencies = new Latencies();
  readonly #mover = new Mover(this.#clients, this.#players);
  #updates = 0;
  #start = this.#sums();

  /** Lets `count` players in, a few at a time. */
  async enter(contestant: Contestant, port: number, count: number): Promise<void> {
    const atOnce = 10;
    for (let start = 0; start < count; start += atOnce) {
      const some = Array.from({ length: Math.min(atOnce, count - start) }, (_, i) => start + i);
      await Promise.all(
        some.map((index) => {
          const isTimed = count <= ALL_TIMED_UP_TO || index % 10 === 0;
          return this.#enterOne(contestant, port, index, isTimed);
        }),
      );
    }
    await this.#allSee(count);
  }

  startMoving(): void {
    this.#mover.start();
  }

  stopMoving(): void {
    this.#mover.stop();
  }

  begin(): void {
    this.#latencies.clear();
    this.#start = this.#sums();
  }

  heard(): Heard {
    const start = this.#start;
    const end = this.#sums();
    return {
      moves: end.moves - start.moves,
      updates: end.updates - start.updates,
      bytes: end.bytes - start.bytes,
      cpuMicros: end.cpuMicros - start.cpuMicros,
      elapsedMs: end.atMs - start.atMs,
      latencyP50Ms: this.#latencies.quantile(0.5),
      latencyP99Ms: this.#latencies.quantile(0.99),
    };
  }

  /** How many clients do not see exactly what `expected` says. */
  disagreeing(expected: string): number {
    return this.#clients.filter((client) => fingerprint(client.view()) !== expected).length;
  }

  async #enterOne(
    contestant: Contestant,
    port: number,
    index: number,
    isTimed: boolean,
  ): Promise<void> {
    const own = playerId(index);
    const count = (id: PlayerId) => {
      if (id !== own) this.#updates += 1;
    };
    const countAndTime = (id: PlayerId, t: number) => {
      if (id === own) return;
      this.#updates += 1;
      this.#latencies.record(now() - t);
    };
    const client = await contestant.connectClient(port, { moved: isTimed ? countAndTime : count });
    const player = { x: (index * 97) % WORLD_SIZE, y: (index * 89) % WORLD_SIZE, t: now() };
    await client.enter(own, player);
    this.#clients[index] = client;
    this.#players[index] = player;
  }

  async #allSee(count: number): Promise<void> {
    while (this.#clients.some((client) => client.view().players.size < count)) await sleep(20);
  }

  #sums() {
    return {
      moves: this.#mover.moves,
      updates: this.#updates,
      bytes: bytesReceived(),
      ...usage(),
    };
  }
}
