import type { Environment, Cancel } from "../../lib/environment.ts";
import { SyncError } from "../../lib/errors.ts";
import type { State } from "../connection.ts";
import type { VisitKind, Visits } from "../explicit.ts";
import type { Progress, SyncProgress, SyncResult } from "../progress.ts";
import type { Visitor } from "./visitor.ts";

interface Visit {
  readonly kind: VisitKind;
  phase: SyncProgress["phase"];
  pulled: number;
  pushed: number;
  readonly settle: (error: SyncError | undefined, result: SyncResult) => void;
}

/**
 * Visits of a client that is not live, one after the other. Each is one attempt: when the connection
 * ends before it is over, it fails, and all that was not pushed is there for the next one.
 *
 * ```
 * register:  connect -> welcome -> leave
 * pull:      connect -> the view is whole -> leave
 * push:      connect (refused, if there is anything to pull) -> everything is decided -> leave
 * repair:    as a pull, by a client that has given up what it had
 * sync:      connect -> the view is whole -> everything is decided -> leave
 * ```
 */
export class ExplicitVisits implements Visits {
  readonly #visitor: Visitor;
  readonly #environment: Environment;
  readonly #waiting: Visit[] = [];
  #visit: Visit | undefined;
  #isUnderWay = false;
  /** What the view has been whole with, in this life of the client; null as long as it was not. */
  #topics: string | undefined | null = null;
  #isWhole = false;
  /** Whether it is just going on to push, and not all who take part may have begun. */
  #isGoing = false;
  #stopAuto: Cancel = () => undefined;

  constructor(visitor: Visitor, environment: Environment) {
    this.#visitor = visitor;
    this.#environment = environment;
  }

  go(kind: VisitKind, settle: Visit["settle"]): void {
    const phase = kind === "push" ? "push" : "pull";
    this.#waiting.push({ kind, phase, pulled: 0, pushed: 0, settle });
    this.#next();
  }

  auto(everyMs: number, failed: (error: SyncError) => void): void {
    if (!Number.isFinite(everyMs) || everyMs < 0) {
      const message = "autoSync needs a number of milliseconds, or 0";
      throw new SyncError("bad_option", message, { property: "everyMs" });
    }
    this.#stopAuto();
    this.#stopAuto = () => undefined;
    if (everyMs === 0) return;
    let isOver = false;
    let stopTimer: Cancel = () => undefined;
    this.#stopAuto = () => {
      isOver = true;
      stopTimer();
    };
    const wait = (): void => {
      if (isOver) return;
      stopTimer = this.#environment.scheduler.after(everyMs, () =>
        this.go("sync", (error) => {
          if (error !== undefined && !isOver) failed(error);
          wait();
        }),
      );
    };
    wait();
  }

  stop(): void {
    this.#stopAuto();
  }

  /**
   * Fails the visit that is under way, and all that wait. It leaves first: who hears of it may ask for
   * the next visit at once, which is to find no connection of this one.
   */
  cancel(error: SyncError): void {
    if (error.code !== "unavailable") this.#stopAuto();
    const open = [...(this.#visit === undefined ? [] : [this.#visit]), ...this.#waiting.splice(0)];
    this.#visit = undefined;
    this.#visitor.disconnect();
    for (const { settle } of open) settle(error, { pulled: 0, pushed: 0 });
  }

  look(): void {
    if (this.#visit === undefined || !this.#isUnderWay || !this.#isWhole || this.#isGoing) return;
    this.#arrived(this.#visit);
  }

  progressed({ state, reason, pulled, pushed }: Progress): void {
    const visit = this.#visit;
    if (visit === undefined) return;
    if (state === "opening") this.#isUnderWay = true;
    if (!this.#isUnderWay) return; // of the visit before
    this.#isWhole = state === "synced";
    visit.pulled += pulled;
    visit.pushed += pushed;
    // Less than nothing: of what was told of as it came in, it is known by now that it was nothing new.
    if (pulled !== 0 || pushed > 0) this.#tell(visit);
    if (state === "opening" || this.#visit !== visit) return; // or the application has ended it
    if (!isHere(state)) this.#failed(visit, reason);
    else if (visit.kind === "register") this.#leave(visit);
    else if (state === "synced") this.#arrived(visit);
  }

  #arrived(visit: Visit): void {
    if (this.#visitor.isAsking) return;
    if (visit.kind !== "push") this.#topics = this.#visitor.topics;
    if (visit.kind === "pull" || visit.kind === "repair") {
      this.#leave(visit);
      return;
    }
    if (visit.phase === "pull") {
      visit.phase = "push";
      this.#isGoing = true;
      this.#visitor.go("live");
      this.#isGoing = false;
    }
    if (!this.#visitor.isBusy) this.#leave(visit);
  }

  #tell({ phase, pulled, pushed }: Visit): void {
    const { pending } = this.#visitor;
    this.#visitor.progressed({ phase, pulled, pushed, pending });
  }

  #failed(visit: Visit, reason: SyncError | undefined): void {
    this.#leave(visit, reason ?? new SyncError("unavailable", "the connection was lost"));
  }

  #leave(visit: Visit, error?: SyncError): void {
    const { pulled, pushed } = visit;
    this.#visit = undefined;
    this.#visitor.disconnect();
    visit.settle(error, { pulled, pushed });
    this.#next();
  }

  #next(): void {
    if (this.#visit !== undefined) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#visit = next;
    this.#isUnderWay = false;
    if (next.kind === "repair") this.#visitor.discard();
    if (this.#visit !== next) return; // the application has ended it
    const isOther = this.#topics !== null && this.#visitor.topics !== this.#topics;
    if (next.kind === "push" && isOther) {
      // Whoever has just asked for it hears when their call has returned.
      this.#environment.scheduler.soon(() => {
        if (this.#visit === next) this.#leave(next, outOfDate());
      });
      return;
    }
    this.#visitor.go(next.kind === "push" ? "push" : "pull");
    if (this.#visit === next) this.#visitor.connect();
  }
}

/** Of what is asked for since then nothing was pulled, and no server knows that. */
function outOfDate(): SyncError {
  const message = "what this client subscribes to has changed since it has pulled: pull first";
  return new SyncError("out_of_date", message);
}

function isHere(state: State): boolean {
  return state === "syncing" || state === "synced";
}
