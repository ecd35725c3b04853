import { conflictError } from "../lib/conflict.ts";
import type { Entry } from "../lib/entry.ts";
import type { Collision } from "../lib/errors.ts";
import {
  namespaceOf,
  propertyOf,
  type Changes,
  type ObjectId,
  type SyncObject,
} from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import { idsReferredTo, referencesIn, type References } from "../lib/references.ts";
import type { World } from "../lib/world.ts";
import { NamedCollisions } from "./named-collisions.ts";
import { OwnCommits } from "./own-commits.ts";

/** What becomes of a write about what somebody else has written since its writer last looked. */
export type ConflictMode =
  /** Each property is as the last write has it. */
  | "merge"
  /** It is refused as `conflict`, and its writer decides. */
  | "detect";

/** For all objects, or by namespace; "merge" where nothing is said. */
export type Conflicts = ConflictMode | Readonly<Record<string, ConflictMode>>;

/** What a client had seen when it wrote. */
export interface Sight {
  readonly clientId: string;
  /** Commits after this it had not seen, besides its own. */
  readonly seen: number;
  /** The properties of an object that it may not read; undefined when it may not see it at all. */
  readonly hiddenIn: (object: SyncObject) => readonly string[] | undefined;
  /** Whether it may know that there was an object of this id. */
  readonly mayKnow: (id: ObjectId) => boolean;
  /** Whether its properties have other names in the schema of the client. */
  readonly isOlder: boolean;
}

/** Whether a commit is one that the writer did not know of. */
type IsNews = (seq: number) => boolean;

/**
 * Finds where a client's write is about what others have written since the client last looked: the same
 * property; an object that is gone, or is there already; one that it destroys; one that it refers to.
 * That both have come to the same value is no excuse: of two who have each added one to a counter, one
 * would be lost. Nothing is resolved here, and nothing is kept: the client decides, and writes anew.
 *
 * "Last looked" is the write's `seen`. What is newer may still be the client's own doing, by its writes
 * before this one; so the commits of each client that it may not have heard of are remembered. When
 * they are forgotten, with the process or for their number, a client may hear of a collision with
 * itself: one that decides conflicts sees that nothing is different from what it had seen, and writes
 * again.
 */
export class ConflictDetector {
  readonly #world: World;
  readonly #modes: Conflicts;
  readonly #references: References;
  readonly #own = new OwnCommits();

  constructor(world: World, modes: Conflicts, references: References) {
    this.#world = world;
    this.#modes = modes;
    this.#references = references;
  }

  /** Where conflicts are detected: everywhere, or in these namespaces; undefined when nowhere. */
  get places(): true | readonly string[] | undefined {
    const modes = this.#modes;
    if (typeof modes === "string") return modes === "detect" ? true : undefined;
    const names = Object.keys(modes).filter((name) => modes[name] === "detect");
    return names.length > 0 ? names : undefined;
  }

  get isOn(): boolean {
    return this.places !== undefined;
  }

  /** Throws `conflict`, naming all that collides, as far as that is named. */
  check(operations: readonly Operation[], sight: Sight): void {
    if (!this.#areDetected(operations)) return;
    const { clientId, seen, isOlder } = sight;
    const isNews = this.#own.newsAfter(clientId, seen);
    const collisions = new NamedCollisions(!isOlder);
    const note = (collision: Collision): void => collisions.add(collision);
    // What this write itself has created or destroyed, collides with nothing after that.
    const made = new Set<ObjectId>();
    const destroyed = new Set<ObjectId>();
    for (const operation of operations) {
      if (!this.#isDetected(operation.id)) continue;
      if (!made.has(operation.id)) this.#collisions(operation, isNews, sight).forEach(note);
      for (const id of idsReferredTo(operation, this.#references)) {
        if (!made.has(id) && this.#isOtherNow(id, isNews, sight)) note({ id });
      }
      if (operation.kind === "destroy" && !made.has(operation.id)) destroyed.add(operation.id);
      if (operation.kind !== "update") made.add(operation.id);
    }
    this.#newReferencesTo(destroyed, isNews, sight).forEach(note);
    const { all } = collisions;
    if (all.length > 0) throw conflictError(all);
  }

  /** Whether to judge this write may take a look at all that has changed since it was made. */
  isCostly(operations: readonly Operation[]): boolean {
    if (!this.isOn || Object.keys(this.#references).length === 0) return false;
    return operations.some(({ kind }) => kind === "destroy");
  }

  /** A write of this client was committed, of whatever namespace: objects refer to others there as well. */
  note(clientId: string, seen: number): void {
    if (this.isOn) this.#own.add(clientId, this.#world.seq, seen);
  }

  /** Commits were taken back: others get their numbers. */
  takenBack(): void {
    this.#own.forgetAfter(this.#world.seq);
  }

  #areDetected(operations: readonly Operation[]): boolean {
    if (this.#modes === "merge") return false;
    return operations.some(({ id }) => this.#isDetected(id));
  }

  #isDetected(id: ObjectId): boolean {
    const modes = this.#modes;
    if (typeof modes === "string") return modes === "detect";
    const namespace = namespaceOf(id);
    return Object.hasOwn(modes, namespace) && modes[namespace] === "detect";
  }

  #collisions(operation: Operation, isNews: IsNews, sight: Sight): Collision[] {
    const { id } = operation;
    const entry = this.#world.entry(id);
    if (entry === undefined) return [];
    const isThere = entry.object !== null;
    switch (operation.kind) {
      case "create":
        return isThere && isNews(entry.created) ? [{ id }] : [];
      case "destroy":
        return isChanged(entry, isNews, sight) ? [{ id }] : [];
      case "update":
        if (!isThere) return isNews(entry.revision) ? [{ id }] : [];
        return collidingIn(entry, operation.changes, isNews, sight).map((property) => ({
          id,
          property,
        }));
    }
  }

  /** Whether an object that is referred to is not the one that its writer can have meant, as far as it may know. */
  #isOtherNow(id: ObjectId, isNews: IsNews, { hiddenIn, mayKnow }: Sight): boolean {
    const entry = this.#world.entry(id);
    if (entry === undefined) return false;
    const { object, created, revision } = entry;
    if (object === null) return isNews(revision) && mayKnow(id);
    return isNews(created) && hiddenIn(object) !== undefined;
  }

  /** What came to refer to these objects, which are there, and who destroys them could not know of. */
  #newReferencesTo(
    ids: ReadonlySet<ObjectId>,
    isNews: IsNews,
    { seen, hiddenIn }: Sight,
  ): Collision[] {
    const left = new Set([...ids].filter((id) => this.#world.get(id) !== undefined));
    const found: Collision[] = [];
    if (left.size === 0 || Object.keys(this.#references).length === 0) return found;
    for (const { object, shape, revisions } of this.#world.changedSince(seen)) {
      if (object === null || !Object.hasOwn(this.#references, namespaceOf(object.id))) continue;
      const changed = shape.names.filter((_, i) => isNews(revisions[i] ?? 0));
      const news = Object.fromEntries(changed.map((name) => [name, propertyOf(object, name)]));
      const from = object.id as ObjectId;
      for (const id of referencesIn(from, news, this.#references)) {
        if (id === from || !left.has(id) || !this.#isToldOf(object, id, changed, hiddenIn))
          continue;
        left.delete(id);
        found.push({ id, referredBy: from });
      }
    }
    return found;
  }

  /** Whether one of these properties refers to the object, and may be read. */
  #isToldOf(
    object: SyncObject,
    id: ObjectId,
    names: readonly string[],
    hiddenIn: Sight["hiddenIn"],
  ): boolean {
    const hidden = hiddenIn(object);
    if (hidden === undefined) return false;
    const seen = names.filter((name) => !hidden.includes(name));
    const news = Object.fromEntries(seen.map((name) => [name, propertyOf(object, name)]));
    return referencesIn(object.id as ObjectId, news, this.#references).includes(id);
  }
}

/** Whether an object is not what its writer knew, as far as they may read it. */
function isChanged(entry: Entry, isNews: IsNews, { seen, hiddenIn }: Sight): boolean {
  const hidden = entry.object === null ? undefined : hiddenIn(entry.object);
  if (hidden === undefined) return false;
  // Of what was removed and is forgotten nobody knows any more whose doing it was, nor whether it was hidden.
  return entry.hasNews(isNews, hidden) || (hidden.length === 0 && entry.forgotten > seen);
}

/** The properties that collide; who may write one may read it. */
function collidingIn(
  { object, created, shape, revisions, forgotten }: Entry,
  changes: Changes,
  isNews: IsNews,
  { seen }: Sight,
): string[] {
  return Object.keys(changes).filter((name) => {
    if (object === null) return false;
    // Of another object than the one that its writer knew.
    if (isNews(created)) return true;
    const index = shape.indexOf(name);
    // If it was removed and is forgotten, it is only known when the last one was of which that is so.
    return index === -1 ? forgotten > seen : isNews(revisions[index] ?? 0);
  });
}
