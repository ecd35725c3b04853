import { namespaceOf, type SyncObject } from "../../lib/object.ts";
import type { Topics } from "../../lib/topics.ts";
import { QueryIndex } from "./query-index.ts";
import type { View } from "./view.ts";

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

  add(view: View, topics: Topics): void {
    if (view.audience.lower !== undefined) this.#lowering.add(view);
    if (topics.isEverything) this.#ofEverything.add(view);
    for (const name of topics.namespaces) put(this.#byNamespace, name, view);
    for (const id of topics.ids) put(this.#byId, id, view);
    for (const channel of topics.channels) put(this.#byChannel, channel, view);
    for (const query of topics.queries) this.#queries.add(query, view);
    if (topics.queries.length > 0) this.#asking.add(view);
  }

  remove(view: View, topics: Topics): void {
    this.#lowering.delete(view);
    this.#ofEverything.delete(view);
    for (const name of topics.namespaces) take(this.#byNamespace, name, view);
    for (const id of topics.ids) take(this.#byId, id, view);
    for (const channel of topics.channels) take(this.#byChannel, channel, view);
    for (const query of topics.queries) this.#queries.remove(query, view);
    this.#asking.delete(view);
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

function put(sets: Map<string, Set<View>>, key: string, view: View): void {
  const views = sets.get(key);
  if (views === undefined) sets.set(key, new Set([view]));
  else views.add(view);
}

function take(sets: Map<string, Set<View>>, key: string, view: View): void {
  const views = sets.get(key);
  views?.delete(view);
  if (views?.size === 0) sets.delete(key);
}
