import { setTimeout as sleep } from "node:timers/promises";
import type { ContestantClient } from "../contestants/contestant.ts";
import { now, WORLD_SIZE, type Player } from "../world.ts";

/** 20 times a second. */
const MOVE_EVERY_MS = 50;

/**
 * Moves every player 20 times a second, each at its own moment within the 50 ms: players do not
 * agree on when to move.
 */
export class Mover {
  readonly #clients: readonly ContestantClient[];
  readonly #players: readonly Player[];
  #isRunning = false;
  #moves = 0;
  #fieldSize = WORLD_SIZE;

  constructor(clients: readonly ContestantClient[], players: readonly Player[]) {
    this.#clients = clients;
    this.#players = players;
  }

  /** So far. */
  get moves(): number {
    return this.#moves;
  }

  /** Within a square of this side: who leaves it comes in again on the other side. */
  start(fieldSize: number): void {
    if (this.#isRunning) return;
    this.#fieldSize = fieldSize;
    this.#isRunning = true;
    void this.#run();
  }

  stop(): void {
    this.#isRunning = false;
  }

  async #run(): Promise<void> {
    const gapMs = MOVE_EVERY_MS / this.#clients.length;
    let dueAt = performance.now();
    let next = 0;
    while (this.#isRunning) {
      const until = performance.now();
      // A crowd that is too busy moves late, and does not catch up: nobody walks faster for it.
      if (until - dueAt > 10 * MOVE_EVERY_MS) dueAt = until;
      while (dueAt <= until) {
        this.#move(next);
        next = (next + 1) % this.#clients.length;
        dueAt += gapMs;
      }
      await sleep(1);
    }
  }

  #move(index: number): void {
    const player = this.#players[index];
    if (player === undefined) return;
    player.x = (player.x + 1 + (index % 3)) % this.#fieldSize;
    player.y = (player.y + 1 + (index % 5)) % this.#fieldSize;
    player.t = now();
    this.#clients[index]?.move(player);
    this.#moves += 1;
  }
}
