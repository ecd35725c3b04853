import type { Change } from "../../lib/delta.ts";
import { SyncError, type Collision } from "../../lib/errors.ts";
import {
  conflictError,
  isAbout,
  placesOf,
  resolve,
  valuesBefore,
  without,
  type Conflict,
  type Decided,
  type Resolution,
} from "../../lib/conflict.ts";
import {
  checkId,
  copyChanges,
  equalValues,
  isRecord,
  type Changes,
  type ObjectId,
} from "../../lib/object.ts";
import type { Operation } from "../../lib/operation.ts";
import type { Outcome } from "../../lib/outcome.ts";
import { idsReferredTo, withReferences } from "../../lib/references.ts";
import type { ConflictDesk, ConflictHandler, Following, Shortened } from "../conflict-desk.ts";
import { goes } from "../namespaces.ts";
import type { Decided as DecidedWrite, Outbox, Renames, Write } from "../outbox.ts";
import { lostBy, placesAt, seenBy, sightOf, type Sight } from "./sight.ts";

/** What says that a write was refused for what others have written: of which objects or properties. */
function collisionsOf(
  write: Write,
  outcome: Outcome,
  isAsked: boolean,
): readonly Collision[] | undefined {
  if (outcome.kind !== "rejected") return undefined;
  const { code, id, collisions } = outcome.error;
  if (code === "conflict") return collisions;
  // It was there when this was written, and the server has forgotten by now that it ever was.
  const isGone = code === "gone" || code === "not_found";
  const isKnown = isAsked && id !== undefined && write.former?.has(id as ObjectId) === true;
  return isGone && isKnown ? [{ id }] : undefined;
}

/**
 * Has the application decide what becomes of the writes that wait in the outbox because they collide.
 * Writes about the same object are decided one after the other: what becomes of the first is what the
 * next one meets.
 */
export class Desk implements ConflictDesk {
  readonly #following: Following;
  readonly #sendSoon: () => void;
  /** Without it, writes that collide fail, if anything is different. */
  readonly #handler: ConflictHandler | undefined;
  readonly #asked = new Map<Write, Sight>();
  /** Of these the handler failed to decide. */
  readonly #failed = new Set<Write>();
  /** Whether there is something to ask about as soon as everything is known that there is. */
  #isDue = false;
  /** Writes that were on their way when the application gave other ids to what they are about. */
  readonly #moved = new WeakMap<Write, Map<ObjectId, ObjectId>>();

  constructor(following: Following, sendSoon: () => void, handler: ConflictHandler | undefined) {
    this.#following = following;
    this.#sendSoon = sendSoon;
    this.#handler = handler;
  }

  /** Where its writes wait. */
  get outbox(): Outbox {
    return this.#following.outbox;
  }

  get isAsking(): boolean {
    return this.#asked.size > this.#failed.size || (this.#isDue && this.outbox.held.length > 0);
  }

  /**
   * Without anybody to ask as well: a server that has forgotten whose commits are whose tells of
   * conflicts where nothing is different.
   */
  takes({ write, outcome }: DecidedWrite): boolean {
    const { outbox, kept } = this.#following;
    const collisions = collisionsOf(write, outcome, this.#handler !== undefined);
    if (collisions === undefined) return false;
    outbox.hold(write, collisions);
    this.#isDue = true;
    kept.noteWrites(); // the next client asks without its server
    outbox.move(write, this.#moved.get(write) ?? new Map<ObjectId, ObjectId>());
    return true;
  }

  /**
   * Those that were refused before and wait are older: what the one has written is theirs no more. Those
   * that only wait for others were not sent, and may be younger.
   */
  outdate({ operations: later, isAnew }: Write): readonly Shortened[] {
    const { outbox, kept, options } = this.#following;
    if (isAnew) return [];
    const shortened = outbox.held.flatMap((write): Shortened[] => {
      const { operations: former, base, collisions, wasSent } = write;
      if (collisions === undefined || !wasSent) return [];
      const left = without({ operations: former, base, collisions }, later, options.references);
      if (left === undefined) return [];
      write.operations = left.operations;
      write.base = left.base && [...left.base];
      write.collisions = left.collisions;
      return [{ write, former }];
    });
    if (shortened.length > 0) kept.noteWrites();
    return shortened;
  }

  baseOf(operations: readonly Operation[]): (Changes | undefined)[] {
    const { view } = this.#following.replica;
    return operations.map((operation) => valuesBefore(operation, view.get(operation.id)));
  }

  /**
   * What of these operations is written upon what waits here, if anything is: the server cannot tell that
   * who wrote it has not seen what has become of the same since, be it by writes of their own.
   */
  waitingUnder(operations: readonly Operation[]): readonly Collision[] | undefined {
    const { outbox } = this.#following;
    if (outbox.held.length === 0) return undefined;
    const shown = [...outbox].filter(({ optimistic }) => optimistic).reverse();
    const isWaiting = (collision: Collision): boolean =>
      shown.find((write) => isAbout(write, [collision]))?.collisions !== undefined;
    const ids = operations.filter((one) => placesOf(one).some(isWaiting)).map(({ id }) => id);
    return ids.length === 0 ? undefined : Array.from(new Set(ids), (id) => ({ id }));
  }

  /** A write is on its way from now on: what was shown of the same before that is over. */
  noteWrite(write: Write): void {
    // What is there would be another object than the one it is about, should that not be destroyed.
    const { replica } = this.#following;
    const ends = (id: ObjectId): boolean =>
      replica
        .writesOn(id)
        .some(({ operations }) =>
          operations.some((operation) => operation.kind === "destroy" && operation.id === id),
        );
    if (write.operations.some(({ id }) => ends(id))) write.seen = 0;
    this.#endLooks(write);
  }

  #endLooks(write: Write): void {
    for (const [held, sight] of this.#asked)
      if (isAbout(write, placesAt(held))) sight.isOver = true;
  }

  /** Asks about all that can be asked about now: not between two worlds. */
  ask(): void {
    const { outbox, replica } = this.#following;
    const wasDue = this.#isDue;
    this.#isDue =
      replica.cursor.epoch !== outbox.epoch && outbox.held.some(({ collisions }) => collisions);
    if (this.#isDue) return;
    // Also by what is younger: it may have been found out since that this refers to what was lost.
    const busy = new Set([...this.#asked.keys()].flatMap(subjectsOf));
    for (const write of [...outbox.held]) {
      if (write.collisions === undefined) continue;
      const ids = subjectsOf(write);
      const isNext = !ids.some((id) => busy.has(id));
      for (const id of ids) busy.add(id);
      if (!isNext || this.#asked.has(write)) continue;
      if (this.#isUnderWay(placesAt(write))) this.#isDue = true;
      else this.#ask(write, write.collisions);
    }
    if (wasDue) this.#following.progressed({}); // a visit may have waited for what cannot be asked yet
  }

  askAgain(): void {
    for (const write of this.#failed) this.#asked.delete(write);
    this.#failed.clear();
    this.ask();
  }

  forget(): void {
    this.#asked.clear();
    this.#failed.clear();
    this.#isDue = false;
  }

  /**
   * Notes what others are about to destroy, on the writes that refer to it: who decides may want it
   * back. What only leaves the view may be hidden now.
   */
  noteLosses(changes: readonly Change[], isReplacing: boolean): void {
    const { replica, outbox, options } = this.#following;
    const { references } = options;
    const isAnyLost = isReplacing || changes.some(({ kind }) => kind === "destroy");
    if (!isAnyLost || Object.keys(references).length === 0) return;
    const lost = lostBy(changes, isReplacing, replica);
    for (const write of outbox) {
      for (const id of write.operations.flatMap((one) => idsReferredTo(one, references))) {
        const object = lost(id) ? replica.confirmed(id)?.object : undefined;
        if (object !== undefined) (write.former ??= new Map()).set(id, { ...object });
      }
    }
  }

  #ask(write: Write, collisions: readonly Collision[]): void {
    const handler = this.#handler;
    const sight = sightOf(this.#following, write, collisions, handler?.wantsEqual === true);
    const { conflicts } = sight;
    const open = conflicts.filter((conflict) => conflict.collisions.length > 0);
    const settled = conflicts.filter((conflict) => conflict.collisions.length === 0);
    const known = settled.map((conflict) => ({ conflict, resolution: undefined }));
    if (open.length === 0) {
      this.#decide(sight, known);
      return;
    }
    if (handler === undefined) {
      this.#decide(sight, undefined);
      return;
    }
    this.#asked.set(write, sight);
    this.#following.news.tell(() => {
      void this.#resolutions(handler, sight).then(
        (decided) => {
          if (this.#asked.get(write) !== sight) return; // forgotten meanwhile
          this.#asked.delete(write);
          const isOver = sight.isOver || sight.cursor.epoch !== this.#following.outbox.epoch;
          if (isOver) this.ask();
          else this.#decide(sight, [...known, ...decided]);
          this.#over();
        },
        (cause: unknown) => {
          if (this.#asked.get(write) !== sight) return;
          this.#failed.add(write);
          const { id = "" } = open[0] ?? {};
          const error = new SyncError("handler_failed", `onConflict failed on ${id}`, {
            id,
            cause,
          });
          this.#over();
          this.#following.news.tell(() => this.#following.news.listener.happened("error", error));
        },
      );
    });
  }

  /** The handler has decided, or failed to: no visit waits for it any more. */
  #over(): void {
    this.#following.progressed({});
    this.#following.news.tell();
  }

  /** Whether something is on its way that is about the same: what becomes of it is known soon. */
  #isUnderWay(places: readonly Collision[]): boolean {
    return this.#following.outbox.numbered.some((write) => isAbout(write, places));
  }

  async #resolutions(
    handler: ConflictHandler,
    { write, conflictsWith }: Sight,
  ): Promise<Iterable<Decided>> {
    const { references } = this.#following.options;
    const decided = new Map<string, Decided>();
    let { operations } = write;
    for (;;) {
      const open = conflictsWith(operations).filter(
        ({ id, collisions }) => collisions.length > 0 && !decided.has(id),
      );
      if (open.length === 0) return decided.values();
      for (const conflict of open) {
        const resolution = this.#checked(conflict, await handler(conflict));
        decided.set(conflict.id, { conflict, resolution });
      }
      // What is as the others have it may refer to what gets another id, and is not the same then.
      const renamed = renamesBy(decided.values());
      operations = write.operations.map((one) =>
        withReferences(one, references, (id) => renamed.get(id) ?? id),
      );
    }
  }

  #checked(conflict: Conflict, resolution: Resolution): Resolution {
    if (resolution === undefined || resolution === null) return resolution;
    if (!isRecord(resolution)) {
      throw new TypeError("what an object is to be must be an object, null or undefined");
    }
    const { limits, namespaces } = this.#following.options;
    const id = checkId(resolution["id"] ?? conflict.id, limits);
    if (!goes(id, namespaces)) {
      if (id === conflict.id) return undefined;
      throw new SyncError("forbidden", "objects of this namespace are not pushed", { id });
    }
    return { ...copyChanges(resolution, limits, id), id };
  }

  /** `decided` is undefined where there is nobody to decide: then nothing is left of the write. */
  #decide(sight: Sight, decided: readonly Decided[] | undefined): void {
    const { write, conflicts } = sight;
    const { outbox } = this.#following;
    if (!outbox.takeHeld(write)) return; // forgotten meanwhile, or closed
    const operations = decided === undefined ? [] : resolve(write.operations, decided);
    const collisions = conflicts.flatMap((conflict) => conflict.collisions);
    // With nothing left to write it holds all the same, if what it wanted is there.
    const isLacking = conflicts.some(({ mine, theirs }) => !equalValues(mine, theirs));
    const isRefused = operations.length === 0 && isLacking;
    const renamed = renamesBy(decided ?? []);
    for (const other of outbox.numbered) {
      if (renamed.size > 0 && other.wasSent) {
        this.#moved.set(other, new Map([...(this.#moved.get(other) ?? []), ...renamed]));
      }
    }
    if (operations.length > 0) this.#writeAnew(sight, operations, renamed);
    else this.#finish(write, renamed, isRefused ? conflictError(collisions) : undefined);
  }

  /** What was decided takes the place of the write. */
  #writeAnew(sight: Sight, operations: readonly Operation[], renamed: Renames): void {
    const { outbox, replica, kept, news } = this.#following;
    const { write, objects } = sight;
    const base = operations.map((operation) => valuesBefore(operation, objects.get(operation.id)));
    // What others have destroyed while it was decided about.
    const former = new Map(write.former);
    for (const [id, object] of objects) if (object === undefined) former.delete(id);
    const seen = this.#following.seenAt(seenBy(sight, operations));
    const ids = idsOf(write, renamed);
    const settle: Write["settle"] = (failure) => write.settle(failure, failure ? [] : ids);
    const added = outbox.add({
      ...{ ...write, operations, base, former, seen },
      ...{ isKept: kept.isFree, isAnew: true, settle },
    });
    this.#endLooks(added);
    news.changed(replica.exchange(write, added, renamed, moveAll(outbox, renamed)));
    this.#sendSoon();
    this.#decided();
  }

  /** Nothing is left of it; without an error nothing need be, as the others have come to the same. */
  #finish(write: Write, renamed: Renames, error: SyncError | undefined): void {
    const { replica, news } = this.#following;
    const ids = idsOf(write, renamed);
    news.changed(replica.drop([write]));
    if (error !== undefined) this.#following.fail(write, error);
    else news.add(() => write.settle(undefined, ids));
    this.#decided();
  }

  #decided(): void {
    this.#following.kept.noteWrites();
    this.ask();
    this.#following.progressed({});
    this.#following.tellIfDrained();
    this.#following.news.tell();
  }
}

/** All that may be asked about with a write: also what it refers to, and others have destroyed. */
function subjectsOf({ operations, collisions = [], former }: Write): ObjectId[] {
  const named = [...operations, ...collisions].map(({ id }) => id as ObjectId);
  return [...named, ...(former?.keys() ?? [])];
}

/** Has what no server may know as it is be about other objects. */
function moveAll(outbox: Outbox, renamed: Renames): readonly Write[] {
  if (renamed.size === 0) return [];
  const isOnItsWay = (write: Write): boolean => write.wasSent && outbox.numbered.includes(write);
  return [...outbox].filter((write) => !isOnItsWay(write) && outbox.move(write, renamed));
}

function idsOf({ operations }: Write, renamed: Renames): readonly ObjectId[] {
  return operations.map(({ id }) => renamed.get(id) ?? id);
}

function renamesBy(decided: Iterable<Decided>): Renames {
  const renamed = new Map<ObjectId, ObjectId>();
  for (const { conflict, resolution } of decided) {
    const id = resolution?.["id"];
    const isCreated = conflict.base === null && conflict.mine !== null;
    if (typeof id === "string" && id !== conflict.id && isCreated)
      renamed.set(conflict.id as ObjectId, id as ObjectId);
  }
  return renamed;
}
