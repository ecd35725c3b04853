import type { Refused } from "./conflict.ts";
import type { Change, Cursor, ObjectCreated, ObjectUpdated } from "./delta.ts";
import { foldWrites, type State } from "./fold.ts";
import {
  setProperty,
  type Changes,
  type ObjectId,
  type OwnedObject,
  type SyncObject,
} from "./object.ts";
import {
  appear,
  rename,
  show,
  update,
  type Reason,
  type ReplicaEvent,
  type Shown,
  type View,
} from "./showing.ts";

/** A write that is not decided yet. */
export interface PendingWrite extends Refused {
  /** Whether it shows before it is decided. */
  readonly optimistic: boolean;
  base?: (Changes | undefined)[] | undefined;
  former?: Map<ObjectId, SyncObject> | undefined;
}

/** An object as the server has confirmed it. */
export interface ConfirmedObject {
  readonly handle: number;
  readonly object: SyncObject;
}

/** What one step of the server brings: all of it shows at once, or none. */
export interface Step {
  readonly epoch: string;
  readonly to: number;
  /** Whether this replaces all that was known before. */
  readonly isReplacing: boolean;
  /** Whether it shows less than the whole world. */
  readonly isPart?: boolean | undefined;
  /** Each object once. */
  readonly changes: readonly Change[];
  /** Objects with a lower handle were created before this client connected. */
  readonly firstNewHandle: number;
  /** The writes that the step decides; they are no longer among the pending ones. */
  readonly decided: readonly PendingWrite[];
  /** Ids that the server gave in place of provisional ones; the same pending writes name these by now. */
  readonly renamed: ReadonlyMap<ObjectId, ObjectId>;
  /** Pending writes that say something else since: they name these, or refer to them. */
  readonly moved: readonly PendingWrite[];
  /** Objects that some of these are not about any more. */
  readonly left: readonly ObjectId[];
}

/** One object of the view, and its confirmed state. */
interface Slot extends Shown {
  handle: number;
  /** The pending writes that touch it. Without, what is visible is the confirmed state. */
  writes: PendingWrite[] | undefined;
  /** Kept aside while there are `writes`: null is known not to exist, undefined is not known. */
  confirmed: State;
}

/** Of an object that the server has not told of. */
export const NO_HANDLE = -1;

/**
 * A client's copy of a world: the confirmed state with the pending writes on top, shown through
 * one reference per object that is changed in place.
 *
 * ```
 * step from the server:  confirmed state <- changes;  decided writes go
 *                        view <- confirmed state + the writes that remain;  events
 * local write:           view <- view + write;  events
 * ```
 */
export class Replica {
  readonly #pending: () => Iterable<PendingWrite>;
  readonly #slots = new Map<ObjectId, Slot>();
  /** A list: handles are small and dense, and where they are not the engine makes it a table by itself. */
  #byHandle: Slot[] = [];
  readonly #view: View = new Map();
  #cursor: Cursor = { epoch: "", seq: 0 };

  /** `pending` lists the undecided writes, oldest first. */
  constructor(pending: () => Iterable<PendingWrite>) {
    this.#pending = pending;
  }

  get cursor(): Cursor {
    return this.#cursor;
  }

  /** What the application sees: by id, always current. */
  get view(): ReadonlyMap<string, SyncObject> {
    return this.#view;
  }

  handleOf(id: ObjectId): number | undefined {
    const handle = this.#slots.get(id)?.handle ?? NO_HANDLE;
    return handle === NO_HANDLE ? undefined : handle;
  }

  idOf(handle: number): ObjectId | undefined {
    return this.#byHandle[handle]?.id;
  }

  /** What the server has confirmed, without the pending writes. Not to be changed. */
  confirmed(id: ObjectId): ConfirmedObject | undefined {
    const slot = this.#slots.get(id);
    if (slot === undefined || slot.handle === NO_HANDLE) return undefined;
    const object = slot.writes === undefined ? slot.object : slot.confirmed;
    return object ? { handle: slot.handle, object } : undefined;
  }

  /** The ids of all that the server has confirmed. */
  *confirmedIds(): IterableIterator<ObjectId> {
    for (const { id, handle } of this.#slots.values()) if (handle !== NO_HANDLE) yield id;
  }

  /** Takes in what was kept of an earlier replica, under all that was written since. */
  restore(
    cursor: Cursor,
    objects: readonly ConfirmedObject[],
    writes: readonly PendingWrite[],
  ): ReplicaEvent[] {
    const events: ReplicaEvent[] = [];
    const affected = new Map<Slot, Reason>();
    this.#cursor = cursor;
    for (const { handle, object } of objects) {
      const slot =
        this.#slots.get(object.id as ObjectId) ?? this.#newSlot(object.id as ObjectId, handle);
      slot.handle = handle;
      if (handle !== NO_HANDLE) this.#byHandle[handle] = slot;
      this.#setConfirmed(slot, object, "old", affected, events);
    }
    for (const write of writes) for (const slot of this.#pend(write)) affected.set(slot, "old");
    return this.#refold(affected, events);
  }

  /** Shows a write that was just added to the pending ones. */
  write(write: PendingWrite): ReplicaEvent[] {
    const slots = this.#pend(write);
    const visible = (id: ObjectId): State => {
      const slot = this.#slots.get(id);
      if (slot?.isVisible === true) return slot.object;
      return slot?.isGone === true ? null : undefined;
    };
    const states = foldWrites([write], visible);
    const events: ReplicaEvent[] = [];
    for (const slot of slots) {
      if (states.has(slot.id)) show(this.#view, slot, states.get(slot.id), "news", events);
    }
    return events;
  }

  /** Shows a write that comes before some of the pending ones. */
  insert(write: PendingWrite): ReplicaEvent[] {
    const events: ReplicaEvent[] = [];
    const affected = new Map<Slot, Reason>();
    for (const slot of this.#pend(write)) affected.set(slot, "news");
    return this.#refold(affected, events);
  }

  /** Takes in a step of the server, and tells what changed for the application. */
  integrate(step: Step): ReplicaEvent[] {
    const events: ReplicaEvent[] = [];
    const affected = new Map<Slot, Reason>();
    this.#release(step.decided, affected);
    for (const [provisional, id] of step.renamed) this.#rename(provisional, id, affected, events);
    for (const id of step.left) {
      const slot = this.#slots.get(id);
      if (slot !== undefined) this.#recount(slot, affected);
    }
    this.#showAgain(step.moved, affected);
    if (step.isReplacing) this.#replaceBy(step, affected, events);
    for (const change of step.changes) this.#confirm(change, step, affected, events);
    this.#cursor = {
      epoch: step.epoch,
      seq: Math.max(step.to, step.isReplacing ? 0 : this.#cursor.seq),
      isPart: step.isPart,
    };
    return this.#refold(affected, events);
  }

  /**
   * Shows a write in the place of another, which is no longer among the pending ones. With `renamed`
   * some of these are about other objects from now on.
   */
  exchange(
    former: PendingWrite | undefined,
    write: PendingWrite | undefined,
    renamed: ReadonlyMap<ObjectId, ObjectId> = new Map(),
    moved: readonly PendingWrite[] = [],
  ): ReplicaEvent[] {
    const events: ReplicaEvent[] = [];
    const affected = new Map<Slot, Reason>();
    // In this order: what is confirmed stays aside.
    if (write !== undefined) for (const slot of this.#pend(write)) affected.set(slot, "news");
    if (former !== undefined) this.#release([former], affected);
    for (const [from, to] of renamed) this.#rename(from, to, affected, events);
    this.#showAgain(moved, affected);
    return this.#refold(affected, events);
  }

  /** Has nothing that a server could go on from; what is in view stays until it is told anew. */
  startAnew(): void {
    this.#cursor = { epoch: "", seq: 0 };
  }

  /** The undecided writes that show in an object, oldest first. */
  writesOn(id: ObjectId): readonly PendingWrite[] {
    return this.#slots.get(id)?.writes ?? [];
  }

  /** Shows what there is without these writes, which are no longer among the pending ones. */
  drop(writes: readonly PendingWrite[]): ReplicaEvent[] {
    const events: ReplicaEvent[] = [];
    const affected = new Map<Slot, Reason>();
    this.#release(writes, affected);
    return this.#refold(affected, events);
  }

  /** The objects that show the write from now on; none, if it shows only when it is decided. */
  #pend(write: PendingWrite): Iterable<Slot> {
    if (!write.optimistic) return [];
    const slots = this.#slotsOf(write);
    for (const slot of slots) {
      if (slot.writes === undefined && slot.isVisible) slot.confirmed = { ...slot.object };
      (slot.writes ??= []).push(write);
    }
    return slots;
  }

  #slotsOf(write: PendingWrite): Set<Slot> {
    const slots = new Set<Slot>();
    for (const { id } of write.operations) {
      slots.add(this.#slots.get(id) ?? this.#newSlot(id, NO_HANDLE));
    }
    return slots;
  }

  #newSlot(id: ObjectId, handle: number): Slot {
    const slot: Slot = {
      id,
      handle,
      object: { id },
      isVisible: false,
      isGone: false,
      writes: undefined,
      confirmed: undefined,
    };
    this.#slots.set(id, slot);
    return slot;
  }

  #release(decided: readonly PendingWrite[], affected: Map<Slot, Reason>): void {
    for (const write of decided) {
      if (!write.optimistic) continue;
      for (const slot of this.#slotsOf(write)) {
        const { writes = [] } = slot;
        if (writes.length > 1) writes.splice(writes.indexOf(write), 1);
        else slot.writes = undefined;
        affected.set(slot, "news");
      }
    }
  }

  /** What was written under a provisional id is told by the one that the server gave it. */
  #rename(
    provisional: ObjectId,
    id: ObjectId,
    affected: Map<Slot, Reason>,
    events: ReplicaEvent[],
  ): void {
    const slot = this.#slots.get(provisional);
    if (slot === undefined) return;
    const existing = this.#slots.get(id);
    if (existing !== undefined || slot.handle !== NO_HANDLE) {
      this.#recount(slot, affected);
      this.#recount(existing ?? this.#newSlot(id, NO_HANDLE), affected);
      return;
    }
    this.#slots.delete(provisional);
    this.#slots.set(id, slot);
    rename(this.#view, slot, id, events);
  }

  /** These writes are not what they were. */
  #showAgain(moved: readonly PendingWrite[], affected: Map<Slot, Reason>): void {
    for (const write of moved) {
      if (!write.optimistic) continue;
      for (const slot of this.#slotsOf(write)) if (!affected.has(slot)) affected.set(slot, "news");
    }
  }

  /** Other writes are about this object than before: as those of an id that was given another. */
  #recount(slot: Slot, affected: Map<Slot, Reason>): void {
    if (slot.isVisible && slot.writes === undefined && !affected.has(slot)) {
      slot.confirmed = { ...slot.object };
    }
    const writes = [...this.#pending()].filter(
      ({ optimistic, operations }) => optimistic && operations.some(({ id }) => id === slot.id),
    );
    slot.writes = writes.length > 0 ? writes : undefined;
    affected.set(slot, "news");
  }

  /** Everything that the replacing changes do not mention is no longer there. */
  #replaceBy(step: Step, affected: Map<Slot, Reason>, events: ReplicaEvent[]): void {
    this.#byHandle = [];
    if (this.#slots.size === 0) return;
    const kept = new Set<ObjectId>();
    for (const change of step.changes) if (change.kind === "create") kept.add(change.id);
    for (const slot of [...this.#slots.values()]) {
      slot.handle = NO_HANDLE;
      if (kept.has(slot.id)) continue;
      noteLoss(slot, step.isPart === true);
      this.#setConfirmed(slot, null, "old", affected, events);
    }
  }

  #confirm(change: Change, step: Step, affected: Map<Slot, Reason>, events: ReplicaEvent[]): void {
    if (change.kind === "create") {
      this.#confirmCreate(change, step, affected, events);
      return;
    }
    const slot = this.#byHandle[change.handle];
    if (slot === undefined) return; // destroyed before this client heard of it
    const { silent } = change;
    if (change.kind === "destroy") {
      Reflect.deleteProperty(this.#byHandle, change.handle);
      slot.handle = NO_HANDLE;
      noteLoss(slot, silent);
      this.#setConfirmed(slot, null, silent ? "old" : "news", affected, events);
    } else if (slot.writes === undefined && !affected.has(slot)) {
      update(slot, change, events);
    } else {
      if (slot.confirmed) assign(slot.confirmed, change);
      affected.set(slot, silent ? "mute" : "news");
    }
  }

  #confirmCreate(
    change: ObjectCreated,
    step: Step,
    affected: Map<Slot, Reason>,
    events: ReplicaEvent[],
  ): void {
    const known = this.#slots.get(change.id);
    const slot = known ?? this.#newSlot(change.id, change.handle);
    if (slot.handle !== NO_HANDLE && slot.handle !== change.handle)
      Reflect.deleteProperty(this.#byHandle, slot.handle);
    slot.handle = change.handle;
    this.#byHandle[change.handle] = slot;
    // What was shown already, be it by a write of one's own, tells how it is different.
    const reason = change.handle < step.firstNewHandle || change.silent ? "old" : "news";
    if (known === undefined) {
      assign(slot.object, change);
      appear(this.#view, slot, reason, events);
      return;
    }
    const state: OwnedObject = { id: change.id };
    assign(state, change);
    this.#setConfirmed(slot, state, reason, affected, events);
  }

  #setConfirmed(
    slot: Slot,
    state: OwnedObject | null,
    reason: Reason,
    affected: Map<Slot, Reason>,
    events: ReplicaEvent[],
  ): void {
    if (slot.writes !== undefined || affected.has(slot)) {
      slot.confirmed = state;
      affected.set(slot, reason);
    } else {
      show(this.#view, slot, state, reason, events);
      if (state === null) this.#slots.delete(slot.id);
    }
  }

  /** Computes again what pending writes make of the confirmed state, where either has changed. */
  #refold(affected: Map<Slot, Reason>, events: ReplicaEvent[]): ReplicaEvent[] {
    if (affected.size === 0) return events;
    const writes = this.#writesTouching(affected);
    const states = foldWrites(writes, (id) => this.#slots.get(id)?.confirmed);
    for (const [slot, reason] of affected) {
      const state = states.has(slot.id) ? states.get(slot.id) : slot.confirmed;
      show(this.#view, slot, state, reason, events);
      if (slot.writes !== undefined) continue;
      slot.confirmed = undefined;
      if (!slot.isVisible && this.#slots.get(slot.id) === slot) this.#slots.delete(slot.id);
    }
    return events;
  }

  /**
   * The pending writes that touch what has changed. As a write shows as a whole or not at all,
   * whatever else they touch is affected as well.
   */
  #writesTouching(affected: Map<Slot, Reason>): PendingWrite[] {
    const touching = new Set<PendingWrite>();
    // Comes to what it adds itself.
    for (const { writes = [] } of affected.keys()) {
      for (const write of writes) {
        if (touching.has(write)) continue;
        touching.add(write);
        for (const slot of this.#slotsOf(write))
          if (!affected.has(slot)) affected.set(slot, "news");
      }
    }
    return touching.size === 0 ? [] : [...this.#pending()].filter((write) => touching.has(write));
  }
}

function assign(object: OwnedObject, change: ObjectCreated | ObjectUpdated): void {
  const { names } = change.shape;
  for (let i = 0; i < names.length; i++) setProperty(object, names[i] as string, change.values[i]);
}

/**
 * Pending writes remember what others have destroyed, for who may want it back. What has left the view
 * may be hidden now: of that they remember nothing.
 */
function noteLoss({ id, confirmed, writes = [] }: Slot, isHidden: boolean): void {
  for (const write of writes) {
    if (isHidden) {
      write.former?.delete(id);
      write.base = write.base?.map((base, i) =>
        write.operations[i]?.id === id ? undefined : base,
      );
    } else if (confirmed) (write.former ??= new Map()).set(id, { ...confirmed });
  }
}
