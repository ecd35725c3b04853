import type { Cursor } from "../lib/delta.ts";
import type { Entry } from "../lib/entry.ts";
import { namespaceOf, type ObjectId, type SyncObject } from "../lib/object.ts";
import type { World } from "../lib/world.ts";

/** What has become of one object. */
export interface ObjectChange {
  readonly id: string;
  /** The object as it is, a copy; undefined when it was destroyed, or may not be seen. */
  readonly object: SyncObject | undefined;
  /** The commit that created it, and the one that last changed it. */
  readonly created: number;
  readonly revision: number;
}

/** All that has changed since a cursor. */
export interface ChangesSince {
  /** Where the world is with them: what to ask from next. */
  readonly cursor: Cursor;
  /**
   * Whether these are all objects that there are, because no cursor was given, or it is of no use any
   * more: of another epoch, or too old. Whatever else somebody has of this world is gone.
   */
  readonly isWhole: boolean;
  /** Oldest first, each object once. What was destroyed is among them if a cursor was given. */
  readonly changes: readonly ObjectChange[];
}

export interface ReadingOptions {
  readonly world: World;
  readonly cursor: Cursor | undefined;
  readonly namespace: string | undefined;
  /** Whether objects of the namespace end with the process, or may. */
  readonly mayEndUnrecorded: boolean;
  /** A copy of what may be seen of it, as the rules are now. */
  readonly see: (object: SyncObject) => SyncObject | undefined;
}

interface Read {
  readonly entry: Entry;
  /** Whether it was there then. */
  readonly isThere: boolean;
  readonly change: ObjectChange;
}

/** What it costs to copy an object, and to answer with it, in looks, about. */
const COPY_LOOKS = 2;

/**
 * What has changed since a cursor, read in parts: the world goes on between two of them, and they must
 * begin when it holds nothing that can be taken back. What changes after it was read is at the end of the
 * order of recency again, and takes the place of what was read; so the last part completes the state of
 * its own moment. What the rules hide meanwhile is read again.
 */
export class ChangesReading {
  readonly #options: ReadingOptions;
  readonly #read = new Map<ObjectId, Read>();
  #isWhole: boolean;
  #began: number;
  /** The last one that was read, and those of the same commit. */
  #last: Entry | undefined;
  #revision = 0;
  readonly #ofRevision = new Set<Entry>();
  /** What is to be looked at again, as the rules may say something else about it now. */
  #reconsidered = new Set<ObjectId>();

  constructor(options: ReadingOptions) {
    this.#options = options;
    const { world, cursor } = options;
    this.#isWhole = cursor === undefined || !world.canResume(cursor);
    this.#began = world.seq;
    this.#revision = this.#since;
  }

  /** The rules may say something else now of these objects, or of all. */
  reconsider(ids: readonly ObjectId[] | undefined): void {
    if (ids === undefined) this.#restart(this.#isWhole);
    else for (const id of ids) if (this.#read.has(id)) this.#reconsidered.add(id);
  }

  /** Goes on for as long as `spend` lets it, which is told what was done. Gives all of it in the end. */
  goOn(spend: (looks: number) => boolean): ChangesSince | undefined {
    const { world, cursor } = this.#options;
    // What was destroyed may be forgotten by now, and nobody would be told of it.
    if (!this.#isWhole && cursor !== undefined && !world.canResume(cursor)) this.#restart(true);
    for (const id of this.#reconsidered) {
      this.#reconsidered.delete(id);
      const known = this.#read.get(id);
      // What was destroyed since comes again, or is left out in the end.
      if (known !== undefined && known.entry.object !== null)
        this.#read.set(id, this.#see(known.entry));
      if (!spend(COPY_LOOKS)) return undefined;
    }
    for (let entry = this.#next(); entry !== null; entry = this.#next()) {
      if (!this.#isWhole && !this.#canTellOf(entry)) this.#restart(true);
      else if (!spend(this.#take(entry))) return undefined;
    }
    const { epoch, seq } = world;
    return { cursor: { epoch, seq }, isWhole: this.#isWhole, changes: this.#changes() };
  }

  get #since(): number {
    return this.#isWhole ? 0 : (this.#options.cursor?.seq ?? 0);
  }

  #restart(isWhole: boolean): void {
    this.#isWhole = isWhole;
    this.#read.clear();
    this.#reconsidered.clear();
    this.#ofRevision.clear();
    this.#last = undefined;
    this.#began = this.#options.world.seq;
    this.#revision = this.#since;
  }

  #next(): Entry | null {
    const last = this.#last;
    // It may have changed since, and be the newest; or be forgotten, and be nowhere.
    if (last?.revision === this.#revision && last.newer !== null) return last.newer;
    const from = last === undefined ? this.#revision : this.#revision - 1;
    for (const entry of this.#options.world.changedSince(from))
      if (!this.#ofRevision.has(entry)) return entry;
    return null;
  }

  /** Gives what that has cost. */
  #take(entry: Entry): number {
    const { cursor, namespace } = this.#options;
    if (entry.revision !== this.#revision) this.#ofRevision.clear();
    this.#last = entry;
    this.#revision = entry.revision;
    this.#ofRevision.add(entry);
    const { id } = entry;
    if (id === ("" as ObjectId) || (namespace !== undefined && namespaceOf(id) !== namespace))
      return 1;
    // Another one has the id of a destroyed object now.
    if (entry.object === null && this.#options.world.entry(id) !== entry) return 1;
    this.#read.delete(id);
    this.#reconsidered.delete(id);
    if (entry.object === null && cursor === undefined) return 1;
    this.#read.set(id, this.#see(entry));
    return 1 + COPY_LOOKS;
  }

  #see(entry: Entry): Read {
    const { id, created, revision, object } = entry;
    const seen = object === null ? undefined : this.#options.see(object);
    return { entry, isThere: object !== null, change: { id, created, revision, object: seen } };
  }

  /**
   * Not past the end of something whose id nobody knows: what was ephemeral died with a former server,
   * and who asks by id cannot be told of it.
   */
  #canTellOf({ id }: Entry): boolean {
    return id !== ("" as ObjectId) || !this.#options.mayEndUnrecorded;
  }

  #changes(): ObjectChange[] {
    const all = [...this.#read.values()];
    // That some were destroyed since they were read may be forgotten already.
    const isAnyForgotten = this.#options.world.horizon > this.#began;
    const standing = isAnyForgotten
      ? all.filter(({ entry, isThere }) => entry.object !== null || !isThere)
      : all;
    return standing.map(({ change }) => change);
  }
}
