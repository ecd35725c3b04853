import type { Entry } from "../../lib/entry.ts";
import type { SyncError } from "../../lib/errors.ts";
import type { ServerLimits } from "../../lib/limits.ts";
import { namespaceOf, type ObjectId, type SyncObject } from "../../lib/object.ts";
import type { Query } from "../../lib/query.ts";
import type { Topics } from "../../lib/topics.ts";
import type { World } from "../../lib/world.ts";
import type { Audience } from "../audience.ts";
import type { Permissions } from "../rules.ts";
import { Channels, type ChannelsOf } from "./channels.ts";
import { Holders, type MemberView } from "./member.ts";
import type { Position } from "./position.ts";
import { SharedChanges } from "./shared-changes.ts";
import type { Source } from "./source.ts";
import { View, type ViewSurroundings } from "./view.ts";
import { ViewIndex } from "./view-index.ts";
import { WholeWorld } from "./whole-world.ts";

/**
 * Everything that is shown of a world: all of it, to who may see all and asks for all; else a view,
 * which those who see the same share. A view knows what happened up to the last `advance`, and nobody
 * is shown anything before it.
 */
export class Views {
  readonly whole: WholeWorld;
  readonly #world: World;
  readonly #permissions: Permissions;
  readonly #channels: Channels;
  readonly #surroundings: ViewSurroundings;
  readonly #index = new ViewIndex();
  readonly #all = new Set<View>();
  /** Views that show something else since the last `advance`. */
  readonly #turned = new Set<View>();
  /** By what is asked for and who asks: those that newcomers can share. */
  readonly #shared = new Map<string, View>();
  /** Those that are opened with the next `advance`. */
  readonly #unopened = new Set<View>();
  /** Objects of which it is to be looked again who may see what. */
  #reconsidered: Set<ObjectId> | "all" = new Set();
  #seq: number;
  #rounds = 0;

  constructor(
    world: World,
    permissions: Permissions,
    channelsOf: ChannelsOf | undefined,
    limits: ServerLimits,
    onError: (error: SyncError) => void,
  ) {
    this.#world = world;
    this.#permissions = permissions;
    this.#channels = new Channels(onError);
    if (channelsOf !== undefined) this.#channels.add(channelsOf);
    const { pageBytes, tombstonesMax } = limits;
    this.whole = new WholeWorld(world, pageBytes);
    this.#surroundings = {
      shapes: world.shapes,
      entryOf: (id) => world.entry(id),
      publicIdOf: (handle) => {
        const id = world.idOf(handle);
        return id !== undefined && permissions.isPublic(id) ? id : undefined;
      },
      holders: new Holders(),
      shared: new SharedChanges(world.shapes, world.seq),
      pageBytes,
      goneMax: tombstonesMax,
    };
    for (const entry of world.entries()) this.#channels.look(entry);
    this.#seq = world.seq;
  }

  /** Has objects named channels by this as well, from now on. */
  nameChannels(channelsOf: ChannelsOf): void {
    this.#channels.add(channelsOf);
    this.reconsider(undefined);
  }

  /** Whether a cursor of the world says all that there is to say of who is shown this. */
  isWhole(audience: Audience, topics: Topics): boolean {
    return this.#permissions.isOpen && topics.isEverything && audience.lower === undefined;
  }

  /**
   * What a newcomer is shown, with the next `advance` at the earliest: the world may hold what its store
   * might still refuse. Whoever takes it gives it back with `release`.
   */
  open(audience: Audience, topics: Topics): Source {
    if (this.isWhole(audience, topics)) return this.whole;
    const known = this.#shared.get(keyOf(audience, topics));
    if (known !== undefined) {
      known.users += 1;
      return known;
    }
    const view = new View(audience, topics, this.#seq, this.#surroundings);
    view.users = 1;
    this.#shared.set(keyOf(audience, topics), view);
    this.#unopened.add(view);
    return view;
  }

  release(source: Source): void {
    if (!(source instanceof View)) return;
    source.users -= 1;
    if (source.users > 0) return;
    this.#unopened.delete(source);
    this.#index.remove(source, source.topics);
    this.#all.delete(source);
    this.#unshare(source);
    source.close();
  }

  /**
   * Goes on with other topics from where `shown` is, for one who was told all that it shows; during an
   * `advance`. `base` is where they stand in the view returned.
   */
  turn(shown: View, topics: Topics): { view: View; base: Position } {
    const view = this.#own(shown);
    const base = view.position;
    const before = view.topics;
    this.#unshare(view);
    this.#index.remove(view, before);
    view.turnTo(topics);
    this.#index.add(view, topics);
    for (const { entry } of [...view.members()]) view.look(entry, this.#channels.of(entry));
    for (const entry of this.#selectedBy(view.audience, topics, before)) {
      if (!view.has(entry.handle)) view.look(entry, this.#channels.of(entry));
    }
    this.#turned.add(view);
    return { view, base };
  }

  /** The view that others are shown who see the same, both having advanced as far; else this one. */
  settle(view: View): View {
    const key = keyOf(view.audience, view.topics);
    const known = this.#shared.get(key);
    if (known === undefined) this.#shared.set(key, view);
    // What rules ask about outside of the objects may have changed since the other one looked.
    return known?.isLike(view) === true ? known : view;
  }

  /**
   * Shows the views what has happened since; the world must hold nothing that can be taken back. Those
   * who go on with other topics do so in `turn`, before that: so what stays in their view does not leave
   * it for a moment.
   */
  advance(turn: () => void = NOTHING_TO_DO): void {
    const { seq } = this.#world;
    if (this.#all.size === 0 && !this.#channels.areNamed) this.#seq = seq;
    const since = this.#seq;
    const moved = new Set<Entry>();
    if (seq !== since) {
      this.#surroundings.shared.outdate();
      for (const entry of this.#world.changedSince(since)) {
        if (this.#channels.look(entry)) moved.add(entry);
      }
    }
    turn();
    if (seq !== since) {
      for (const entry of this.#world.changedSince(since)) this.#look(entry, moved.has(entry));
      for (const view of this.#all) view.reach(seq);
      this.#seq = seq;
    }
    for (const entry of this.#takeReconsidered()) {
      if (entry.object === null) continue;
      this.#channels.look(entry);
      this.#lookAll(entry, entry.object);
    }
    for (const view of this.#turned) view.passOver();
    this.#turned.clear();
    for (const view of this.#unopened) this.#fill(view);
    this.#unopened.clear();
  }

  /** What newcomers are shown now. */
  #fill(view: View): void {
    const { topics } = view;
    this.#all.add(view);
    this.#index.add(view, topics);
    view.reach(this.#seq);
    for (const entry of this.#selectedBy(view.audience, topics))
      view.look(entry, this.#channels.of(entry));
    view.passOver();
  }

  /** All sessions were told what is new. */
  told(): void {
    this.#surroundings.shared.told(this.#seq);
  }

  /**
   * Who may see what of these objects, or of all, may be different now: it is looked at with the next
   * `advance`, so that it shows together with all that has happened until then.
   */
  reconsider(ids: Iterable<ObjectId> | undefined): void {
    if (ids === undefined) this.#reconsidered = "all";
    else if (this.#reconsidered !== "all") for (const id of ids) this.#reconsidered.add(id);
  }

  *#takeReconsidered(): IterableIterator<Entry> {
    const taken = this.#reconsidered;
    this.#reconsidered = new Set();
    if (taken === "all") yield* this.#world.entries();
    else {
      for (const id of taken) {
        const entry = this.#world.entry(id);
        if (entry !== undefined) yield entry;
      }
    }
  }

  #look(entry: Entry, isMoved: boolean): void {
    const { object, handle, created, id } = entry;
    const { holders } = this.#surroundings;
    if (object === null) {
      holders.visit(handle, (member) => member.view.leave(member));
      return;
    }
    const mayEnter =
      isMoved ||
      created > this.#seq ||
      this.#permissions.isDynamic(id) ||
      entry.hasChanged(this.#seq, this.#index.dependsOn);
    if (mayEnter) {
      this.#lookAll(entry, object);
      return;
    }
    const channels = this.#channels.of(entry);
    holders.visit(handle, ({ view }) => view.look(entry, channels));
  }

  #lookAll(entry: Entry, object: SyncObject): void {
    const channels = this.#channels.of(entry);
    const round = ++this.#rounds;
    // Each view once, for rules are asked.
    const look = (view: MemberView): void => {
      if (view.round === round) return;
      view.round = round;
      view.look(entry, channels);
    };
    this.#surroundings.holders.visit(entry.handle, ({ view }) => look(view));
    this.#index.visit(object, channels, look);
    // To whom a property is hidden it is missing, by which the object can match a query as well.
    if (this.#permissions.mayHide(entry.id).length > 0) this.#index.visitAsking(look);
  }

  /** What may have come in with these topics, if there were others before. */
  *#selectedBy(audience: Audience, topics: Topics, before?: Topics): IterableIterator<Entry> {
    const namespaces = added(topics.namespaces, before?.namespaces);
    const known = new Set(before?.queries.map(({ key }) => key));
    const queries = topics.queries.filter(({ key }) => !known.has(key));
    // What a query makes of an object as an older schema has it, only the view knows.
    const isBlind = audience.lower !== undefined && queries.length > 0;
    const isWide = (topics.isEverything && before?.isEverything !== true) || isBlind;
    if (isWide || namespaces.size > 0 || queries.length > 0) {
      for (const entry of this.#world.entries()) {
        const { object } = entry;
        if (object === null) continue;
        const isOne =
          isWide ||
          namespaces.has(namespaceOf(object.id)) ||
          queries.some((query) => query.matches(object) || this.#mayMatch(query, object));
        if (isOne) yield entry;
      }
    }
    for (const id of added(topics.ids, before?.ids)) {
      const entry = this.#world.entry(id);
      if (entry !== undefined) yield entry;
    }
    for (const channel of added(topics.channels, before?.channels)) {
      yield* this.#channels.in(channel);
    }
  }

  /** To whom a property is hidden it is missing, by which an object can match a query as well. */
  #mayMatch(query: Query, { id }: SyncObject): boolean {
    return this.#permissions.mayHide(id).some((name) => query.names.has(name));
  }

  #enter(view: View): void {
    view.users = 1;
    this.#all.add(view);
    this.#index.add(view, view.topics);
  }

  /** A view for one alone that shows what this one does. */
  #own(view: View): View {
    if (view.users === 1) return view;
    view.users -= 1;
    const fork = view.fork();
    this.#enter(fork);
    return fork;
  }

  #unshare(view: View): void {
    const key = keyOf(view.audience, view.topics);
    if (this.#shared.get(key) === view) this.#shared.delete(key);
  }
}

function NOTHING_TO_DO(): void {
  // Nobody goes on with other topics.
}

function keyOf(audience: Audience, topics: Topics): string {
  return `${audience.key} ${topics.key}`;
}

function added(names: ReadonlySet<string>, before: ReadonlySet<string> | undefined): Set<string> {
  return new Set([...names].filter((name) => before?.has(name) !== true));
}
