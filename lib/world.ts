import { changeBytes, type Change, type Cursor, type Delta } from "./delta.ts";
import { Entry, type ObjectRecord } from "./entry.ts";
import { atMost, SyncError } from "./errors.ts";
import { HandleTable } from "./handle-table.ts";
import type { ServerLimits } from "./limits.ts";
import {
  equalValues,
  propertyOf,
  setProperty,
  textBytes,
  valueBytes,
  type Changes,
  type ObjectId,
  type OwnedObject,
  type SyncObject,
  type Value,
} from "./object.ts";
import type { CreateOperation, DestroyOperation, Operation, UpdateOperation } from "./operation.ts";
import { RecencyList } from "./recency-list.ts";
import { objectShapes, type ObjectShapes, type Shape } from "./object-shape.ts";

/** What one operation of a commit did, and what it takes to undo it. */
export type Applied = AppliedCreate | AppliedUpdate | AppliedDestroy;

interface AppliedBase {
  readonly entry: Entry;
  readonly object: SyncObject;
}

export interface AppliedCreate extends AppliedBase {
  readonly kind: "create";
  readonly replaced: Entry | undefined;
}

export interface AppliedUpdate extends AppliedBase {
  readonly kind: "update";
  /** Only what is different now; undefined was removed. */
  readonly changed: Changes;
  /** The same properties as they were; undefined was not there. */
  readonly previous: Changes;
  /** `touched` are the revisions that were overwritten. */
  readonly before: Memory & { readonly touched: readonly number[] };
}

export interface AppliedDestroy extends AppliedBase {
  readonly kind: "destroy";
  readonly before: Memory;
}

/** What an entry was. */
interface Memory {
  readonly revision: number;
  readonly older: Entry | null;
  readonly forgotten: number;
  readonly shape: Shape;
  readonly revisions: number[];
}

export interface Commit {
  /** The world's `seq` with it; as it was, when nothing changed. */
  readonly seq: number;
  /** Empty when nothing changed. */
  readonly applied: readonly Applied[];
}

/**
 * All that a store gives back of a world. `objects` come in the order of their revision. Where `seq` is
 * beyond all their revisions, there was more than was recorded, and it has ended.
 */
export interface WorldRecord {
  readonly epoch: string;
  readonly seq: number;
  readonly horizon: number;
  readonly nextHandle: number;
  readonly objects: Iterable<ObjectRecord>;
}

export interface SinceOptions {
  /** Everything older was sent already, be it stale: a page goes on from here. */
  readonly from?: number;
  /** Some receivers are further than `from`, up to here: they may know what was created meanwhile. */
  readonly seenMax?: number;
  /** Stop soon after this many bytes, at the end of a commit. */
  readonly bytesMax?: number;
  /** Entries whose change asks for no event. */
  readonly silent?: ReadonlySet<Entry>;
}

/**
 * The authoritative state: objects whose every property knows the commit that last wrote it, kept
 * in the order of their newest revision. So "what changed since N" is a walk over what changed, and
 * it is the only question that replication asks: see ARCHITECTURE.md.
 *
 * Its input is clean: ids, names and values were checked by whoever faces the caller.
 */
export class World {
  readonly epoch: string;
  readonly shapes: ObjectShapes;
  readonly #limits: ServerLimits;
  readonly #entries = new Map<ObjectId, Entry>();
  readonly #byHandle = new HandleTable<Entry>();
  readonly #recency = new RecencyList<Entry>();
  readonly #tombstones: { readonly entry: Entry; readonly at: number }[] = [];
  #seq: number;
  #horizon: number;
  #nextHandle: number;
  #prunedSeq = 0;
  #size = 0;

  constructor(record: WorldRecord, limits: ServerLimits, now: number) {
    this.epoch = record.epoch;
    this.#seq = record.seq;
    this.#horizon = record.horizon;
    this.#nextHandle = record.nextHandle;
    this.#limits = limits;
    this.shapes = objectShapes(limits.shapesMax);
    let newest = record.horizon;
    for (const object of record.objects) {
      this.#load(object, now);
      newest = Math.max(newest, object.revision);
    }
    if (record.seq > newest) this.#endUnrecorded(now);
  }

  /** How many commits the world has had. */
  get seq(): number {
    return this.#seq;
  }

  /** What happened before this commit may be forgotten: who is older starts anew. */
  get horizon(): number {
    return this.#horizon;
  }

  get nextHandle(): number {
    return this.#nextHandle;
  }

  get size(): number {
    return this.#size;
  }

  get(id: string): SyncObject | undefined {
    return this.#entries.get(id as ObjectId)?.object ?? undefined;
  }

  /** Whether an object of this id existed, as far as the world remembers. */
  isGone(id: string): boolean {
    return this.#entries.get(id as ObjectId)?.object === null;
  }

  idOf(handle: number): ObjectId | undefined {
    return this.#byHandle.get(handle)?.id;
  }

  *objects(): IterableIterator<SyncObject> {
    for (const entry of this.#entries.values()) if (entry.object !== null) yield entry.object;
  }

  /** Whether `since(cursor.seq)` leads a replica at `cursor` to the present. */
  canResume(cursor: Cursor): boolean {
    const { epoch, seq, isPart } = cursor;
    return isPart !== true && epoch === this.epoch && seq >= this.#horizon && seq <= this.#seq;
  }

  /**
   * Applies the operations as one step, or throws (`exists`, `not_found`, `gone`, `too_large`,
   * `limit_exceeded`) and changes nothing. What changes nothing uses up no `seq`.
   */
  commit(operations: readonly Operation[], now: number): Commit {
    const applied: Applied[] = [];
    try {
      for (const operation of operations) {
        const effect = this.#apply(operation, now);
        if (effect !== undefined) applied.push(effect);
      }
    } catch (error) {
      this.#revert(applied);
      throw error;
    }
    if (applied.length > 0) this.#seq += 1;
    return { seq: this.#seq, applied };
  }

  /** Takes the newest commit back. Nothing may have been pruned since it was made. */
  undo(commit: Commit): void {
    if (commit.applied.length === 0) return;
    if (commit.seq !== this.#seq || commit.seq <= this.#prunedSeq) {
      throw new Error(`commit ${commit.seq} cannot be taken back at ${this.#seq}`);
    }
    this.#revert(commit.applied);
    this.#seq -= 1;
  }

  /**
   * The changes that lead a replica from `base` to the present, oldest first, or the first page of
   * them; the next page starts `from` where this one ends. What changes between two pages comes
   * again in a later one, so that the last page completes the state of its own moment.
   */
  since(
    base: number,
    { from = base, seenMax = from, bytesMax = Infinity, silent }: SinceOptions = {},
  ): Delta {
    const changes: Change[] = [];
    let bytes = 0;
    let to = from;
    for (let entry = this.#recency.firstAfter(from); entry !== null; entry = entry.newer) {
      if (bytes >= bytesMax && entry.revision !== to) {
        this.#recency.expectNext(entry);
        return { from, to, changes };
      }
      to = entry.revision;
      const change = entry.changeSince(base, seenMax, this.shapes, silent?.has(entry) ?? false);
      if (change === undefined) continue;
      changes.push(change);
      if (bytesMax !== Infinity) bytes += changeBytes(change);
    }
    return { from, to: this.#seq, changes };
  }

  /** What has changed after this commit, and what was destroyed, oldest first. */
  *changedSince(seq: number): IterableIterator<Entry> {
    for (let entry = this.#recency.firstAfter(seq); entry !== null; entry = entry.newer)
      yield entry;
  }

  entry(id: string): Entry | undefined {
    return this.#entries.get(id as ObjectId);
  }

  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** Forgets tombstones that are past their count or age, and moves the horizon accordingly. */
  prune(now: number): void {
    this.#prunedSeq = this.#seq;
    const { tombstonesMax, tombstoneAgeMs } = this.#limits;
    let count = 0;
    for (const { entry, at } of this.#tombstones) {
      const excess = this.#tombstones.length - count > tombstonesMax;
      if (!excess && now - at <= tombstoneAgeMs) break;
      this.#forget(entry);
      count += 1;
    }
    if (count > 0) this.#tombstones.splice(0, count);
  }

  #load(record: ObjectRecord, now: number): void {
    const object: OwnedObject = { id: record.id, ...record.properties };
    const entry = new Entry(record.handle, record.created, object, this.shapes.of(record.names));
    entry.revision = record.revision;
    entry.forgotten = record.forgotten;
    entry.revisions = [...record.revisions];
    if (record.properties === null) {
      entry.object = null;
      this.#tombstones.push({ entry, at: now });
    } else {
      this.#size += 1;
    }
    // A tombstone and the object that has its id now may be of one commit, in either order.
    const other = this.#entries.get(entry.id);
    if (other === undefined || other.handle < entry.handle) this.#entries.set(entry.id, entry);
    this.#byHandle.set(entry.handle, entry);
    this.#recency.append(entry);
  }

  /**
   * Commits the end of every object that was never recorded. Who has one knows it by a handle that
   * nothing here has; when there are too many such handles to tell, nobody can resume.
   */
  #endUnrecorded(now: number): void {
    this.#seq += 1;
    const unknown = this.#nextHandle - 1 - this.#size - this.#tombstones.length;
    if (unknown + this.#tombstones.length > this.#limits.tombstonesMax) {
      this.#horizon = this.#seq;
      return;
    }
    for (let handle = 1; handle < this.#nextHandle; handle++) {
      if (this.#byHandle.get(handle) !== undefined) continue;
      const entry = new Entry(handle, 1, { id: "" }, this.shapes.of([]));
      entry.object = null;
      entry.revision = this.#seq;
      this.#recency.append(entry);
      this.#tombstones.push({ entry, at: now });
    }
  }

  #apply(operation: Operation, now: number): Applied | undefined {
    switch (operation.kind) {
      case "create":
        return this.#create(operation);
      case "update":
        return this.#update(operation);
      case "destroy":
        return this.#destroy(operation, now);
    }
  }

  #create({ id, properties }: CreateOperation): Applied {
    const replaced = this.#entries.get(id);
    if (replaced !== undefined && replaced.object !== null) {
      throw new SyncError("exists", `there is an object ${id} already`, { id });
    }
    const { objectsMax } = this.#limits;
    if (this.#size >= objectsMax) throw atMost("a world", objectsMax, "objects", { id });
    const object: OwnedObject = { id, ...properties };
    this.#checkSize(object);
    const shape = this.shapes.of(Object.keys(properties));
    const entry = new Entry(this.#nextHandle, this.#seq + 1, object, shape);
    this.#nextHandle += 1;
    this.#size += 1;
    this.#entries.set(id, entry);
    this.#byHandle.set(entry.handle, entry);
    this.#recency.append(entry);
    return { kind: "create", entry, object, replaced };
  }

  #update({ id, changes }: UpdateOperation): Applied | undefined {
    const { entry, object } = this.#live(id);
    const changed: Changes = {};
    const previous: Changes = {};
    let isChanged = false;
    for (const name of Object.keys(changes)) {
      const value = changes[name];
      const current = propertyOf(object, name);
      if (equalValues(current, value)) continue;
      isChanged = true;
      changed[name] = value;
      previous[name] = current;
    }
    if (!isChanged) return undefined;
    this.#checkUpdate(object, changed, previous);
    const { revision, older, forgotten, shape, revisions } = entry;
    const touched = this.#write(entry, object, changed);
    entry.revision = this.#seq + 1;
    this.#recency.toNewest(entry);
    const before = { revision, older, forgotten, shape, revisions, touched };
    return { kind: "update", entry, object, changed, previous, before };
  }

  /** Gives back the revisions that it overwrites. */
  #write(entry: Entry, object: OwnedObject, changed: Changes): number[] {
    const { shape, revisions } = entry;
    const revision = this.#seq + 1;
    const touched: number[] = [];
    const added: string[] = [];
    let isAnyRemoved = false;
    for (const name of Object.keys(changed)) {
      const value = changed[name];
      const index = shape.indexOf(name);
      if (index === -1) {
        added.push(name);
        revisions.push(revision);
      } else {
        touched.push(revisions[index] ?? 0);
        revisions[index] = revision;
      }
      isAnyRemoved ||= value === undefined;
      setProperty(object, name, value);
    }
    if (added.length > 0) entry.shape = shape.with(added, this.shapes);
    if (isAnyRemoved) entry.forgetRemoved(this.#limits.removedPropertiesMax, this.shapes);
    return touched;
  }

  #destroy({ id }: DestroyOperation, now: number): Applied | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new SyncError("not_found", `there is no object ${id}`, { id });
    const { object, revision, older, forgotten, shape, revisions } = entry;
    if (object === null) return undefined;
    const before = { revision, older, forgotten, shape, revisions };
    entry.object = null;
    entry.shape = this.shapes.of([]);
    entry.revisions = [];
    entry.revision = this.#seq + 1;
    this.#size -= 1;
    this.#recency.toNewest(entry);
    this.#tombstones.push({ entry, at: now });
    return { kind: "destroy", entry, object, before };
  }

  #live(id: ObjectId): { entry: Entry; object: OwnedObject } {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new SyncError("not_found", `there is no object ${id}`, { id });
    if (entry.object === null)
      throw new SyncError("gone", `the object ${id} was destroyed`, { id });
    return { entry, object: entry.object };
  }

  #revert(applied: readonly Applied[]): void {
    for (let i = applied.length - 1; i >= 0; i--) {
      const effect = applied[i] as Applied;
      const { entry } = effect;
      switch (effect.kind) {
        case "create":
          this.#uncreate(effect);
          continue;
        case "update":
          this.#unupdate(effect);
          break;
        case "destroy":
          entry.object = effect.object;
          this.#size += 1;
          this.#tombstones.pop();
      }
      const { revision, older, forgotten, shape, revisions } = effect.before;
      Object.assign(entry, { revision, forgotten, shape, revisions });
      this.#recency.remove(entry);
      this.#recency.insertAfter(entry, older);
    }
  }

  #uncreate({ entry, replaced }: AppliedCreate): void {
    if (replaced === undefined) this.#entries.delete(entry.id);
    else this.#entries.set(entry.id, replaced);
    this.#byHandle.delete(entry.handle);
    this.#recency.remove(entry);
    this.#nextHandle -= 1;
    this.#size -= 1;
  }

  #unupdate({ entry, previous, before }: AppliedUpdate): void {
    const object = entry.object as OwnedObject;
    const { shape, revisions, touched } = before;
    const overwritten = touched.values();
    for (const [name, value] of Object.entries(previous)) {
      const index = shape.indexOf(name);
      if (index !== -1) revisions[index] = overwritten.next().value as number;
      setProperty(object, name, value);
    }
    revisions.length = shape.names.length;
  }

  /** Numbers hardly grow an object, so that the usual update of a few of them checks nothing. */
  #checkUpdate(object: OwnedObject, changed: Changes, previous: Changes): void {
    let grows = false;
    for (const name of Object.keys(changed)) {
      const value = changed[name];
      grows ||= typeof value === "string" || (typeof value === "object" && value !== null);
      grows ||= previous[name] === undefined;
    }
    if (grows) this.#checkSize({ ...object, ...changed } as OwnedObject);
  }

  #checkSize(object: OwnedObject): void {
    const { objectBytesMax, propertiesPerObjectMax } = this.#limits;
    const { id } = object;
    const names = Object.keys(object).filter((name) => object[name] !== undefined);
    if (names.length - 1 > propertiesPerObjectMax) {
      throw atMost("an object", propertiesPerObjectMax, "properties", { id });
    }
    let bytes = 0;
    for (const name of names) {
      bytes += textBytes(name) + valueBytes(object[name] as Value);
      if (bytes <= objectBytesMax) continue;
      throw atMost("an object", objectBytesMax, "bytes", { id, property: name }, "too_large");
    }
  }

  #forget(tombstone: Entry): void {
    this.#recency.remove(tombstone);
    this.#byHandle.delete(tombstone.handle);
    if (this.#entries.get(tombstone.id) === tombstone) this.#entries.delete(tombstone.id);
    this.#horizon = Math.max(this.#horizon, tombstone.revision);
  }
}
