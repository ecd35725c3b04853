import { nanoid } from "nanoid";
import { SyncError, type ObjectSyncLike } from "../../index.ts";
import { isAbsence, type Calls, type Transaction } from "./calls.ts";
import { DriveError, LockError } from "./drive-error.ts";
import type { Paths } from "./paths.ts";

/** A holder says so often, while its lease would last, that it is alive. */
const BEATS_PER_LEASE = 3;

interface Held {
  readonly leaseId: string;
  readonly timer: ReturnType<typeof setInterval>;
  beat: number;
}

/** The holder that has the lock, and for how long its count has been the same. */
interface Observed {
  readonly holder: string;
  readonly beat: unknown;
  /** When it was looked at last, in milliseconds of this machine's monotonic clock. */
  readonly at: number;
  readonly silentMs: number;
}

/**
 * One holder at a time. The lock is an object that names its holder; the holder's lease is another one, in
 * which it counts on as long as it lives:
 *
 * ```
 * acquire:   create lock.json { holder }, create lease/HOLDER { beat }
 * renew:     update lease/HOLDER { beat + 1 }
 * write:     update lease/HOLDER, and what is to be written, as one step
 * take over: update lease/DEAD, destroy it and lock.json, and acquire, as one step
 * ```
 *
 * Who was taken over has no lease any more, so nothing that it writes is taken, be it late by hours; and of
 * two that take over the second finds no lease to update. That a holder is dead is told by its count, which
 * stands still for as long as a lease lasts: no clock is compared with another.
 */
export class DriveLock {
  readonly #sync: ObjectSyncLike;
  readonly #calls: Calls;
  readonly #paths: Paths;
  readonly #leaseMs: number;
  readonly #lockId: string;
  #held: Held | undefined;
  #observed: Observed | undefined;

  constructor(sync: ObjectSyncLike, calls: Calls, paths: Paths, leaseMs: number) {
    this.#sync = sync;
    this.#calls = calls;
    this.#paths = paths;
    this.#leaseMs = leaseMs;
    this.#lockId = paths.idOf("lock.json");
    // Who cannot hear a holder must not take its silence for its death.
    sync.on("disconnect", () => (this.#observed = undefined));
  }

  /** Whoever holds the lock has everything in view that was written before. */
  async look(id: string): Promise<void> {
    await (this.#held === undefined ? this.#calls.refresh(id) : this.#calls.ready());
  }

  /** Throws a LockError when somebody else has it. */
  async acquire(): Promise<void> {
    await this.#calls.refresh(this.#lockId);
    const former = this.#sync.get(this.#lockId)?.["holder"] as string | undefined;
    if (former !== undefined && !this.#isDead(former)) throw this.#locked();
    const holder = nanoid();
    const leaseId = this.#leaseOf(holder);
    try {
      await this.#calls.write((steps) => {
        if (former !== undefined) this.#end(steps, this.#leaseOf(former), -1);
        steps.create({ id: this.#lockId, holder });
        steps.create({ id: leaseId, beat: 0 });
      });
    } catch (error) {
      if (error instanceof SyncError && isRace(error)) throw this.#locked();
      throw error;
    }
    this.#observed = undefined;
    const timer = setInterval(() => this.#renew(), this.#leaseMs / BEATS_PER_LEASE);
    this.#held = { leaseId, timer, beat: 0 };
  }

  /** Lets it go, if it is still held. */
  async release(): Promise<void> {
    const held = this.#drop();
    if (held === undefined) return;
    try {
      await this.#calls.write((steps) => this.#end(steps, held.leaseId, held.beat + 1));
    } catch (error) {
      if (!isAbsence(error, held.leaseId)) throw error; // somebody has taken it over
    }
  }

  /**
   * Writes as the holder of the lock, if this is one: nothing is written by who has lost it, until it lets
   * go of it. Throws `ELOCKLOST` then.
   */
  async write(fill: (steps: Transaction) => void): Promise<void> {
    const held = this.#held;
    try {
      await this.#calls.write((steps) => {
        if (held !== undefined) steps.update({ id: held.leaseId, beat: ++held.beat });
        fill(steps);
      });
    } catch (error) {
      if (held === undefined || !isAbsence(error, held.leaseId)) throw error;
      clearInterval(held.timer);
      const message = "somebody else has taken the lock over: nothing was written";
      throw new DriveError("ELOCKLOST", message, error);
    }
  }

  /** A beat that does not get through is no fault: whoever writes hears what became of the lock. */
  #renew(): void {
    const held = this.#held;
    if (this.#sync.status === "closed") this.#drop();
    if (held === undefined || !this.#sync.isConnected()) return;
    this.#sync.update({ id: held.leaseId, beat: ++held.beat }).catch((error: unknown) => {
      if (isAbsence(error, held.leaseId)) clearInterval(held.timer);
    });
  }

  #drop(): Held | undefined {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) clearInterval(held.timer);
    return held;
  }

  /** Throws when the lease is not there: then the lock is not its holder's any more. */
  #end(steps: Transaction, leaseId: string, beat: number): void {
    steps.update({ id: leaseId, beat });
    steps.destroy(leaseId);
    steps.destroy(this.#lockId);
  }

  /**
   * Looks at the holder, and whether it has been the same, with the same count, for too long. Of the time
   * between two looks no more counts than one beat may take: this process may have stood still itself.
   */
  #isDead(holder: string): boolean {
    const beat = this.#sync.get(this.#leaseOf(holder))?.["beat"];
    const former = this.#observed;
    const at = performance.now();
    const isSame = former?.holder === holder && former.beat === beat;
    const silentMs = isSame
      ? former.silentMs + Math.min(at - former.at, this.#leaseMs / BEATS_PER_LEASE)
      : 0;
    this.#observed = { holder, beat, at, silentMs };
    return silentMs >= this.#leaseMs;
  }

  #locked(): LockError {
    return new LockError(Date.now() + this.#leaseMs - (this.#observed?.silentMs ?? 0));
  }

  #leaseOf(holder: string): string {
    return this.#paths.idOf(`lease/${holder}`);
  }
}

/** Somebody else has taken it in the same moment. */
function isRace({ code }: SyncError): boolean {
  return code === "exists" || code === "gone" || code === "not_found";
}
