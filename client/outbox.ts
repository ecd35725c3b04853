import { ledgerOf } from "../lib/delta.ts";
import { atMost, type SyncError } from "../lib/errors.ts";
import type { ClientLimits } from "../lib/limits.ts";
import type { Welcome } from "../lib/messages.ts";
import type { ObjectId } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import type { NumberedOutcome, Outcome } from "../lib/outcome.ts";
import type { PendingWrite } from "../lib/replica.ts";
import type { WriteStage } from "./write-handle.ts";

export type Renames = ReadonlyMap<ObjectId, ObjectId>;

/** What of a write is to survive the client, if anything is. */
export interface KeptWrite extends PendingWrite {
  operations: readonly Operation[];
  /** Its number: 1, 2, 3, ... in the ledger that `Outbox.epoch` names. */
  n: number;
  /** The `seq` that the writer had seen. */
  seen: number;
  /** Whether it may have reached a server. */
  wasSent: boolean;
  /** Whether it may have been decided by a server that has forgotten it: the application chooses. */
  isUncertain: boolean;
}

/** A write that is not decided yet. */
export interface Write extends KeptWrite {
  /** Whether it may be sent: what is kept must be so first, or its number could be used twice. */
  isKept: boolean;
  /** Why the server was not given it: its number is used up by a write of nothing. */
  problem?: SyncError | undefined;
  /** Called once. `ids` are those that the objects of the operations have now. */
  readonly settle: (error: SyncError | undefined, ids: readonly ObjectId[]) => void;
  readonly reach: (stage: WriteStage) => void;
}

export interface Decided {
  readonly write: Write;
  readonly outcome: Outcome;
}

const RENAMED_MAX = 1_000;

type NewWrite = Pick<Write, "operations" | "seen" | "optimistic" | "isKept" | "settle" | "reach">;

/**
 * The writes of which it is not known what became of them, in order. On every new connection the
 * server says up to which number it has decided, and what; all after that are sent again.
 */
export class Outbox {
  readonly #limits: ClientLimits;
  /** Their order is older than that of the others, and they have no number. */
  readonly #uncertain: Write[] = [];
  #writes: Write[] = [];
  /** How many of them, from the first, need not be sent on this connection any more. */
  #sent = 0;
  /**
   * Ids that the application may still use although it was told of others. The server knows them for
   * as long as it must remember what it decided, and would take a retry for another write.
   */
  readonly #renamed = new Map<ObjectId, ObjectId>();
  #nextNumber = 1;
  #epoch = "";

  constructor(limits: ClientLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#uncertain.length + this.#writes.length;
  }

  /** The world whose ledger the numbers belong to. */
  get epoch(): string {
    return this.#epoch;
  }

  get nextNumber(): number {
    return this.#nextNumber;
  }

  /** The outcomes of all writes up to this number are known. */
  get settled(): number {
    return (this.#writes[0]?.n ?? this.#nextNumber) - 1;
  }

  *[Symbol.iterator](): Iterator<Write> {
    yield* this.#uncertain;
    yield* this.#writes;
  }

  /** Throws `limit_exceeded` when there are too many to keep. */
  add(write: NewWrite): Write {
    const { writesMax } = this.#limits;
    if (this.size >= writesMax) throw atMost("the outbox", writesMax, "writes");
    // Spelt out: to spread an object and add to it is slow, and this is each write's way.
    const added: Write = {
      operations: withIds(write.operations, this.#renamed),
      optimistic: write.optimistic,
      n: this.#nextNumber,
      seen: write.seen,
      wasSent: false,
      isUncertain: false,
      isKept: write.isKept,
      settle: write.settle,
      reach: write.reach,
    };
    this.#nextNumber += 1;
    this.#writes.push(added);
    return added;
  }

  /** Puts what an earlier client has left before all that was written since. */
  restore(epoch: string, nextNumber: number, kept: readonly Write[]): void {
    this.#epoch = epoch;
    this.#nextNumber = nextNumber;
    for (const write of this.#writes) write.n = this.#nextNumber++;
    this.#uncertain.push(...kept.filter(({ isUncertain }) => isUncertain));
    this.#writes.unshift(...kept.filter(({ isUncertain }) => !isUncertain));
  }

  /**
   * A new connection: all that this server has not decided is to be sent again, numbered as its
   * ledger goes on. What became of the rest comes with the first whole message. Returns what was
   * sent to a server that has forgotten its decisions.
   */
  restart({ epoch, decided, isForgotten }: Welcome): readonly Write[] {
    const isOtherLedger = ledgerOf(epoch) !== ledgerOf(this.#epoch);
    const isOtherEpoch = epoch !== this.#epoch;
    this.#epoch = epoch;
    this.#sent = 0;
    const uncertain =
      isForgotten && !isOtherLedger ? this.#writes.filter(({ wasSent }) => wasSent) : [];
    this.#writes.splice(0, uncertain.length);
    for (const write of uncertain) write.isUncertain = true;
    this.#uncertain.push(...uncertain);

    // What it acknowledged it does not know any more: it was never told, or has come out of a backup.
    const isBehind = decided < this.settled;
    this.#nextNumber = decided + 1;
    for (const write of this.#writes) {
      if (isOtherEpoch) write.seen = 0;
      if (isOtherLedger || isBehind || !write.wasSent) write.n = this.#nextNumber;
      else if (write.n <= decided) this.#sent += 1;
      this.#nextNumber = Math.max(this.#nextNumber, write.n + 1);
    }
    return uncertain;
  }

  /**
   * The next writes to send, as many as may be on the way besides those that are. `settled` is what
   * the server is told of: it remembers no more than twice as many after it.
   */
  unsent(inFlightMax: number, settled: number): readonly Write[] {
    const writes = this.#writes.slice(this.#sent, Math.max(this.#sent, inFlightMax));
    const last = settled + 2 * inFlightMax;
    const end = writes.findIndex(({ isKept, n }) => !isKept || n > last);
    return end < 0 ? writes : writes.slice(0, end);
  }

  /** So many more were sent on this connection. */
  markSent(count: number): void {
    for (const write of this.#writes.slice(this.#sent, this.#sent + count)) {
      write.wasSent = true;
      write.reach("sent");
    }
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

  /** The server has given objects other ids: the writes that remain go to these, and all to come. */
  rename(renames: Renames): void {
    if (renames.size === 0) return;
    for (const write of this) write.operations = withIds(write.operations, renames);
    for (const [provisional, id] of renames) this.#renamed.set(provisional, id);
    for (const [oldest] of this.#renamed) {
      if (this.#renamed.size <= RENAMED_MAX) break;
      this.#renamed.delete(oldest);
    }
  }

  /** Takes out an uncertain write. Tells whether it was one. */
  takeUncertain(write: Write): boolean {
    const index = this.#uncertain.indexOf(write);
    if (index >= 0) this.#uncertain.splice(index, 1);
    return index >= 0;
  }

  takeAll(): readonly Write[] {
    const writes = [...this];
    this.#uncertain.length = 0;
    this.#writes = [];
    this.#sent = 0;
    return writes;
  }
}

function withIds(operations: readonly Operation[], renames: Renames): readonly Operation[] {
  if (!operations.some(({ id }) => renames.has(id))) return operations;
  return operations.map((operation) => ({
    ...operation,
    id: renames.get(operation.id) ?? operation.id,
  }));
}
