import type { Environment } from "../lib/environment.ts";
import { TurnBudget } from "./turn-budget.ts";

/**
 * How much of a world is read in one turn of the event loop for those who ask by `changesSince`: what is
 * more waits for the next, the rest of an answer as well as who has not begun. Who has begun goes on first, so
 * that there are few answers in the making. Somebody may ask for everything as often as they like, all at once.
 */
export class ReadTurns {
  readonly #looksPerTurn: number;
  readonly #scheduler: Environment["scheduler"];
  /** Of this turn, once something was read in it. */
  #budget: TurnBudget | undefined;
  #waiting: (() => void)[] = [];

  constructor(looksPerTurn: number, scheduler: Environment["scheduler"]) {
    this.#looksPerTurn = looksPerTurn;
    this.#scheduler = scheduler;
  }

  /** Whether there must be a wait. */
  get isOver(): boolean {
    return this.#budget?.isSpent === true;
  }

  /** Resolves when one may read; who has waited looks again at `isOver`. */
  async next(): Promise<void> {
    while (this.isOver) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  spend(looks: number): void {
    this.#budget ??= this.#begin();
    this.#budget.spend(looks);
  }

  #begin(): TurnBudget {
    this.#scheduler.soon(() => {
      this.#budget = undefined;
      for (const resume of this.#waiting.splice(0)) resume();
    });
    return new TurnBudget(this.#looksPerTurn);
  }
}
