import type { Cursor } from "../lib/delta.ts";
import { SyncError } from "../lib/errors.ts";
import type { Entry } from "../lib/entry.ts";
import type { SyncObject } from "../lib/object.ts";
import type { Topics } from "../lib/topics.ts";
import type { Commit, World } from "../lib/world.ts";
import type { Audience } from "./audience.ts";
import { FormerValues } from "./former-values.ts";
import type { Permissions } from "./rules.ts";

/** Who pushes strictly, and what of the world it is shown when it pulls. */
export interface Pusher {
  readonly audience: Audience;
  readonly topics: Topics;
}

/** What decides, besides topics, what somebody is shown. */
export interface StrictSurroundings {
  readonly permissions: Permissions;
  /** In which channels an object like this one is. */
  readonly channelsOf: (object: SyncObject) => readonly string[];
  readonly areChannelsNamed: () => boolean;
  /** What is remembered of properties as they were, at most. */
  readonly formerBytesMax: number;
}

/**
 * Sees to it that a client which pushes strictly has pulled all that there is for it: what others have
 * committed since, and it may see, refuses its writes as `out_of_date`. What was destroyed counts as well
 * as what is shown, as nobody can tell any more who was shown it; what is hidden in an object does not.
 *
 * What is hidden may decide what is shown, though: whose the object is, say. So it is remembered what
 * such properties were, and of an object that nobody has touched but there, it is asked what the client
 * was shown of it then. Where that is forgotten, whoever has not got as far is refused, whatever it is
 * that has changed: so that tells no more than the world's count of commits does. What has come into
 * sight for a reason outside of the objects was not committed, and refuses nothing.
 */
export class StrictPushes {
  readonly #world: World;
  readonly #surroundings: StrictSurroundings;
  readonly #formers: FormerValues;
  /** Up to where each of them has the world, or has made it what it is. */
  readonly #known = new Map<Pusher, number>();

  constructor(world: World, surroundings: StrictSurroundings) {
    this.#world = world;
    this.#surroundings = surroundings;
    this.#formers = new FormerValues(world.seq, surroundings.formerBytesMax);
  }

  /** Throws `out_of_date` when a client that is here lacks something. */
  check(pusher: Pusher, cursor: Cursor): number {
    const { epoch, horizon, seq } = this.#world;
    const isNew = cursor.epoch === "";
    const isUnknown = cursor.epoch !== epoch || cursor.seq > seq || cursor.seq < horizon;
    if (isUnknown && !isNew) throw outOfDate();
    const known = isNew ? 0 : cursor.seq;
    if (this.#lacksAnything(pusher, known)) throw outOfDate();
    return known;
  }

  begin(pusher: Pusher, known: number): void {
    this.#known.set(pusher, known);
  }

  end(pusher: Pusher): void {
    this.#known.delete(pusher);
  }

  /** Whether a client may not write now. It has all up to the present afterwards, if it may. */
  isRefused(pusher: Pusher): boolean {
    const known = this.#known.get(pusher);
    if (known === undefined) return false;
    if (this.#lacksAnything(pusher, known)) return true;
    this.#known.set(pusher, this.#world.seq);
    return false;
  }

  /** To be told of each commit. */
  committed(commit: Commit): void {
    const { permissions } = this.#surroundings;
    this.#formers.note(commit, (id, name, isRemoved) => {
      const mayBeHidden = permissions.mayHide(id);
      if (mayBeHidden.includes(name)) return this.#isDecidedBy(id);
      // The object itself may forget that: and nobody would know whether it was hidden.
      return isRemoved && mayBeHidden.length > 0;
    });
  }

  /** Something else decides now what is shown. */
  decidedAnew(): void {
    this.#formers.forgetAll(this.#world.seq);
  }

  /** It has written, after it was not refused. */
  wrote(pusher: Pusher): void {
    if (this.#known.has(pusher)) this.#known.set(pusher, this.#world.seq);
  }

  /** Commits were taken back: others get their numbers. */
  takenBack(): void {
    const { seq } = this.#world;
    this.#formers.takenBack(seq);
    for (const [pusher, known] of this.#known) this.#known.set(pusher, Math.min(known, seq));
  }

  #lacksAnything(pusher: Pusher, known: number): boolean {
    const isForgotten = known > 0 && known < this.#formers.horizon;
    // Who has seen nothing lacks what it may see, whatever that was.
    if (isForgotten && this.#isAnyDecided) return true;
    for (const entry of this.#world.changedSince(known)) {
      const { object, created } = entry;
      if (object === null) {
        if (created <= known) return true;
        continue; // it came and went
      }
      const hidden = pusher.audience.hidden(object);
      if (hidden === undefined) continue;
      // What was removed may have been shown, and nothing knows of it any more.
      const isUnknown = isForgotten && entry.forgotten > known;
      if (!isUnknown && !this.#isNew(entry, object, hidden, pusher, known)) continue;
      if (this.#selects(pusher, object, hidden)) return true;
    }
    return false;
  }

  #isNew(
    entry: Entry,
    object: SyncObject,
    hidden: readonly string[],
    pusher: Pusher,
    known: number,
  ): boolean {
    if (entry.hasNews((seq) => seq > known, hidden)) return true;
    const before = this.#formers.before(entry, known);
    // Of what was removed and is forgotten it is not known what it was: here nothing can be hidden.
    if (before === undefined) return hidden.length === 0 && entry.forgotten > known;
    const hiddenThen = pusher.audience.hidden(before.object);
    if (hiddenThen === undefined) return true;
    if (!this.#selects(pusher, before.object, hiddenThen)) return true;
    const names = [...before.names, ...hiddenThen, ...hidden];
    return names.some(
      (name) => shows(before.object, hiddenThen, name) !== shows(object, hidden, name),
    );
  }

  #selects({ topics }: Pusher, object: SyncObject, hidden: readonly string[]): boolean {
    if (topics.isEverything) return true;
    // Which it is in now: views know it as of the last flush.
    const channels = topics.channels.size === 0 ? [] : this.#surroundings.channelsOf(object);
    return topics.select(object, channels, hidden);
  }

  /** Whether what somebody is shown of such an object may depend on properties that are hidden from them. */
  #isDecidedBy(id: string): boolean {
    const { permissions, areChannelsNamed } = this.#surroundings;
    return permissions.isDynamic(id) || areChannelsNamed();
  }

  get #isAnyDecided(): boolean {
    const { permissions, areChannelsNamed } = this.#surroundings;
    return permissions.mayHideAny(areChannelsNamed());
  }
}

function shows(object: SyncObject, hidden: readonly string[], name: string): boolean {
  return Object.hasOwn(object, name) && !hidden.includes(name);
}

export function outOfDate(): SyncError {
  return new SyncError(
    "out_of_date",
    "there are changes that this client has not pulled: pull first",
  );
}
