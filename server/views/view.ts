import { encodeDelta, encodeDeltaWithin, type EncodedDelta } from "../../lib/delta-codec.ts";
import { changeBytes, valuesOf, type Change } from "../../lib/delta.ts";
import { NOTHING_HIDDEN, type Entry } from "../../lib/entry.ts";
import { equalValues, type ObjectId, type SyncObject } from "../../lib/object.ts";
import type { ObjectShapes } from "../../lib/object-shape.ts";
import { RecencyList } from "../../lib/recency-list.ts";
import type { Topics } from "../../lib/topics.ts";
import type { Audience } from "../audience.ts";
import { SnapshotPages } from "../snapshot-pages.ts";
import { hidesSame } from "./hidden.ts";
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
  /** What is told at once, at most. */
  readonly newsBytesMax: number;
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
  /** Those who have left, in this order. */
  readonly #gone = new Set<Member>();
  /** How many of them are remembered at most. */
  #goneMax: number;
  #topics: Topics;
  #key: string | undefined;
  #isReady = false;
  #isClosed = false;
  #version = 0;
  #seq: number;
  #horizon = 0;
  /** The version up to which all who are up to date were told. */
  #told = 0;
  /** The version up to which somebody may have been shown it by a page. */
  #paged = 0;
  /** How many sessions are shown it. */
  users = 0;
  /** Whether newcomers can share it. */
  isShared = false;
  round = 0;

  constructor(audience: Audience, topics: Topics, seq: number, surroundings: ViewSurroundings) {
    this.audience = audience;
    this.#topics = topics;
    this.#seq = seq;
    this.#surroundings = surroundings;
    this.#goneMax = surroundings.goneMax;
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

  get isReady(): boolean {
    return this.#isReady;
  }

  /** How many objects it has, or has had and remembers. */
  get size(): number {
    return this.#members.size;
  }

  /** How many objects it shows. */
  get count(): number {
    return this.#members.size - this.#gone.size;
  }

  /** The same for views of those who see the same, and ask for the same. */
  get key(): string {
    this.#key ??= keyOf(this.audience, this.#topics);
    return this.#key;
  }

  /** An empty one, for somebody who is to go on from here, and to be shown something else. */
  fork(): View {
    return new View(this.audience, this.#topics, this.#seq, this.#surroundings);
  }

  /** Shows what another one does, which sees and asks for the same, in parts. It looks at what changes already. */
  *takeOver(other: View): Generator<number, undefined> {
    for (const { entry, hidden, lowered } of other.members()) {
      if (!this.has(entry.handle)) this.#enter(entry, hidden, lowered);
      yield 1;
    }
    return undefined;
  }

  /** The topics change: nobody is shown it until whoever calls has shown it what they select now. */
  turnTo(topics: Topics): void {
    this.#topics = topics;
    this.#key = undefined;
    this.#isReady = false;
  }

  /** Nobody is shown it until it was `filled` again. */
  hold(): void {
    this.#isReady = false;
  }

  /** It has looked at all that its topics may select. Whoever is shown it is told that by pages. */
  filled(): void {
    this.#isReady = true;
    this.#told = this.#version;
    // However much has left meanwhile: nobody can have been told of it.
    this.#goneMax = this.#gone.size + this.#surroundings.goneMax;
  }

  has(handle: number): boolean {
    return this.#members.get(handle)?.isGone === false;
  }

  *members(): IterableIterator<Member> {
    for (const member of this.#members.values()) if (!member.isGone) yield member;
  }

  /** An object as it is shown; undefined when it is not. */
  member(handle: number): Member | undefined {
    const member = this.#members.get(handle);
    return member?.isGone === false ? member : undefined;
  }

  /** What changed first after a version, or has left. */
  changedAfter(version: number): Member | null {
    return this.#recency.firstAfter(version);
  }

  /** `changedAfter` is likely to be asked for this one. */
  expectNext(member: Member): void {
    this.#recency.expectNext(member);
  }

  passOver(): void {
    this.#told = this.#version;
    this.#forgetSurplus();
  }

  /** All up to this commit was shown to it, as to all other views: by a turn nobody goes back. */
  reach(seq: number): void {
    this.#seq = seq;
  }

  /** Looks at an object as it is now: it enters, stays, changes or leaves. */
  look(entry: Entry, channels: readonly string[]): void {
    if (this.#isClosed) return;
    const { object, handle } = entry;
    const known = this.#members.get(handle);
    const lowered = object === null ? null : this.#lower(object);
    const hidden = object === null ? undefined : this.#hiddenOf(object, lowered, channels);
    if (hidden === undefined || lowered === undefined) {
      if (known?.isGone === false) this.leave(known);
    } else if (known === undefined || known.isGone) {
      this.#enter(entry, hidden, lowered);
    } else if (!hidesSame(known.hidden, hidden) || !equalValues(known.lowered, lowered)) {
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
    this.#gone.add(member);
  }

  /** Nobody is shown it any more: it looks at nothing from now on, and goes in parts. */
  close(): Generator<number, undefined> {
    this.#isClosed = true;
    this.#pages.clear(); // a connection may be a while in going, and holds what its session had
    return this.#closing();
  }

  *#closing(): Generator<number, undefined> {
    for (const [handle, member] of this.#members) {
      if (!member.isGone) this.#surroundings.holders.remove(member);
      this.#recency.remove(member);
      this.#members.delete(handle);
      yield 1;
    }
    return undefined;
  }

  tell(silent: ReadonlySet<Entry>): News {
    const { shared, newsBytesMax } = this.#surroundings;
    if (this.#told === this.#version) return new NoNews(this.#seq);
    const since = { version: this.#told, seq: shared.toldSeq };
    // Who has caught up since the last time is further, and may know what has left by now.
    const from = Math.max(this.#told, this.#paged);
    const changes: Change[] = [];
    for (let one = this.#recency.firstAfter(this.#told); one !== null; one = one.newer) {
      const change = this.#change(one, since, from, silent, shared);
      if (change !== undefined) changes.push(change);
    }
    // Some are further than others, who were told nothing for long: it is from wherever they are.
    const news = { from: 0, to: this.#seq, changes };
    const delta = encodeDeltaWithin(newsBytesMax, news, shared.bodies);
    this.#told = this.#version;
    // Only now: nobody who is up to date can need what is forgotten here.
    if (delta !== undefined) {
      this.#goneMax = this.#surroundings.goneMax;
      this.#forgetSurplus();
    }
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
      const change = this.#change(one, base, from, NOTHING, undefined);
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
    this.#forget(this.#gone.size);
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

  /**
   * What who has all up to `base`, and was shown all up to the version `from`, must apply. A page is one
   * for itself: what is `shared` is kept until all views were told.
   */
  #change(
    member: Member,
    base: Position,
    from: number,
    silent: ReadonlySet<Entry>,
    shared: SharedChanges | undefined,
  ): Change | undefined {
    const { entry, known, entered, shownAnew, hidden, lowered, isGone } = member;
    if (isGone) {
      if (known > Math.max(base.version, from)) return undefined;
      const isDestroyed = entry.object === null;
      return { kind: "destroy", handle: entry.handle, silent: !isDestroyed || silent.has(entry) };
    }
    const { shapes } = this.#surroundings;
    if (shownAnew > base.version || entry.isNewAt(base.seq)) {
      // What has only come into view was not created now.
      const isOld = entered > base.version && entry.created <= base.seq;
      const isSilent = isOld || silent.has(entry);
      if (lowered !== null) return wholeOf(entry, lowered, shapes, isSilent);
      if (shared === undefined) return entry.whole(shapes, isSilent, hidden);
      return shared.whole(entry, isSilent, hidden);
    }
    const isSilent = silent.has(entry);
    if (shared === undefined) return entry.update(base.seq, shapes, isSilent, hidden);
    return shared.update(entry, base.seq, isSilent, hidden);
  }

  #lower(object: SyncObject): SyncObject | null | undefined {
    return this.audience.lower === undefined ? null : this.audience.lower(object);
  }

  /** It comes, or comes back. */
  #enter(entry: Entry, hidden: readonly string[], lowered: SyncObject | null): void {
    const { holders } = this.#surroundings;
    const known = this.#members.get(entry.handle);
    if (known === undefined) {
      const member = new Member(this, entry, ++this.#version, hidden, lowered);
      this.#members.set(entry.handle, member);
      this.#recency.append(member);
      holders.add(member);
      return;
    }
    known.isGone = false;
    this.#gone.delete(known);
    holders.add(known);
    this.#showAnew(known, hidden, lowered);
    known.entered = known.revision;
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

  #forgetSurplus(): void {
    if (this.#gone.size > this.#goneMax) this.#forget(this.#gone.size >> 1);
  }

  /** Those who left first. */
  #forget(count: number): void {
    let left = count;
    for (const member of this.#gone) {
      if (left-- === 0) return;
      this.#horizon = Math.max(this.#horizon, member.revision);
      this.#gone.delete(member);
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

export function keyOf(audience: Audience, topics: Topics): string {
  return `${audience.key} ${topics.key}`;
}
