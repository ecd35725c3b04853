import { encodeDelta, type EncodedDelta } from "../../lib/delta-codec.ts";
import { changeBytes, valuesOf, type Change } from "../../lib/delta.ts";
import { NOTHING_HIDDEN, type Entry } from "../../lib/entry.ts";
import { equalValues, type ObjectId, type SyncObject } from "../../lib/object.ts";
import type { ObjectShapes } from "../../lib/object-shape.ts";
import { RecencyList } from "../../lib/recency-list.ts";
import type { Topics } from "../../lib/topics.ts";
import type { Audience } from "../audience.ts";
import { SnapshotPages } from "../snapshot-pages.ts";
import { Member, type Holders, type MemberView } from "./member.ts";
import type { Position } from "./position.ts";
import type { SharedChanges } from "./shared-changes.ts";
import type { News, Page, Source } from "./source.ts";

/** What all views of a world have in common. */
export interface ViewSurroundings {
  readonly shapes: ObjectShapes;
  readonly entryOf: (id: ObjectId) => Entry | undefined;
  /** The object that has, or had, a handle, if its like is for everyone to see. */
  readonly publicIdOf: (handle: number) => ObjectId | undefined;
  readonly holders: Holders;
  readonly shared: SharedChanges;
  readonly pageBytes: number;
  /** How many objects that have left a view are remembered for those who catch up. */
  readonly goneMax: number;
}

const NOTHING: ReadonlySet<Entry> = new Set();

/**
 * A part of a world as one audience sees it: a world in small, with its own order of what changed. To
 * enter is to be told whole, to leave is to be destroyed without an event; so who follows a view needs
 * nothing else than who follows a world.
 */
export class View implements Source, MemberView {
  readonly audience: Audience;
  readonly #surroundings: ViewSurroundings;
  readonly #pages = new SnapshotPages(this);
  /** By handle. Those who have left are among them until they are forgotten. */
  readonly #members = new Map<number, Member>();
  readonly #recency = new RecencyList<Member>();
  #gone: Member[] = [];
  #topics: Topics;
  #version = 0;
  #seq: number;
  #horizon = 0;
  /** The version up to which all who are up to date were told. */
  #told = 0;
  /** The version up to which somebody may have been shown it by a page. */
  #paged = 0;
  /** How many sessions are shown it. */
  users = 0;
  round = 0;

  constructor(audience: Audience, topics: Topics, seq: number, surroundings: ViewSurroundings) {
    this.audience = audience;
    this.#topics = topics;
    this.#seq = seq;
    this.#surroundings = surroundings;
  }

  get topics(): Topics {
    return this.#topics;
  }

  get position(): Position {
    return { version: this.#version, seq: this.#seq };
  }

  get horizon(): number {
    return this.#horizon;
  }

  /** One for somebody who goes on from here and is shown something else. */
  fork(): View {
    const copy = new View(this.audience, this.#topics, this.#seq, this.#surroundings);
    copy.#version = this.#version;
    copy.#horizon = this.#horizon;
    copy.#told = this.#told;
    for (let one = this.#recency.firstAfter(0); one !== null; one = one.newer) {
      const { entry, known, entered, shownAnew, revision, hidden, lowered, isGone } = one;
      const member = new Member(copy, entry, entered, hidden, lowered, known);
      member.shownAnew = shownAnew;
      member.revision = revision;
      member.isGone = isGone;
      copy.#members.set(entry.handle, member);
      copy.#recency.append(member);
      if (isGone) copy.#gone.push(member);
      else this.#surroundings.holders.add(member);
    }
    return copy;
  }

  /** The topics change. Whoever calls shows what they select now, and looks again at every member. */
  turnTo(topics: Topics): void {
    this.#topics = topics;
  }

  has(handle: number): boolean {
    return this.#members.get(handle)?.isGone === false;
  }

  *members(): IterableIterator<Member> {
    for (const member of this.#members.values()) if (!member.isGone) yield member;
  }

  /** Whether it shows exactly what another one does. */
  isLike(other: View): boolean {
    let count = 0;
    for (const { entry, hidden, lowered } of other.members()) {
      const member = this.#members.get(entry.handle);
      if (member === undefined || member.isGone || !isSame(member.hidden, hidden)) return false;
      if (!equalValues(member.lowered, lowered)) return false;
      count += 1;
    }
    return count === [...this.members()].length;
  }

  /** Whoever is shown it was told all of it, or will be told by pages. */
  passOver(): void {
    this.#told = this.#version;
  }

  /** All up to this commit was shown to it, as to all other views: by a turn nobody goes back. */
  reach(seq: number): void {
    this.#seq = seq;
  }

  /** Looks at an object as it is now: it enters, stays, changes or leaves. */
  look(entry: Entry, channels: readonly string[]): void {
    const { object, handle } = entry;
    const known = this.#members.get(handle);
    const lowered = object === null ? null : this.#lower(object);
    const hidden = object === null ? undefined : this.#hiddenOf(object, lowered, channels);
    if (hidden === undefined || lowered === undefined) {
      if (known?.isGone === false) this.leave(known);
    } else if (known === undefined) {
      const member = new Member(this, entry, ++this.#version, hidden, lowered);
      this.#members.set(handle, member);
      this.#recency.append(member);
      this.#surroundings.holders.add(member);
    } else if (known.isGone) {
      known.isGone = false;
      this.#surroundings.holders.add(known);
      this.#showAnew(known, hidden, lowered);
      known.entered = known.revision;
    } else if (!isSame(known.hidden, hidden) || !equalValues(known.lowered, lowered)) {
      this.#showAnew(known, hidden, lowered);
    } else if (entry.revision > this.#seq && this.#isShownDifferently(known)) {
      this.#touch(known);
    }
  }

  /** It is destroyed, or is not to be seen any more. */
  leave(member: Member): void {
    member.isGone = true;
    this.#surroundings.holders.remove(member);
    this.#conceal(member);
    this.#touch(member);
    this.#gone.push(member);
  }

  /** Nobody is shown it any more. */
  close(): void {
    for (const member of this.members()) this.#surroundings.holders.remove(member);
    this.#members.clear();
  }

  tell(silent: ReadonlySet<Entry>): News {
    const { shared } = this.#surroundings;
    if (this.#told === this.#version) return new NoNews(this.#seq);
    const since = { version: this.#told, seq: shared.toldSeq };
    // Who has caught up since the last time is further, and may know what has left by now.
    const from = Math.max(this.#told, this.#paged);
    const changes: Change[] = [];
    for (let one = this.#recency.firstAfter(this.#told); one !== null; one = one.newer) {
      const change = this.#change(one, since, from, silent);
      if (change !== undefined) changes.push(change);
    }
    // Some are further than others, who were told nothing for long: it is from wherever they are.
    const delta = encodeDelta({ from: 0, to: this.#seq, changes }, shared.bodies);
    this.#told = this.#version;
    // Only now: nobody who is up to date can need what is forgotten here.
    if (this.#gone.length > this.#surroundings.goneMax) this.#forget(this.#gone.length >> 1);
    return { delta, isNews: changes.length > 0 };
  }

  page(base: Position, from: number): Page {
    this.#paged = this.#version;
    return this.#pages.get(base, from);
  }

  makePage(base: Position, from: number): Page {
    const { pageBytes } = this.#surroundings;
    const changes: Change[] = [];
    let next = from;
    let bytes = 0;
    let one = this.#recency.firstAfter(from);
    for (; one !== null && bytes < pageBytes; one = one.newer) {
      next = one.revision;
      const change = this.#change(one, base, from, NOTHING);
      if (change === undefined) continue;
      changes.push(change);
      bytes += changeBytes(change);
    }
    if (one !== null) this.#recency.expectNext(one);
    const isWhole = one === null;
    // Parts do not move a replica: what they show is of no commit.
    const to = isWhole ? this.#seq : base.seq;
    const delta = encodeDelta({ from: base.seq, to, changes });
    return { delta, next: isWhole ? this.#version : next, isWhole, madeAt: this.#version };
  }

  idOf(handle: number): ObjectId | undefined {
    // Not of what has left: it may have been hidden, before a newcomer was shown this view.
    if (this.has(handle)) return this.#members.get(handle)?.entry.id;
    return this.#surroundings.publicIdOf(handle);
  }

  shows(id: ObjectId): boolean {
    const entry = this.#surroundings.entryOf(id);
    return entry !== undefined && this.has(entry.handle);
  }

  forgetPages(): void {
    this.#pages.clear();
  }

  /** Nobody lacks anything: what has left need not be remembered. */
  forgetGone(): void {
    this.#forget(this.#gone.length);
  }

  /** What is not shown of an object; undefined when it is not shown at all. */
  #hiddenOf(
    object: SyncObject,
    lowered: SyncObject | null | undefined,
    channels: readonly string[],
  ): readonly string[] | undefined {
    const { audience } = this;
    const topics = this.#topics;
    // What is shown in its place lacks what is hidden, and is what its audience asks about.
    if (lowered) return topics.select(lowered, channels) ? NOTHING_HIDDEN : undefined;
    // A query is about what its audience may read, which only the rules can tell.
    const depends = topics.queries.length > 0 && audience.mayHide(object.id).length > 0;
    if (!depends) return topics.select(object, channels) ? audience.hidden(object) : undefined;
    const hidden = audience.hidden(object);
    return hidden !== undefined && topics.select(object, channels, hidden) ? hidden : undefined;
  }

  /** What who has all up to `base`, and was shown all up to the version `from`, must apply. */
  #change(
    member: Member,
    base: Position,
    from: number,
    silent: ReadonlySet<Entry>,
  ): Change | undefined {
    const { entry, known, entered, shownAnew, hidden, lowered, isGone } = member;
    if (isGone) {
      if (known > Math.max(base.version, from)) return undefined;
      const isDestroyed = entry.object === null;
      return { kind: "destroy", handle: entry.handle, silent: !isDestroyed || silent.has(entry) };
    }
    const { shapes, shared } = this.#surroundings;
    if (shownAnew > base.version || entry.isNewAt(base.seq)) {
      // What has only come into view was not created now.
      const isOld = entered > base.version && entry.created <= base.seq;
      const isSilent = isOld || silent.has(entry);
      if (lowered !== null) return wholeOf(entry, lowered, shapes, isSilent);
      if (hidden.length > 0) return entry.whole(shapes, isSilent, hidden);
      return shared.whole(entry, isSilent);
    }
    if (hidden.length > 0) return entry.update(base.seq, shapes, silent.has(entry), hidden);
    return shared.update(entry, base.seq, silent.has(entry));
  }

  #lower(object: SyncObject): SyncObject | null | undefined {
    return this.audience.lower === undefined ? null : this.audience.lower(object);
  }

  #showAnew(member: Member, hidden: readonly string[], lowered: SyncObject | null): void {
    this.#conceal(member);
    member.hidden = hidden;
    member.lowered = lowered;
    this.#touch(member);
    member.shownAnew = member.revision;
  }

  /** What pages have of it, nobody who reads them from now on may see. */
  #conceal({ entry }: Member): void {
    if (entry.object !== null) this.#pages.clear();
  }

  #isShownDifferently({ entry, hidden, lowered }: Member): boolean {
    if (lowered !== null) return false; // it was compared
    if (hidden.length === 0) return true;
    return entry.hasChanged(this.#seq, (name) => !hidden.includes(name));
  }

  #touch(member: Member): void {
    member.revision = ++this.#version;
    this.#recency.toNewest(member);
  }

  #forget(count: number): void {
    for (const member of this.#gone.splice(0, count)) {
      this.#horizon = Math.max(this.#horizon, member.isGone ? member.revision : 0);
      if (!member.isGone || this.#members.get(member.entry.handle) !== member) continue;
      this.#members.delete(member.entry.handle);
      this.#recency.remove(member);
    }
  }
}

/** Most views show nothing new at a time: what says so is encoded only for who needs to hear it. */
class NoNews implements News {
  readonly isNews = false;
  readonly #to: number;

  constructor(to: number) {
    this.#to = to;
  }

  get delta(): EncodedDelta {
    return encodeDelta({ from: 0, to: this.#to, changes: [] });
  }
}

/** Of what has another shape for its audience, it is not known which properties have changed: all are told. */
function wholeOf(
  { handle, id }: Entry,
  lowered: SyncObject,
  shapes: ObjectShapes,
  silent: boolean,
): Change {
  const shape = shapes.of(Object.keys(lowered).filter((name) => name !== "id"));
  return { kind: "create", handle, id, shape, values: valuesOf(lowered, shape.names), silent };
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return (
    some === others || (some.length === others.length && some.every((one, i) => one === others[i]))
  );
}
