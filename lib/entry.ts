import { valuesOf, type Change } from "./delta.ts";
import type { ObjectId, OwnedObject, Properties } from "./object.ts";
import type { ObjectShapes, Shape } from "./object-shape.ts";

export const NOTHING_HIDDEN: readonly string[] = [];

/** How a store keeps an object, or the tombstone of a destroyed one (`properties` is null). */
export interface ObjectRecord {
  readonly id: ObjectId;
  readonly handle: number;
  readonly created: number;
  readonly revision: number;
  /** Properties that were removed up to this commit are not remembered; 0 when all are. */
  readonly forgotten: number;
  readonly properties: Properties | null;
  /** Every property that has a revision: those of `properties`, and removed ones. */
  readonly names: readonly string[];
  readonly revisions: readonly number[];
}

/** An object in a world, with the revision of each property, and its place in the order of recency. */
export class Entry {
  readonly id: ObjectId;
  /** The object's small number on the wire and in stores: ascending, never reused. */
  readonly handle: number;
  /** The commit that created the object. */
  readonly created: number;
  /** Null says that it was destroyed: then this is its tombstone. */
  object: OwnedObject | null;
  /** The newest of `revisions`. The order of recency is the order of this. */
  revision: number;
  /** Who has not seen this commit is told the whole object: removed properties are forgotten. */
  forgotten = 0;
  /** Every property that has a revision, in the order of `revisions`; removed ones are among them. */
  shape: Shape;
  revisions: number[];
  older: Entry | null = null;
  newer: Entry | null = null;

  constructor(handle: number, created: number, object: OwnedObject, shape: Shape) {
    this.id = object.id as ObjectId;
    this.handle = handle;
    this.created = created;
    this.object = object;
    this.revision = created;
    this.shape = shape;
    this.revisions = new Array<number>(shape.names.length).fill(created);
  }

  /**
   * What a replica that wholly has `base`, and may have been sent what is up to `seenMax` besides,
   * must apply for this object; nothing if it never heard of it.
   */
  changeSince(
    base: number,
    seenMax: number,
    table: ObjectShapes,
    silent: boolean,
  ): Change | undefined {
    const { handle, object } = this;
    if (object === null) {
      return this.created > seenMax ? undefined : { kind: "destroy", handle, silent };
    }
    if (this.isNewAt(base)) return this.whole(table, silent, NOTHING_HIDDEN);
    return this.update(base, table, silent, NOTHING_HIDDEN);
  }

  /** Whether who has `base` must be told the whole object. */
  isNewAt(base: number): boolean {
    return this.created > base || this.forgotten > base;
  }

  /** The object, of which nothing else needs to be known, without some properties. */
  whole(table: ObjectShapes, silent: boolean, hidden: readonly string[]): Change {
    const { handle, id } = this;
    const object = this.object as OwnedObject;
    let { shape } = this;
    let values = valuesOf(object, shape.names);
    if (hidden.length > 0 || values.includes(undefined)) {
      // Some were removed, and who is told the whole object need not hear of them.
      shape = table.of(
        shape.names.filter((name, i) => values[i] !== undefined && !hidden.includes(name)),
      );
      values = valuesOf(object, shape.names);
    }
    return { kind: "create", handle, id, shape, values, silent };
  }

  /** What has changed since `base`, without some properties. */
  update(base: number, table: ObjectShapes, silent: boolean, hidden: readonly string[]): Change {
    const { handle } = this;
    let shape = this.#changedShape(base, table);
    if (hidden.length > 0 && shape.names.some((name) => hidden.includes(name))) {
      shape = table.of(shape.names.filter((name) => !hidden.includes(name)));
    }
    const values = valuesOf(this.object as OwnedObject, shape.names);
    return { kind: "update", handle, shape, values, silent };
  }

  /** Whether one of the properties that have changed since `base` is such a one, or may be. */
  hasChanged(base: number, isOne: (name: string) => boolean): boolean {
    const { shape, revisions } = this;
    if (this.forgotten > base) return true; // it was removed, and it is not known which
    for (let i = 0; i < revisions.length; i++) {
      if ((revisions[i] as number) > base && isOne(shape.names[i] as string)) return true;
    }
    return false;
  }

  /**
   * Whether such a commit has made the object what it is to somebody from whom these properties are
   * hidden, besides what was removed and is forgotten.
   */
  hasNews(isNews: (seq: number) => boolean, hidden: readonly string[]): boolean {
    const { shape, revisions } = this;
    if (isNews(this.created)) return true;
    return revisions.some((seq, i) => isNews(seq) && !hidden.includes(shape.names[i] as string));
  }

  #changedShape(base: number, table: ObjectShapes): Shape {
    const { shape, revisions } = this;
    if (!shape.fitsMask) {
      return table.of(shape.names.filter((_, i) => (revisions[i] ?? 0) > base));
    }
    let mask = 0;
    for (let i = 0; i < revisions.length; i++) {
      if ((revisions[i] as number) > base) mask |= 1 << i;
    }
    return shape.subset(mask, table);
  }

  /** Remembers at most so many removed properties: when there are more, the newer half of them. */
  forgetRemoved(rememberedMax: number, table: ObjectShapes): void {
    const { object, shape, revisions } = this;
    if (object === null) return;
    const isRemoved = (name: string): boolean => !Object.hasOwn(object, name);
    const removed = revisions.filter((_, i) => isRemoved(shape.names[i] ?? ""));
    if (removed.length <= rememberedMax) return;
    removed.sort((a, b) => b - a);
    const forgotten = removed[Math.floor(rememberedMax / 2)] ?? 0;
    const isKept = (name: string, i: number): boolean =>
      !isRemoved(name) || (revisions[i] ?? 0) > forgotten;
    this.forgotten = forgotten;
    this.revisions = revisions.filter((_, i) => isKept(shape.names[i] ?? "", i));
    this.shape = table.of(shape.names.filter(isKept));
  }

  toRecord(): ObjectRecord {
    const { id, handle, created, revision, forgotten, object } = this;
    const properties: Properties | null = object === null ? null : { ...object };
    if (properties !== null) delete properties["id"];
    return {
      id,
      handle,
      created,
      revision,
      forgotten,
      properties,
      names: this.shape.names,
      revisions: [...this.revisions],
    };
  }
}
