import { equalValues } from "../../lib/object.ts";
import type { TurnBudget } from "../turn-budget.ts";
import { hidesSame } from "./hidden.ts";
import type { View } from "./view.ts";

/**
 * Whether two views show exactly the same, found out in parts. What changes meanwhile comes last in its
 * view's order of what changed, and is compared again; so the answer is about the moment at which it is given.
 */
export class Likeness {
  readonly #view: View;
  readonly other: View;
  /** Of both, up to which version it was compared. */
  readonly #compared: Map<View, number>;

  constructor(view: View, other: View) {
    this.#view = view;
    this.other = other;
    this.#compared = new Map([
      [view, 0],
      [other, 0],
    ]);
  }

  /** Compares so many objects at most, or what the budget allows: undefined when that was not enough. */
  go(looksMax: number, budget: TurnBudget): boolean | undefined {
    if (this.#view.count !== this.other.count) return false;
    let looks = 0;
    for (const [view, version] of this.#compared) {
      for (let member = view.changedAfter(version); member !== null; member = member.newer) {
        if (looks === looksMax || budget.isSpent) {
          view.expectNext(member);
          return undefined;
        }
        looks += 1;
        budget.spend(1);
        if (!this.#isAlike(member.entry.handle)) return false;
        this.#compared.set(view, member.revision);
      }
    }
    return true;
  }

  #isAlike(handle: number): boolean {
    const some = this.#view.member(handle);
    const others = this.other.member(handle);
    if (some === undefined || others === undefined) return some === others;
    return hidesSame(some.hidden, others.hidden) && equalValues(some.lowered, others.lowered);
  }
}
