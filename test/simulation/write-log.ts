import { WriteHandle } from "../../client/write-handle.ts";
import { SyncError } from "../../lib/errors.ts";
import type { Checks } from "./checks.ts";
import type { Step } from "./fold.ts";
import type { OutboxWatch } from "./outbox-watch.ts";
import type { Issued } from "./issued.ts";
import { describe } from "./process.ts";

type Callback = (error: SyncError | null) => void;

export type OnSettled = (issued: Issued, error: SyncError | null) => void;

/** What one writer asked for, and what became of it. */
export class WriteLog {
  readonly #who: string;
  readonly #checks: Checks;
  /** Whether writes are decided in the order in which they were written: a client's are. */
  readonly #isOrdered: boolean;
  readonly #onSettled: OnSettled;
  readonly #outboxes: OutboxWatch | undefined;
  readonly #open = new Set<Issued>();
  readonly #all: Issued[] = [];
  #orders = 0;
  #places = 0;
  #lastDecided = 0;
  #rejected = 0;
  readonly #rejectedGroups = new WeakSet();

  /** With `outboxes`, these know what becomes of each write. */
  constructor(
    who: string,
    checks: Checks,
    isOrdered: boolean,
    onSettled: OnSettled,
    outboxes?: OutboxWatch,
  ) {
    this.#outboxes = outboxes;
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

  /** Writes that failed, for whatever reason; those that were made one count as one. */
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

  /** It was uncertain or held, and is undecided again, behind all others. */
  retry(issued: Issued): void {
    issued.place = this.nextPlace();
    issued.isUncertain = false;
    issued.isHeld = false;
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
      isDiscarded: false,
      isUncertain: false,
      isHeld: false,
      isRewritten: false,
      isSquashed: false,
      group: undefined,
      outcome: undefined,
      callbacks: 0,
      promises: 0,
    };
    this.#open.add(issued);
    this.#all.push(issued);
    const begin = (): ReturnType<typeof call> => call((error) => this.#calledBack(issued, error));
    const { steps, promise } = this.#outboxes?.during({ log: this, issued }, begin) ?? begin();
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
    const { kind, order, place, isDiscarded } = issued;
    issued.callbacks += 1;
    this.#checks.check(issued.callbacks === 1, "G6", () => {
      return `${this.#who}: ${kind} ${order} was called back again, with ${codeOf(error)}`;
    });
    issued.outcome = codeOf(error);
    this.#open.delete(issued);
    if (kind === "write" && this.#isOrdered && !isDiscarded) {
      this.#checks.check(
        place > this.#lastDecided || issued.isUncertain || issued.isHeld,
        "G4",
        () => {
          return `${this.#who}: write ${order} was decided after ${this.#lastDecided}`;
        },
      );
      // What was held is decided whenever its application likes.
      if (!issued.isHeld) this.#lastDecided = Math.max(place, this.#lastDecided);
    }
    if (error !== null && (kind === "write" || kind === "mistake")) this.#noteRejected(issued);
    this.#onSettled(issued, error);
  }

  #noteRejected({ group }: Issued): void {
    if (group !== undefined && this.#rejectedGroups.has(group)) return;
    if (group !== undefined) this.#rejectedGroups.add(group);
    this.#rejected += 1;
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
