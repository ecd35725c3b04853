import { WriteHandle } from "../../client/write-handle.ts";
import { SyncError } from "../../lib/errors.ts";
import type { Checks } from "./checks.ts";
import type { Step } from "./fold.ts";
import { describe } from "./process.ts";

/** Something that was asked for, and must be answered exactly once. */
export interface Issued {
  readonly kind: "write" | "fetch" | "mistake";
  readonly order: number;
  steps: readonly Step[];
  /** Where it is among the undecided: behind all others again when it was uncertain and is retried. */
  place: number;
  /** It was said to outlive its writer. */
  isStored: boolean;
  isUncertain: boolean;
  /** Undefined until it is settled: "ok", or an error's code. */
  outcome: string | undefined;
  callbacks: number;
  promises: number;
}

type Callback = (error: SyncError | null) => void;

export type OnSettled = (issued: Issued, error: SyncError | null) => void;

/** What one writer asked for, and what became of it. */
export class WriteLog {
  readonly #who: string;
  readonly #checks: Checks;
  /** Whether writes are decided in the order in which they were written: a client's are. */
  readonly #isOrdered: boolean;
  readonly #onSettled: OnSettled;
  readonly #open = new Set<Issued>();
  readonly #all: Issued[] = [];
  #orders = 0;
  #places = 0;
  #lastDecided = 0;
  #rejected = 0;

  constructor(who: string, checks: Checks, isOrdered: boolean, onSettled: OnSettled) {
    this.#who = who;
    this.#checks = checks;
    this.#isOrdered = isOrdered;
    this.#onSettled = onSettled;
  }

  /** What is not answered yet, oldest first. */
  get open(): ReadonlySet<Issued> {
    return this.#open;
  }

  get issued(): number {
    return this.#all.length;
  }

  /** Writes that failed, for whatever reason. */
  get rejected(): number {
    return this.#rejected;
  }

  nextOrder(): number {
    this.#orders += 1;
    return this.#orders;
  }

  /** Behind all that was asked for before. */
  nextPlace(): number {
    this.#places += 1;
    return this.#places;
  }

  /** It was uncertain, and is undecided again, behind all others. */
  retry(issued: Issued): void {
    issued.place = this.nextPlace();
    issued.isUncertain = false;
  }

  /** `call` does it; what it returns are the steps of the write, once known, and the promise. */
  issue(
    kind: Issued["kind"],
    order: number,
    call: (callback: Callback) => { steps: readonly Step[]; promise: Promise<unknown> },
  ): Issued {
    const issued: Issued = {
      kind,
      order,
      steps: [],
      place: this.nextPlace(),
      isStored: false,
      isUncertain: false,
      outcome: undefined,
      callbacks: 0,
      promises: 0,
    };
    this.#open.add(issued);
    this.#all.push(issued);
    const { steps, promise } = call((error) => this.#calledBack(issued, error));
    issued.steps = steps;
    if (promise instanceof WriteHandle) {
      void promise.reached("stored").then((stage) => (issued.isStored = stage === "stored"));
    }
    promise.then(
      () => this.#promised(issued, "ok"),
      (error: unknown) => this.#promised(issued, codeOf(error)),
    );
    return issued;
  }

  /** When all has been answered that ever will be. */
  checkAllSettled(): void {
    for (const { kind, order, callbacks, promises } of this.#all) {
      this.#checks.check(callbacks === 1 && promises === 1, "G6", () => {
        return `${this.#who}: ${kind} ${order} was called back ${callbacks} times, its promise settled ${promises} times`;
      });
    }
  }

  #calledBack(issued: Issued, error: SyncError | null): void {
    const { kind, order, place } = issued;
    issued.callbacks += 1;
    this.#checks.check(issued.callbacks === 1, "G6", () => {
      return `${this.#who}: ${kind} ${order} was called back again, with ${codeOf(error)}`;
    });
    issued.outcome = codeOf(error);
    this.#open.delete(issued);
    if (kind === "write" && this.#isOrdered) {
      this.#checks.check(place > this.#lastDecided || issued.isUncertain, "G4", () => {
        return `${this.#who}: write ${order} was decided after ${this.#lastDecided}`;
      });
      this.#lastDecided = Math.max(place, this.#lastDecided);
    }
    if (error !== null && kind !== "fetch") this.#rejected += 1;
    this.#onSettled(issued, error);
  }

  #promised(issued: Issued, outcome: string): void {
    issued.promises += 1;
    this.#checks.check(issued.outcome === outcome, "G6", () => {
      const { kind, order } = issued;
      return `${this.#who}: ${kind} ${order}: callback ${String(issued.outcome)}, promise ${outcome}`;
    });
  }
}

function codeOf(error: unknown): string {
  if (error === null) return "ok";
  return error instanceof SyncError ? error.code : describe(error);
}
