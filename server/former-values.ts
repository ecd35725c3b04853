import type { Entry } from "../lib/entry.ts";
import {
  setProperty,
  valueBytes,
  type Changes,
  type OwnedObject,
  type SyncObject,
} from "../lib/object.ts";
import type { Commit } from "../lib/world.ts";

/** What it takes to remember a change besides the values, about. */
const CHANGE_BYTES = 64;

interface Former {
  readonly entry: Entry;
  /** The commit that took them away. */
  readonly seq: number;
  /** Undefined where there was none. */
  readonly values: Changes;
  readonly bytes: number;
}

/**
 * What some properties of objects were before they were changed, in at most so many bytes. What was
 * changed first is forgotten first.
 */
export class FormerValues {
  readonly #bytesMax: number;
  /** By object, oldest first. */
  readonly #byEntry = new Map<Entry, Former[]>();
  /** All of them, oldest first. */
  readonly #all = new Set<Former>();
  #bytes = 0;
  #horizon: number;

  constructor(seq: number, bytesMax: number) {
    this.#horizon = seq;
    this.#bytesMax = bytesMax;
  }

  /** What was before this commit is not known. */
  get horizon(): number {
    return this.#horizon;
  }

  /** Remembers what a commit has put something else in the place of, if it `isWanted`. */
  note(
    { seq, applied }: Commit,
    isWanted: (id: string, name: string, isRemoved: boolean) => boolean,
  ): void {
    for (const one of applied) {
      if (one.kind !== "update") continue;
      const { entry, changed, previous } = one;
      const names = Object.keys(changed).filter((name) =>
        isWanted(entry.id, name, changed[name] === undefined),
      );
      if (names.length > 0) this.#add(entry, seq, names, previous);
    }
  }

  /** The object as it was at a commit, in what is remembered of it, and the properties that are. */
  before(
    entry: Entry,
    seq: number,
  ): { readonly object: SyncObject; readonly names: ReadonlySet<string> } | undefined {
    const formers = this.#byEntry.get(entry)?.filter((one) => one.seq > seq) ?? [];
    if (formers.length === 0 || entry.object === null) return undefined;
    const object: OwnedObject = { ...entry.object };
    const names = new Set<string>();
    for (const { values } of formers.reverse()) {
      for (const name of Object.keys(values)) {
        setProperty(object, name, values[name]);
        names.add(name);
      }
    }
    return { object, names };
  }

  /** The commits after this one never were. */
  takenBack(seq: number): void {
    for (const former of [...this.#all].reverse()) {
      if (former.seq <= seq) break;
      this.#forget(former);
    }
    this.#horizon = Math.min(this.#horizon, seq);
  }

  /** Nothing from before this commit is of use. */
  forgetAll(seq: number): void {
    this.#all.clear();
    this.#byEntry.clear();
    this.#bytes = 0;
    this.#horizon = seq;
  }

  #add(entry: Entry, seq: number, names: readonly string[], previous: Changes): void {
    const values: Changes = {};
    let bytes = CHANGE_BYTES;
    for (const name of names) {
      const value = previous[name];
      values[name] = value;
      bytes += name.length + (value === undefined ? 0 : valueBytes(value));
    }
    const former = { entry, seq, values, bytes };
    this.#all.add(former);
    const formers = this.#byEntry.get(entry);
    if (formers === undefined) this.#byEntry.set(entry, [former]);
    else formers.push(former);
    this.#bytes += bytes;
    for (const oldest of this.#all) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#horizon = oldest.seq;
      this.#forget(oldest);
    }
  }

  #forget(former: Former): void {
    const { entry, bytes } = former;
    this.#all.delete(former);
    this.#bytes -= bytes;
    const formers = this.#byEntry.get(entry) ?? [];
    if (formers[0] === former) formers.shift();
    else formers.pop(); // the newest
    if (formers.length === 0) this.#byEntry.delete(entry);
  }
}
