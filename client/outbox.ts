import { ledgerOf } from "../lib/delta.ts";
import { atMost, type Collision, type SyncError } from "../lib/errors.ts";
import type { ClientLimits } from "../lib/limits.ts";
import type { Welcome } from "../lib/messages.ts";
import type { ObjectId } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import type { NumberedOutcome, Outcome } from "../lib/outcome.ts";
import type { PendingWrite } from "../lib/replica.ts";
import { withReferences, type References } from "../lib/references.ts";
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
  /** What collided when the server refused it: the application decides. */
  collisions: readonly Collision[] | undefined;
  /** Whether it takes the place of an earlier write: then what waits may be younger than it. */
  readonly isAnew: boolean;
  /** Whether it is an object that stays here, as a whole: it has no number, and no server gets it. */
  readonly isLocal: boolean;
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

/** What takes the place of writes: nothing, when nothing is left of them. */
export interface Replacement {
  readonly former: readonly Write[];
  readonly write: Write | undefined;
}

const RENAMED_MAX = 1_000;

type NewWrite = Pick<
  Write,
  | "operations"
  | "base"
  | "former"
  | "seen"
  | "optimistic"
  | "isKept"
  | "isAnew"
  | "settle"
  | "reach"
>;

/**
 * The writes of which it is not known what became of them, in order. On every new connection the
 * server says up to which number it has decided, and what; all after that are sent again.
 */
export class Outbox {
  readonly #limits: ClientLimits;
  readonly #references: References;
  /** Those that wait for the application. Their order is older than that of the others. */
  readonly #held: Write[] = [];
  /** Objects that stay here: one write each, which creates it. */
  readonly #local = new Map<ObjectId, Write>();
  #localVersion = 0;
  #writes: Write[] = [];
  /** How many of them, from the first, need not be sent on this connection any more. */
  #sent = 0;
  /**
   * Ids that the application may still use although it was told of others. The server knows them for
   * as long as it must remember what it decided, and would take a retry for another write.
   */
  readonly #renamed = new Map<ObjectId, ObjectId>();
  #nextNumber = 1;
  #unknown = 0;
  #epoch = "";

  constructor(limits: ClientLimits, references: References) {
    this.#limits = limits;
    this.#references = references;
  }

  get size(): number {
    return this.#held.length + this.#writes.length;
  }

  /** Those that the application is to decide about, in their order. */
  get held(): readonly Write[] {
    return this.#held;
  }

  /** Those that are on their way, or will be. */
  get numbered(): readonly Write[] {
    return this.#writes;
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

  /** The server does not know all writes up to this number, nor need it. */
  get unknown(): number {
    return this.#unknown;
  }

  *[Symbol.iterator](): Iterator<Write> {
    yield* this.#local.values();
    yield* this.#held;
    yield* this.#writes;
  }

  /** Throws `limit_exceeded` when there are too many to keep another. What replaces one is exempt. */
  checkRoom(): void {
    const { writesMax } = this.#limits;
    if (this.size >= writesMax) throw atMost("the outbox", writesMax, "writes");
  }

  /** With `collisions` it waits, as what it is built upon does. */
  add(write: NewWrite, collisions?: readonly Collision[]): Write {
    // Spelt out: to spread an object and add to it is slow, and this is each write's way.
    const added: Write = {
      operations: this.withIds(write.operations, this.#renamed),
      base: write.base,
      former: write.former,
      optimistic: write.optimistic,
      n: this.#nextNumber,
      seen: write.seen,
      wasSent: false,
      isUncertain: false,
      collisions,
      isAnew: write.isAnew,
      isLocal: false,
      isKept: write.isKept,
      settle: write.settle,
      reach: write.reach,
    };
    if (collisions !== undefined) {
      this.#held.push(added);
      return added;
    }
    this.#nextNumber += 1;
    this.#writes.push(added);
    return added;
  }

  /** Puts what an earlier client has left before all that was written since. */
  restore(epoch: string, nextNumber: number, kept: readonly Write[]): void {
    this.#epoch = epoch;
    this.#nextNumber = nextNumber;
    for (const write of this.#writes) write.n = this.#nextNumber++;
    const isHeld = ({ isUncertain, collisions }: Write): boolean =>
      isUncertain || collisions !== undefined;
    const shared = kept.filter(({ isLocal }) => !isLocal);
    this.#held.push(...shared.filter(isHeld));
    this.#writes.unshift(...shared.filter((write) => !isHeld(write)));
    for (const write of kept) if (write.isLocal) this.setLocal(idOf(write), write);
  }

  get hasLocal(): boolean {
    return this.#local.size > 0;
  }

  takeLocal(): readonly Write[] {
    const writes = [...this.#local.values()];
    this.#local.clear();
    return writes;
  }

  localOf(id: ObjectId): Write | undefined {
    return this.#local.get(id);
  }

  /**
   * Grows with each change of what stays here, and when all else was given up: of what is no more there
   * is nothing else by which to tell whether its removal is kept.
   */
  get localVersion(): number {
    return this.#localVersion;
  }

  /** An object that stays here is this from now on, or is no more. */
  setLocal(id: ObjectId, write: Write | undefined): void {
    this.#localVersion += 1;
    if (write === undefined) this.#local.delete(id);
    else this.#local.set(id, write);
  }

  /**
   * A new connection: all that this server has not decided is to be sent again, numbered as its
   * ledger goes on. What became of the rest comes with the first whole message. Returns what was
   * sent to a server that has forgotten its decisions.
   *
   * In one ledger a number means the same write for ever. What a server does not know that this client was
   * told, it has forgotten, or it has come out of a backup: another one may know it.
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
    this.#held.push(...uncertain);

    if (isOtherEpoch) for (const write of this.#held) write.seen = 0;

    const { settled } = this;
    const last = isOtherLedger ? decided : Math.max(decided, settled);
    this.#unknown = last > decided ? last : 0;
    this.#nextNumber = last + 1;
    for (const write of this.#writes) {
      if (isOtherEpoch) write.seen = 0;
      if (isOtherLedger || !write.wasSent) write.n = this.#nextNumber;
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

  /**
   * Puts what `make` gives in the place of all that no server has heard of, under new numbers. Returns
   * what is not as it was.
   */
  replaceUnsent(
    isKept: boolean,
    make: (unsent: readonly Write[]) => readonly Replacement[],
  ): readonly Replacement[] {
    const from = this.#writes.findIndex(({ wasSent }) => !wasSent);
    const unsent = from < 0 ? [] : this.#writes.splice(from);
    const made = make(unsent);
    this.#nextNumber -= unsent.length;
    for (const { write } of made) {
      if (write === undefined) continue;
      write.n = this.#nextNumber++;
      write.isKept = isKept; // not under its new number, where anything keeps
      this.#writes.push(write);
    }
    return made.filter(({ former, write }) => write !== former[0]);
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
  rename(renames: Renames): readonly Write[] {
    if (renames.size === 0) return [];
    const moved = [...this].filter((write) => this.move(write, renames));
    for (const [provisional, id] of renames) this.#renamed.set(provisional, id);
    for (const [oldest] of this.#renamed) {
      if (this.#renamed.size <= RENAMED_MAX) break;
      this.#renamed.delete(oldest);
    }
    return moved;
  }

  /** Has a write be about other objects; whoever wrote it means these. */
  move(write: Write, renames: Renames): boolean {
    const before = write.operations;
    write.operations = this.withIds(before, renames);
    return write.operations.some((operation, i) => operation !== before[i]);
  }

  /** A write that was refused waits for the application, which is to decide about these. */
  hold(write: Write, collisions: readonly Collision[]): void {
    write.collisions = collisions;
    this.#held.push(write);
  }

  /** Takes out a write that has waited for the application. Tells whether it was one. */
  takeHeld(write: Write): boolean {
    const index = this.#held.indexOf(write);
    if (index >= 0) this.#held.splice(index, 1);
    return index >= 0;
  }

  /** All that is undecided. What stays here, stays. */
  takeAll(): readonly Write[] {
    const writes = [...this.#held, ...this.#writes];
    this.#held.length = 0;
    this.#writes = [];
    this.#sent = 0;
    this.#localVersion += 1;
    return writes;
  }

  /** Counts from one again, for a server that knows nothing of it; to be called when it is empty. */
  startAnew(): void {
    this.#renamed.clear();
    this.#nextNumber = 1;
    this.#epoch = "";
  }

  /** The same operations, about other objects. */
  withIds(operations: readonly Operation[], renames: Renames): readonly Operation[] {
    if (renames.size === 0) return operations;
    const idOf = (id: ObjectId): ObjectId => renames.get(id) ?? id;
    return operations.map((given) => {
      const operation = withReferences(given, this.#references, idOf);
      const id = idOf(operation.id);
      return id === operation.id ? operation : { ...operation, id };
    });
  }
}

function idOf({ operations }: Write): ObjectId {
  return (operations[0] as Operation).id;
}
