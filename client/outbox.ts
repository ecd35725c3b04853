import { atMost, type SyncError } from "../lib/errors.ts";
import type { ClientLimits } from "../lib/limits.ts";
import type { ObjectId } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import type { NumberedOutcome, Outcome } from "../lib/outcome.ts";
import type { PendingWrite } from "../lib/replica.ts";

export type Renames = ReadonlyMap<ObjectId, ObjectId>;

/** A write that is not decided yet. */
export interface Write extends PendingWrite {
  operations: readonly Operation[];
  /** Its number: 1, 2, 3, ... in the ledger that `Outbox.epoch` names. */
  n: number;
  /** The `seq` that the writer had seen. */
  seen: number;
  /** Whether it may have reached a server. */
  wasSent: boolean;
  /** Why the server was not given it: its number is used up by a write of nothing. */
  problem?: SyncError | undefined;
  /** Called once. `ids` are those that the objects of the operations have now. */
  readonly settle: (error: SyncError | undefined, ids: readonly ObjectId[]) => void;
}

export interface Decided {
  readonly write: Write;
  readonly outcome: Outcome;
}

/**
 * The writes of which it is not known what became of them, in order. On every new connection the
 * server says up to which number it has decided, and what; all after that are sent again.
 */
export class Outbox {
  readonly #limits: ClientLimits;
  #writes: Write[] = [];
  /** How many of them, from the first, need not be sent on this connection any more. */
  #sent = 0;
  #nextNumber = 1;
  #epoch = "";

  constructor(limits: ClientLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#writes.length;
  }

  /** The world whose ledger the numbers belong to. */
  get epoch(): string {
    return this.#epoch;
  }

  /** The outcomes of all writes up to this number are known. */
  get settled(): number {
    return (this.#writes[0]?.n ?? this.#nextNumber) - 1;
  }

  [Symbol.iterator](): Iterator<Write> {
    return this.#writes[Symbol.iterator]();
  }

  /** Throws `limit_exceeded` when there are too many to keep. */
  add(write: Pick<Write, "operations" | "seen" | "optimistic" | "settle">): Write {
    const { writesMax } = this.#limits;
    if (this.#writes.length >= writesMax) throw atMost("the outbox", writesMax, "writes");
    const added: Write = { ...write, n: this.#nextNumber, wasSent: false };
    this.#nextNumber += 1;
    this.#writes.push(added);
    return added;
  }

  /**
   * A new connection: all that this server has not decided is to be sent again, numbered as its
   * ledger goes on. What became of the rest comes with the first whole message.
   */
  restart(epoch: string, decided: number): void {
    const isOtherLedger = epoch !== this.#epoch;
    // A server keeps the ledgers of so many clients; one that was away for long may be forgotten.
    const isForgotten = decided < this.settled;
    this.#epoch = epoch;
    this.#sent = 0;
    if (!isOtherLedger && !isForgotten) {
      for (const { n } of this.#writes) if (n <= decided) this.#sent += 1;
      return;
    }
    this.#nextNumber = decided + 1;
    for (const write of this.#writes) {
      write.n = this.#nextNumber;
      this.#nextNumber += 1;
      if (isOtherLedger) write.seen = 0;
    }
  }

  /** The next writes to send, as many as may be on the way besides those that are. */
  unsent(inFlightMax: number): readonly Write[] {
    return this.#writes.slice(this.#sent, Math.max(this.#sent, inFlightMax));
  }

  /** So many more were sent on this connection. */
  markSent(count: number): void {
    for (const write of this.#writes.slice(this.#sent, this.#sent + count)) write.wasSent = true;
    this.#sent += count;
  }

  /**
   * Takes out what is decided now. Outcomes that are known already are ignored; throws, and does
   * nothing, when one comes before that of an earlier write: no server decides in another order.
   */
  takeDecided(outcomes: readonly NumberedOutcome[]): Decided[] {
    const byNumber = new Map(outcomes.map(({ n, outcome }) => [n, outcome]));
    const decided: Decided[] = [];
    for (const write of this.#writes) {
      const outcome = byNumber.get(write.n);
      if (outcome === undefined || !write.wasSent) break;
      decided.push({ write, outcome });
    }
    const next = this.#writes[decided.length]?.n ?? this.#nextNumber;
    if (outcomes.some(({ n }) => n > next)) throw new Error(`no outcome of ${next}`);
    this.#writes.splice(0, decided.length);
    this.#sent = Math.max(0, this.#sent - decided.length);
    return decided;
  }

  /** The server has given objects other ids: the writes that remain go to these. */
  rename(renames: Renames): void {
    if (renames.size === 0) return;
    for (const write of this.#writes) {
      if (!write.operations.some(({ id }) => renames.has(id))) continue;
      write.operations = write.operations.map((operation) => ({
        ...operation,
        id: renames.get(operation.id) ?? operation.id,
      }));
    }
  }

  takeAll(): readonly Write[] {
    const writes = this.#writes;
    this.#writes = [];
    this.#sent = 0;
    return writes;
  }
}
