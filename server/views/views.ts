import type { Entry } from "../../lib/entry.ts";
import type { SyncError } from "../../lib/errors.ts";
import type { ServerLimits } from "../../lib/limits.ts";
import type { ObjectId, SyncObject } from "../../lib/object.ts";
import type { Topics } from "../../lib/topics.ts";
import type { World } from "../../lib/world.ts";
import type { Audience } from "../audience.ts";
import type { Permissions } from "../rules.ts";
import { goOn, TurnBudget, type Steps } from "../turn-budget.ts";
import { Channels, type ChannelsOf } from "./channels.ts";
import { Filling, type Ground } from "./filling.ts";
import { Likeness } from "./likeness.ts";
import { Holders, type MemberView } from "./member.ts";
import type { Position } from "./position.ts";
import { Review } from "./review.ts";
import { SharedChanges } from "./shared-changes.ts";
import type { Source } from "./source.ts";
import { keyOf, View, type ViewSurroundings } from "./view.ts";
import { ViewIndex } from "./view-index.ts";
import { WholeWorld } from "./whole-world.ts";

/** Of what may be looked at in a turn of the loop, one view takes one part in so many before others come. */
const SLICES_PER_TURN = 4;

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
  readonly #ground: Ground;
  readonly #surroundings: ViewSurroundings;
  readonly #looksPerTurn: number;
  readonly #looksPerSlice: number;
  readonly #index = new ViewIndex();
  readonly #all = new Set<View>();
  /** By what is asked for and who asks: those that newcomers can share. */
  readonly #shared = new Map<string, View>();
  /** Those that are not ready, and what they have yet to look at. It begins, and goes on, with `advance`. */
  readonly #fillings = new Map<View, Steps>();
  /** What is left of those that nobody is shown any more. */
  readonly #closings = new Set<Steps>();
  readonly #likenesses = new Map<View, Likeness>();
  /** What is to be looked at again, as it may be different now who may see what. */
  readonly #review: Review;
  /** Whether that is more than one turn of the loop may, and was begun. */
  #isReviewing = false;
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
    this.#ground = { world, channels: this.#channels, permissions };
    this.#review = new Review(world, (entry) => this.#lookAgain(entry));
    const { pageBytes, waitingBytesMax, tombstonesMax, looksPerTurn } = limits;
    this.#looksPerTurn = looksPerTurn;
    this.#looksPerSlice = Math.ceil(looksPerTurn / SLICES_PER_TURN);
    this.whole = new WholeWorld(world, limits);
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
      newsBytesMax: waitingBytesMax,
      goneMax: tombstonesMax,
    };
    for (const entry of world.entries()) this.#channels.look(entry);
    this.#seq = world.seq;
  }

  /**
   * Has objects named channels by this as well, from now on. Which, and what they bring into which view,
   * is looked at from the next `advance` on, as after a revocation: until that is done no view is ready.
   */
  nameChannels(channelsOf: ChannelsOf): void {
    this.#channels.add(channelsOf);
    this.reconsider(undefined);
  }

  /** The channels that an object like this one is in. */
  channelsNamed(object: SyncObject): readonly string[] {
    return this.#channels.named(object);
  }

  get areChannelsNamed(): boolean {
    return this.#channels.areNamed;
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
    const known = this.#known(keyOf(audience, topics));
    if (known !== undefined) {
      known.users += 1;
      return known;
    }
    const view = new View(audience, topics, this.#seq, this.#surroundings);
    view.users = 1;
    this.#share(view);
    this.#fillings.set(view, new Filling(view, this.#ground).steps());
    return view;
  }

  release(source: Source): void {
    if (!(source instanceof View)) return;
    source.users -= 1;
    if (source.users > 0) return;
    this.#fillings.delete(source);
    this.#likenesses.delete(source);
    this.#unshare(source);
    if (this.#all.delete(source)) this.#closings.add(this.#closing(source, source.close()));
  }

  *#closing(view: View, members: Generator<number, undefined>): Generator<number, undefined> {
    yield* this.#index.remove(view, view.topics);
    return yield* members;
  }

  /** Whether something is left to do for one of the next `advance`: views are not ready, or not closed. */
  get isBusy(): boolean {
    return this.#fillings.size + this.#closings.size > 0 || this.#isReviewing;
  }

  /** Whether it is still to be looked who may see what: until then no view is ready. */
  get isReviewing(): boolean {
    return this.#isReviewing;
  }

  /**
   * A view for one alone that shows what `shown` does, which it shares; during an `advance`. It is ready
   * with one of the next, at the latest when `isBusy` is over, and then always shows the same.
   */
  own(shown: View, budget: TurnBudget): View {
    const view = shown.fork();
    view.users = 1;
    this.#fill(view, view.takeOver(shown), budget);
    return view;
  }

  /**
   * Has the view of one alone, who was told all that it shows, go on with other topics; during an
   * `advance`. Gives where they stand in it, which is filled from then on; `cost` is what it took to
   * begin, in looks.
   */
  turn(view: View, topics: Topics): { base: Position; cost: number } {
    const base = view.position;
    const before = view.topics;
    this.#unshare(view);
    this.#likenesses.delete(view);
    view.turnTo(topics);
    const cost = 1 + this.#index.turn(view, before, topics);
    this.#fillings.set(view, new Filling(view, this.#ground).steps(before));
    return { base, cost };
  }

  /**
   * The view that others are shown who see the same, both having advanced as far; else this one. Undefined
   * if that is not known yet: then it is to be asked again.
   */
  settle(view: View, budget: TurnBudget): View | undefined {
    const known = view.audience.hasChanged() ? view : this.#known(view.key);
    let likeness = this.#likenesses.get(view);
    if (likeness?.other !== known) this.#likenesses.delete(view); // or it would hold what is over
    if (known === undefined) this.#share(view);
    if (known === undefined || known === view) return view;
    if (!known.isReady) return undefined;
    if (likeness?.other !== known) likeness = new Likeness(view, known);
    this.#likenesses.set(view, likeness);
    // What rules ask about outside of the objects may have changed since the other one looked.
    const isLike = likeness.go(this.#looksPerSlice, budget);
    if (isLike === undefined) return undefined;
    this.#likenesses.delete(view);
    return isLike ? known : view;
  }

  /**
   * Shows the views what has happened since; the world must hold nothing that can be taken back. Those
   * who go on with other topics do so in `turn`, before that: so what stays in their view does not leave
   * it for a moment.
   */
  advance(turn = NOTHING_TO_DO, budget = new TurnBudget(this.#looksPerTurn)): void {
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
    this.#goOnReviewing(budget);
    if (this.isReviewing) return;
    this.#goOnClosing(budget);
    this.#goOnFilling(budget);
  }

  /** Looks again who may see what. While that takes more than one turn of the loop, no view is ready. */
  #goOnReviewing(budget: TurnBudget): void {
    const wasReviewing = this.#isReviewing;
    if (!wasReviewing && !this.#review.isDue) return;
    this.#isReviewing = !goOn(this.#review, Infinity, budget);
    if (this.#isReviewing) {
      if (!wasReviewing) for (const view of this.#all) view.hold();
    } else if (wasReviewing) {
      for (const view of this.#all) if (!this.#fillings.has(view)) view.filled();
    }
  }

  #lookAgain(entry: Entry): number {
    this.#channels.look(entry);
    return entry.object === null ? 1 : 1 + this.#lookAll(entry, entry.object);
  }

  #goOnClosing(budget: TurnBudget): void {
    for (const steps of this.#closings) {
      if (!goOn(steps, this.#looksPerSlice, budget)) return;
      this.#closings.delete(steps);
    }
  }

  /** Goes on with the views that are not ready, one after another, as far as one turn of the loop may. */
  #goOnFilling(budget: TurnBudget): void {
    for (const [view, steps] of this.#fillings) {
      if (budget.isSpent) return;
      this.#fill(view, steps, budget);
    }
  }

  #fill(view: View, steps: Steps, budget: TurnBudget): void {
    if (!this.#all.has(view)) {
      this.#all.add(view);
      view.reach(this.#seq);
      budget.spend(this.#index.add(view, view.topics));
    }
    this.#fillings.delete(view);
    if (goOn(steps, this.#looksPerSlice, budget)) view.filled();
    else this.#fillings.set(view, steps); // after all others
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
    this.#review.add(ids);
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

  /** Gives how often it has looked. */
  #lookAll(entry: Entry, object: SyncObject): number {
    const channels = this.#channels.of(entry);
    const round = ++this.#rounds;
    let looks = 0;
    // Each view once, for rules are asked.
    const look = (view: MemberView): void => {
      if (view.round === round) return;
      view.round = round;
      looks += 1;
      view.look(entry, channels);
    };
    this.#surroundings.holders.visit(entry.handle, ({ view }) => look(view));
    this.#index.visit(object, channels, look);
    // To whom a property is hidden it is missing, by which the object can match a query as well.
    if (this.#permissions.mayHide(entry.id).length > 0) this.#index.visitAsking(look);
    return looks;
  }

  /** What those are shown whose key this is, and which others may share. */
  #known(key: string): View | undefined {
    const known = this.#shared.get(key);
    if (known?.audience.hasChanged() !== true) return known;
    this.#unshare(known);
    return undefined;
  }

  #share(view: View): void {
    this.#shared.set(view.key, view);
    view.isShared = true;
  }

  #unshare(view: View): void {
    if (!view.isShared) return;
    this.#shared.delete(view.key);
    view.isShared = false;
  }
}

function NOTHING_TO_DO(): void {
  // Nobody goes on with other topics.
}
