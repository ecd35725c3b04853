import type { Entry } from "../../lib/entry.ts";
import { SyncError } from "../../lib/errors.ts";
import type { SyncObject } from "../../lib/object.ts";
import { isStrayPromise } from "../thenable.ts";

/**
 * Names the channels that an object is in: by what it is like, and nothing else. It is given the whole
 * object, whatever is hidden of it from some, and what it tells by the names is its own choice: who sees
 * an object and may ask for a channel learns whether the object is in it. Rules know of no channels.
 */
export type ChannelsOf = (object: SyncObject) => string | readonly string[] | undefined;

const NONE: readonly string[] = [];

/** In which channels each object is, and which objects are in each. */
export class Channels {
  readonly #onError: (error: SyncError) => void;
  readonly #namers: ChannelsOf[] = [];
  readonly #ofEntry = new Map<Entry, readonly string[]>();
  readonly #entries = new Map<string, Set<Entry>>();

  constructor(onError: (error: SyncError) => void) {
    this.#onError = onError;
  }

  /** Objects are in the channels that any of these names. Whoever calls looks at all of them again. */
  add(channelsOf: ChannelsOf): void {
    this.#namers.push(channelsOf);
  }

  /** Whether objects are in channels at all. */
  get areNamed(): boolean {
    return this.#namers.length > 0;
  }

  of(entry: Entry): readonly string[] {
    return this.#ofEntry.get(entry) ?? NONE;
  }

  in(channel: string): Iterable<Entry> {
    return this.#entries.get(channel) ?? [];
  }

  /** Looks at an object that may have changed, and tells whether its channels have. */
  look(entry: Entry): boolean {
    if (!this.areNamed) return false;
    const before = this.of(entry);
    const now = entry.object === null ? NONE : this.named(entry.object);
    if (before.length === now.length && before.every((name, i) => name === now[i])) return false;
    for (const channel of before) this.#leave(channel, entry);
    for (const channel of now) this.#enter(channel, entry);
    if (now.length > 0) this.#ofEntry.set(entry, now);
    else this.#ofEntry.delete(entry);
    return true;
  }

  /** The channels of an object like this one. */
  named(object: SyncObject): readonly string[] {
    if (this.#namers.length === 1) return this.#namedBy(this.#namers[0] as ChannelsOf, object);
    return [...new Set(this.#namers.flatMap((namer) => this.#namedBy(namer, object)))];
  }

  #namedBy(namer: ChannelsOf, object: SyncObject): readonly string[] {
    try {
      const named: unknown = namer(object);
      if (named === undefined) return NONE;
      if (typeof named === "string") return [named];
      if (Array.isArray(named) && named.every((one) => typeof one === "string")) return named;
      const kind = isStrayPromise(named) ? "a promise: it cannot be async" : "something else";
      throw new TypeError(`it must answer a name, a list of names or nothing, not ${kind}`);
    } catch (cause) {
      const { id } = object;
      this.#onError(new SyncError("handler_failed", "`channels` failed", { id, cause }));
      return NONE;
    }
  }

  #enter(channel: string, entry: Entry): void {
    const entries = this.#entries.get(channel);
    if (entries === undefined) this.#entries.set(channel, new Set([entry]));
    else entries.add(entry);
  }

  #leave(channel: string, entry: Entry): void {
    const entries = this.#entries.get(channel);
    entries?.delete(entry);
    if (entries?.size === 0) this.#entries.delete(channel);
  }
}
