import type { Cancel, Scheduler } from "../lib/environment.ts";
import { SyncError } from "../lib/errors.ts";
import type { ServerLimits } from "../lib/limits.ts";
import type { World } from "../lib/world.ts";
import type { Decision } from "./job.ts";
import type { Ledger } from "./ledger.ts";
import type { Lifetimes } from "./lifetimes.ts";
import type { SchemaVersions } from "./schema-versions.ts";
import { commitBatch, recordsOf, settledBy, type Failure } from "./store-batch.ts";
import type { Store, StoreBatch, StoredWorld } from "./stores/store.ts";

export interface KeeperOptions {
  /** The world's. */
  readonly name: string;
  readonly store: Store;
  readonly lifetimes: Lifetimes;
  readonly versions: SchemaVersions;
  readonly limits: ServerLimits;
  readonly scheduler: Scheduler;
  /** Who goes on, as things are at that moment, with what the ledger has of a client. */
  readonly usersOfLedger: () => (clientId: string) => boolean;
  readonly onError: (error: SyncError) => void;
}

/** How far a world may have got. */
type Place = Pick<StoreBatch, "seq" | "nextHandle">;

/**
 * Has the store keep what a world's turns decide, besides what is ephemeral: such objects never reach
 * it, nor do decisions on writes of nothing else until a later one of the same client does.
 *
 * All the same no number is ever given twice. Where objects can be ephemeral, the store has as `seq`
 * and `nextHandle` how far the world may have got, and is told anew before it gets further: so most
 * of what is ephemeral waits for no store.
 */
export class Keeper {
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #options: KeeperOptions;
  readonly #term: number;
  /** As the store has it. */
  #kept: Place;
  /** Whether the store is to be asked although there is nothing to keep. */
  #isCheckDue = false;
  #stopTimer: Cancel = () => undefined;

  constructor(stored: StoredWorld, world: World, ledger: Ledger, options: KeeperOptions) {
    this.#world = world;
    this.#ledger = ledger;
    this.#options = options;
    this.#term = stored.term;
    this.#kept = { seq: stored.seq, nextHandle: stored.nextHandle };
  }

  /** Whether what it keeps outlasts this process. */
  get isDurable(): boolean {
    return this.#options.store.capabilities.durable;
  }

  /** The world is over, and does not wait for its store any more. */
  end(): void {
    this.#stopTimer();
  }

  /** Has the next turn ask the store, unless one does before: it may have been opened by another server. */
  checkSoon(): void {
    this.#isCheckDue = this.isDurable;
  }

  /**
   * Keeps what a turn has decided, and forgets clients of the ledger that it may. Answers at once if the
   * store does, or is not needed. One call at a time; the world stays as it is until the answer.
   */
  keep(decisions: readonly Decision[]): Failure | undefined | Promise<Failure | undefined> {
    const { lifetimes, usersOfLedger } = this.#options;
    const forgetting = this.#ledger.dispensable(usersOfLedger());
    const { clientIds: forgotten, ledgerHorizon } = forgetting;
    const isNeeded =
      this.#isCheckDue ||
      forgotten.length > 0 ||
      this.#isOutrun() ||
      decisions.some((decision) => this.#isToBeKept(decision));
    if (!isNeeded) return undefined; // what it refused before can wait for it

    const decided = this.#ledger.unkept();
    const place = this.#reserve();
    // Spelt out: an object that begins with a spread gets a hidden class of its own each time (BENCHMARKS.md).
    const batch: StoreBatch = {
      seq: place.seq,
      nextHandle: place.nextHandle,
      term: this.#term,
      expectedSeq: this.#kept.seq,
      horizon: this.#world.horizon,
      objects: () => recordsOf(decisions, (id) => !lifetimes.isEphemeral(id)),
      decided,
      settled: () => settledBy(decisions, decided),
      forgotten,
      ledgerHorizon,
      schemaVersion: this.#options.versions.current,
    };
    this.#isCheckDue = false;
    const answered = (failure: Failure | undefined): Failure | undefined => {
      if (failure !== undefined) return failure;
      this.#kept = place;
      this.#ledger.noteKept();
      this.#ledger.forget(forgetting, usersOfLedger());
      return undefined;
    };
    const storing = this.#commit(batch);
    return storing instanceof Promise ? storing.then(answered) : answered(storing);
  }

  #commit(batch: StoreBatch): Failure | undefined | Promise<Failure | undefined> {
    const { store, name, limits, scheduler, onError } = this.#options;
    const { storeTimeoutMs } = limits;
    const storing = commitBatch(store, name, batch);
    if (!(storing instanceof Promise)) return storing;
    // It is waited for all the same: nobody but the store knows whether it will keep the batch.
    this.#stopTimer = scheduler.after(storeTimeoutMs, () => {
      const seconds = String(storeTimeoutMs / 1_000);
      const problem = `the store has not answered for ${seconds} s, and the world waits for it`;
      onError(new SyncError("timeout", problem));
    });
    return storing.finally(this.#stopTimer);
  }

  #isToBeKept({ job, commit, isRecalled }: Decision): boolean {
    const hasEffect = commit !== undefined && commit.applied.length > 0;
    const isNews = job.client === null ? hasEffect : isRecalled !== true;
    return isNews && !this.#options.lifetimes.areEphemeral(job.operations);
  }

  #isOutrun(): boolean {
    const { seq, nextHandle } = this.#world;
    return seq > this.#kept.seq || nextHandle > this.#kept.nextHandle;
  }

  #reserve(): Place {
    const { seq, nextHandle } = this.#world;
    const { lifetimes, limits } = this.#options;
    if (!lifetimes.hasEphemeral) return { seq, nextHandle };
    const { reservedCommits, reservedHandles } = limits;
    return { seq: seq + reservedCommits, nextHandle: nextHandle + reservedHandles };
  }
}
