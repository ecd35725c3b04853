/** What may be done in one turn of the event loop: what is left waits for the next, and others come between. */
export class TurnBudget {
  #left: number;

  constructor(size: number) {
    this.#left = size;
  }

  get left(): number {
    return Math.max(0, this.#left);
  }

  get isSpent(): boolean {
    return this.#left <= 0;
  }

  /** The last thing that is done may cost more than is left: so each turn does something. */
  spend(cost: number): void {
    this.#left -= cost;
  }
}

/** Something that is done in parts, each of which gives what it has cost. */
export type Steps = Iterator<number, undefined>;

/** Goes on until so much was spent on it, or the budget is spent; and tells whether that was all. */
export function goOn(steps: Steps, costMax: number, budget: TurnBudget): boolean {
  for (let cost = 0; cost < costMax && !budget.isSpent;) {
    const { done, value } = steps.next();
    if (done === true) return true;
    cost += value;
    budget.spend(value);
  }
  return false;
}
