import { namespaceOf, type SyncObject } from "../../lib/object.ts";
import type { Topics } from "../../lib/topics.ts";
import { QueryIndex } from "./query-index.ts";
import type { View } from "./view.ts";

/** What it costs, in looks, to have a query found by the objects that it may match, about. */
const LOOKS_PER_QUERY = 20;
/** What a name costs that stays, which is copied, compared and sorted some times. */
const LOOKS_PER_COMPARED_NAME = 1 / 4;

type Sets = Map<string, Set<View>>;

/** Which views an object may belong to, without asking each of them. */
export class ViewIndex {
  readonly #ofEverything = new Set<View>();
  readonly #byNamespace = new Map<string, Set<View>>();
  readonly #byId = new Map<string, Set<View>>();
  readonly #byChannel = new Map<string, Set<View>>();
  readonly #queries = new QueryIndex<View>();
  readonly #asking = new Set<View>();
  /** Those that show objects as an older schema has them: what they depend on cannot be looked up. */
  readonly #lowering = new Set<View>();

  /** Gives what it has cost, in looks. */
  add(view: View, topics: Topics): number {
    if (view.audience.lower !== undefined) this.#lowering.add(view);
    if (topics.isEverything) this.#ofEverything.add(view);
    for (const name of topics.namespaces) put(this.#byNamespace, name, view);
    for (const id of topics.ids) put(this.#byId, id, view);
    for (const channel of topics.channels) put(this.#byChannel, channel, view);
    for (const query of topics.queries) this.#queries.add(query, view);
    if (topics.queries.length > 0) this.#asking.add(view);
    return namesIn(topics) + topics.queries.length * LOOKS_PER_QUERY;
  }

  /** In parts: until the last it may still be given. */
  *remove(view: View, topics: Topics): Generator<number, undefined> {
    this.#lowering.delete(view);
    this.#ofEverything.delete(view);
    this.#asking.delete(view);
    for (const [sets, names] of this.#named(topics)) {
      for (const name of names) {
        take(sets, name, view);
        yield 1;
      }
    }
    for (const query of topics.queries) {
      this.#queries.remove(query, view);
      yield LOOKS_PER_QUERY;
    }
    return undefined;
  }

  /** The view has other topics from now on. Gives what it has cost, in looks. */
  turn(view: View, before: Topics, topics: Topics): number {
    let changes = 0;
    const from = this.#named(before);
    for (const [i, [sets, names]] of this.#named(topics).entries()) {
      const namesBefore = from[i]?.[1] ?? names;
      for (const name of namesBefore) if (!names.has(name)) changes += take(sets, name, view);
      for (const name of names) if (!namesBefore.has(name)) changes += put(sets, name, view);
    }
    const [known, wanted] = [keysOf(before), keysOf(topics)];
    const gone = before.queries.filter(({ key }) => !wanted.has(key));
    const come = topics.queries.filter(({ key }) => !known.has(key));
    for (const query of gone) this.#queries.remove(query, view);
    for (const query of come) this.#queries.add(query, view);
    if (topics.queries.length > 0) this.#asking.add(view);
    else this.#asking.delete(view);
    if (topics.isEverything) this.#ofEverything.add(view);
    else this.#ofEverything.delete(view);
    const compared = (namesIn(before) + namesIn(topics)) * LOOKS_PER_COMPARED_NAME;
    return Math.ceil(compared) + changes + (gone.length + come.length) * LOOKS_PER_QUERY;
  }

  #named({ namespaces, ids, channels }: Topics): readonly [Sets, ReadonlySet<string>][] {
    return [
      [this.#byNamespace, namespaces],
      [this.#byId, ids],
      [this.#byChannel, channels],
    ];
  }

  /** Whether what such a property is can decide which views an object belongs to. */
  readonly dependsOn = (name: string): boolean =>
    this.#lowering.size > 0 || this.#queries.dependsOn(name);

  /** Gives all views that ask for what matches some query. */
  visitAsking(take: (view: View) => void): void {
    this.#asking.forEach(take);
  }

  /** Gives at least all views whose topics select the object; some perhaps twice. */
  visit(object: SyncObject, channels: readonly string[], take: (view: View) => void): void {
    this.#lowering.forEach(take);
    this.#ofEverything.forEach(take);
    if (this.#byNamespace.size > 0) this.#byNamespace.get(namespaceOf(object.id))?.forEach(take);
    this.#byId.get(object.id)?.forEach(take);
    for (const channel of channels) this.#byChannel.get(channel)?.forEach(take);
    for (const view of this.#queries.candidates(object)) take(view);
  }
}

function put(sets: Sets, key: string, view: View): number {
  const views = sets.get(key);
  if (views === undefined) sets.set(key, new Set([view]));
  else views.add(view);
  return 1;
}

function take(sets: Sets, key: string, view: View): number {
  const views = sets.get(key);
  views?.delete(view);
  if (views?.size === 0) sets.delete(key);
  return 1;
}

function keysOf({ queries }: Topics): ReadonlySet<string> {
  return new Set(queries.map(({ key }) => key));
}

function namesIn({ namespaces, ids, channels }: Topics): number {
  return namespaces.size + ids.size + channels.size;
}
