import { SyncError } from "../lib/errors.ts";
import type { Welcome } from "../lib/messages.ts";
import type { ObjectId } from "../lib/object.ts";
import type { NumberedOutcome } from "../lib/outcome.ts";
import type { ConflictDesk, Shortened } from "./conflict-desk.ts";
import type { FollowerState } from "./follower-state.ts";
import { wayOf } from "./namespaces.ts";
import type { Decided, Renames, Write } from "./outbox.ts";
import type { Writing } from "./writing.ts";

/** What the server has decided, as a step needs it. */
export interface Decisions {
  readonly decided: readonly Decided[];
  /** Ids that the server gave in place of provisional ones. */
  readonly renamed: Renames;
  /** Writes that say something else since. */
  readonly moved: readonly Write[];
  /** Objects that some of these are not about any more. */
  readonly left: readonly ObjectId[];
}

/** What becomes of writes: by the server's decisions, or the application's where those are not the last. */
export class Settling {
  readonly #state: FollowerState;
  readonly #desk: ConflictDesk | undefined;
  readonly #writing: Writing;

  constructor(state: FollowerState, desk: ConflictDesk | undefined, writing: Writing) {
    this.#state = state;
    this.#desk = desk;
    this.#writing = writing;
  }

  /** Takes what is decided out of the outbox. What collides waits for the application, and shows meanwhile. */
  take(outcomes: readonly NumberedOutcome[]): Decisions {
    const { outbox } = this.#state;
    const { decided, shortened } = this.#takeFinal(outcomes);
    const renamed = renamesOf(decided);
    const moved = outbox.rename(renamed);
    for (const one of decided) this.#keepPushed(one, renamed);
    return {
      decided,
      renamed,
      moved: [...moved, ...shortened.map(({ write }) => write)],
      left: shortened.flatMap((one) => idsLeftBy(one, renamed)),
    };
  }

  /** Tells what became of these, after the step with their effect. */
  settle({ decided, renamed }: Decisions, welcome: Welcome): void {
    for (const { write, outcome } of decided) {
      if (outcome.kind === "rejected") this.#state.fail(write, SyncError.from(outcome.error));
      else if (write.problem !== undefined) this.#state.fail(write, write.problem);
      else {
        const ids = write.operations.map(({ id }) => renamed.get(id) ?? id);
        this.#state.news.add(() => {
          write.reach(isDurable(ids, welcome) ? "durable" : "accepted");
          write.settle(undefined, ids);
        });
      }
    }
  }

  /** The server has forgotten whether it took this write: only the application can tell what to do. */
  askAbout(write: Write): void {
    write.reach("uncertain");
    this.#state.news.happened("uncertain", {
      operations: write.operations,
      retry: () => this.writeAgain(write),
      discard: () => this.#release(write, () => this.#state.fail(write, uncertainError())),
    });
  }

  /** Sends a write that waits as a new one. */
  writeAgain(write: Write): void {
    // Judged by what its writer had seen: others may have written the same since.
    this.#release(write, () => this.#writing.enqueue(write, write));
  }

  /** Has a write wait no more, unless it does not: then that was chosen already, or it was closed. */
  #release(write: Write, act: () => void): void {
    const { outbox, replica, kept, news } = this.#state;
    if (!outbox.takeHeld(write)) return;
    news.changed(replica.drop([write]));
    act();
    kept.noteWrites();
    this.#state.tellIfDrained();
    news.tell();
  }

  #takeFinal(outcomes: readonly NumberedOutcome[]): {
    readonly decided: readonly Decided[];
    readonly shortened: readonly Shortened[];
  } {
    const desk = this.#desk;
    const decided: Decided[] = [];
    const shortened: Shortened[] = [];
    for (const one of this.#state.outbox.takeDecided(outcomes)) {
      if (desk?.takes(one) === true) continue;
      decided.push(one);
      if (desk !== undefined && one.outcome.kind === "accepted")
        shortened.push(...desk.outdate(one.write));
    }
    return { decided, shortened };
  }

  /** Of what is only pushed nothing comes back: it stays here as it is. */
  #keepPushed({ write, outcome }: Decided, renamed: Renames): void {
    if (outcome.kind !== "accepted") return;
    const { outbox, local, kept, news, options } = this.#state;
    const operations = outbox.withIds(write.operations, renamed);
    const pushed = operations.filter(({ id }) => wayOf(id, options.namespaces) === "push");
    if (pushed.length > 0) news.changed(local.keep(pushed, kept.isFree));
  }
}

/** Whether any of these outlasts the server's process. */
function isDurable(ids: readonly ObjectId[], { isDurable, ephemeral = [] }: Welcome): boolean {
  return isDurable && !ids.every((id) => ephemeral.some((name) => id.startsWith(`${name}:`)));
}

function renamesOf(decided: readonly Decided[]): Renames {
  const renamed = new Map<ObjectId, ObjectId>();
  for (const { outcome } of decided) {
    if (outcome.kind !== "accepted") continue;
    for (const [provisional, id] of outcome.renamed ?? []) renamed.set(provisional, id);
  }
  return renamed;
}

function idsLeftBy({ write, former }: Shortened, renamed: Renames): ObjectId[] {
  const ids = former.map(({ id }) => renamed.get(id) ?? id);
  return ids.filter((id) => !write.operations.some((operation) => operation.id === id));
}

function uncertainError(): SyncError {
  return new SyncError("uncertain", "the write may have been accepted, and was discarded");
}
