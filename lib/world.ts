import type { Change, Cursor, Delta } from "./delta.ts";
import { Entry, type ObjectRecord } from "./entry.ts";
import { SyncError } from "./errors.ts";
import { HandleTable } from "./handle-table.ts";
import type { Limits } from "./limits.ts";
import {
  equalValues,
  propertyOf,
  setProperty,
  valueBytes,
  type Changes,
  type ObjectId,
  type OwnedObject,
  type SyncObject,
  type Value,
} from "./object.ts";
import type { CreateOperation, DestroyOperation, Operation, UpdateOperation } from "./operation.ts";
import { RecencyList } from "./recency-list.ts";
import { ShapeTable, type Shape } from "./shape.ts";

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
  readonly before: Position & { readonly shape: Shape; readonly touched: readonly number[] };
}

export interface AppliedDestroy extends AppliedBase {
  readonly kind: "destroy";
  readonly before: Position & { readonly shape: Shape; readonly revisions: number[] };
}

interface Position {
  readonly revision: number;
  readonly older: Entry | null;
}

export interface Commit {
  /** The world's `seq` with it; as it was, when nothing changed. */
  readonly seq: number;
  /** Empty when nothing changed. */
  readonly applied: readonly Applied[];
}

/** All that a store gives back of a world. `objects` come in the order of their revision. */
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
  readonly shapes: ShapeTable;
  readonly #limits: Limits;
  readonly #entries = new Map<ObjectId, Entry>();
  readonly #byHandle = new HandleTable<Entry>();
  readonly #recency = new RecencyList();
  readonly #tombstones: { readonly entry: Entry; readonly at: number }[] = [];
  /** Objects that remember more removed properties than they may. */
  readonly #withExcess = new Set<Entry>();
  #seq: number;
  #horizon: number;
  #nextHandle: number;
  #size = 0;

  constructor(record: WorldRecord, limits: Limits, now: number) {
    this.epoch = record.epoch;
    this.#seq = record.seq;
    this.#horizon = record.horizon;
    this.#nextHandle = record.nextHandle;
    this.#limits = limits;
    this.shapes = new ShapeTable(limits.shapesMax);
    for (const object of record.objects) this.#load(object, now);
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
    return cursor.epoch === this.epoch && cursor.seq >= this.#horizon && cursor.seq <= this.#seq;
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

  /** Takes the newest commit back. */
  undo(commit: Commit): void {
    if (commit.applied.length === 0) return;
    this.#revert(commit.applied);
    this.#seq -= 1;
  }

  /**
   * The changes that lead a replica from `base` to the present, oldest first, or the first page of
   * them; the next page starts `from` where this one ends. What changes between two pages comes
   * again in a later one, so that the last page completes the state of its own moment.
   */
  since(base: number, { from = base, bytesMax = Infinity, silent }: SinceOptions = {}): Delta {
    const changes: Change[] = [];
    let bytes = 0;
    let to = from;
    for (let entry = this.#recency.firstAfter(from); entry !== null; entry = entry.newer) {
      if (bytes >= bytesMax && entry.revision !== to) {
        this.#recency.expectNext(entry);
        return { from, to, changes };
      }
      to = entry.revision;
      const change = entry.changeSince(base, from, this.shapes, silent?.has(entry) ?? false);
      if (change === undefined) continue;
      changes.push(change);
      if (bytesMax !== Infinity) bytes += changeBytes(change);
    }
    return { from, to: this.#seq, changes };
  }

  /** Forgets what is past its count or age, and moves the horizon accordingly. */
  prune(now: number): void {
    const { tombstonesMax, tombstoneAgeMs } = this.#limits;
    let count = 0;
    for (const { entry, at } of this.#tombstones) {
      const excess = this.#tombstones.length - count > tombstonesMax;
      if (!excess && now - at <= tombstoneAgeMs) break;
      this.#forget(entry);
      count += 1;
    }
    if (count > 0) this.#tombstones.splice(0, count);
    for (const entry of this.#withExcess) this.#forgetRemoved(entry);
    this.#withExcess.clear();
  }

  #load(record: ObjectRecord, now: number): void {
    const object: OwnedObject = { id: record.id, ...record.properties };
    const entry = new Entry(record.handle, record.created, object, this.shapes.of(record.names));
    entry.revision = record.revision;
    entry.revisions = [...record.revisions];
    if (record.properties === null) {
      entry.object = null;
      this.#tombstones.push({ entry, at: now });
    } else {
      this.#size += 1;
      this.#noteRemoval(entry, object);
    }
    this.#entries.set(entry.id, entry);
    this.#byHandle.set(entry.handle, entry);
    this.#recency.append(entry);
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
    const touched: number[] = [];
    const before = { revision: entry.revision, older: entry.older, shape: entry.shape, touched };
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
    for (const name of Object.keys(changed))
      this.#write(entry, object, name, changed[name], touched);
    entry.revision = this.#seq + 1;
    this.#recency.toNewest(entry);
    return { kind: "update", entry, object, changed, previous, before };
  }

  #write(
    entry: Entry,
    object: OwnedObject,
    name: string,
    value: Value | undefined,
    touched: number[],
  ): void {
    let index = entry.shape.indexOf(name);
    if (index === -1) {
      index = entry.revisions.length;
      entry.shape = entry.shape.with(name, this.shapes);
    } else {
      touched.push(entry.revisions[index] ?? 0);
    }
    entry.revisions[index] = this.#seq + 1;
    setProperty(object, name, value);
    if (value === undefined) this.#noteRemoval(entry, object);
  }

  #destroy({ id }: DestroyOperation, now: number): Applied | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new SyncError("not_found", `there is no object ${id}`, { id });
    const { object, revision, older, shape, revisions } = entry;
    if (object === null) return undefined;
    entry.object = null;
    entry.shape = this.shapes.of([]);
    entry.revisions = [];
    entry.revision = this.#seq + 1;
    this.#size -= 1;
    this.#recency.toNewest(entry);
    this.#tombstones.push({ entry, at: now });
    return { kind: "destroy", entry, object, before: { revision, older, shape, revisions } };
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
          entry.shape = effect.before.shape;
          entry.revisions = effect.before.revisions;
          this.#size += 1;
          this.#tombstones.pop();
      }
      entry.revision = effect.before.revision;
      this.#recency.remove(entry);
      this.#recency.insertAfter(entry, effect.before.older);
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
    const touched = before.touched.values();
    for (const [name, value] of Object.entries(previous)) {
      const index = before.shape.indexOf(name);
      if (index !== -1) entry.revisions[index] = touched.next().value as number;
      setProperty(object, name, value);
    }
    entry.shape = before.shape;
    entry.revisions.length = before.shape.names.length;
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
      const message = `an object has at most ${String(propertiesPerObjectMax)} properties`;
      throw new SyncError("limit_exceeded", message, { id });
    }
    let bytes = 0;
    for (const name of names) {
      bytes += name.length + 2 + valueBytes(object[name] as Value);
      if (bytes <= objectBytesMax) continue;
      const message = `an object has at most ${String(objectBytesMax)} bytes`;
      throw new SyncError("too_large", message, { id, property: name });
    }
  }

  #forget(tombstone: Entry): void {
    this.#recency.remove(tombstone);
    this.#byHandle.delete(tombstone.handle);
    if (this.#entries.get(tombstone.id) === tombstone) this.#entries.delete(tombstone.id);
    this.#horizon = Math.max(this.#horizon, tombstone.revision);
  }

  #noteRemoval(entry: Entry, object: OwnedObject): void {
    const removed = entry.shape.names.length - (Object.keys(object).length - 1);
    if (removed > this.#limits.removedPropertiesMax) this.#withExcess.add(entry);
  }

  #forgetRemoved(entry: Entry): void {
    const { object } = entry;
    if (object === null) return;
    const names: string[] = [];
    const revisions: number[] = [];
    for (const [i, name] of entry.shape.names.entries()) {
      const revision = entry.revisions[i] ?? 0;
      if (Object.hasOwn(object, name)) {
        names.push(name);
        revisions.push(revision);
      } else {
        this.#horizon = Math.max(this.#horizon, revision);
      }
    }
    entry.shape = this.shapes.of(names);
    entry.revisions = revisions;
  }
}

function changeBytes(change: Change): number {
  if (change.kind === "destroy") return 4;
  let bytes = change.kind === "create" ? change.id.length + 4 : 4;
  for (const value of change.values) bytes += value === undefined ? 1 : valueBytes(value);
  return bytes;
}
