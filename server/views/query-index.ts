import type { SyncObject } from "../../lib/object.ts";
import type { Query } from "../../lib/query.ts";
import { anchorsIn, choose, optionsOf, type Anchor } from "./anchors.ts";
import { PropertyPlaces, type Place } from "./property-places.ts";

/** A query, and who asks it. */
interface Entry<Owner> {
  readonly query: Query;
  /** An array, as it is gone through much more often than it changes. */
  readonly owners: OwnerRecord<Owner>[];
  /** Everywhere it could wait. */
  readonly possible: readonly Place<Entry<Owner>>[];
  /** Where it waits; null if it is tried with every object. */
  readonly places: readonly Place<Entry<Owner>>[] | null;
  /** The look that found it last. */
  look: number;
}

interface OwnerRecord<Owner> {
  readonly owner: Owner;
  readonly entries: Set<Entry<Owner>>;
  look: number;
}

/**
 * Many queries, and which of them an object may match, without trying each.
 *
 * A query waits at one of its conditions, where an object that matches must come by: an equality
 * (found by a hash), an order or a prefix (found in a list of intervals), the presence of a property;
 * a disjunction at one condition for each branch. An object looks at the places of its own properties.
 * The place is the one that promises the fewest queries besides it: every place counts the queries that
 * could wait there, wherever they do, so that of many `{ type: "player", level: { $gte: k } }` only the
 * first waits for players.
 *
 * Not handled:
 * - A query stays where it was put, even when another place would be better by now.
 * - What the objects are like is not known: where all levels are high, `{ level: { $gte: 1 } }` is taken
 *   for as telling as any other order.
 * - One condition is looked up and the others are not. Of windows `{ x: { $gte, $lt }, y: { $gte, $lt } }`
 *   an object meets all in its column or row.
 * - Queries of negations only (`$ne`, `$nin`, `$not`, `{ $exists: false }`), and `{}`, are tried always.
 */
export class QueryIndex<Owner> {
  readonly #entries = new Map<string, Entry<Owner>>();
  readonly #owners = new Map<Owner, OwnerRecord<Owner>>();
  readonly #properties = new Map<string, PropertyPlaces<Entry<Owner>>>();
  readonly #always = new Set<Entry<Owner>>();
  /** How many queries look at a property. */
  readonly #names = new Map<string, number>();
  #look = 0;
  #found: Owner[] = [];

  /** An owner may have several queries; having one twice is having it once. */
  add(query: Query, owner: Owner): void {
    const entry = this.#entries.get(query.key) ?? this.#newEntry(query);
    const record = this.#owners.get(owner) ?? { owner, entries: new Set(), look: 0 };
    if (record.entries.has(entry)) return;
    record.entries.add(entry);
    entry.owners.push(record);
    this.#owners.set(owner, record);
  }

  /** Any query of the same key will do. What is not there is left alone. */
  remove(query: Query, owner: Owner): void {
    const entry = this.#entries.get(query.key);
    const record = this.#owners.get(owner);
    if (entry === undefined || record?.entries.delete(entry) !== true) return;
    if (record.entries.size === 0) this.#owners.delete(owner);
    entry.owners.splice(entry.owners.indexOf(record), 1);
    if (entry.owners.length === 0) this.#forget(entry);
  }

  /** Whether some query looks at the property. */
  dependsOn(name: string): boolean {
    return this.#names.has(name);
  }

  /**
   * Every owner of a query that matches the object, and perhaps some others, each once. It takes about
   * as long as there are owners in the answer, and properties in the object.
   */
  candidates(object: SyncObject): Iterable<Owner> {
    this.#look += 1;
    this.#found = [];
    this.#always.forEach(this.#take);
    for (const name in object) {
      const value = object[name];
      if (value !== undefined) this.#properties.get(name)?.visit(value);
    }
    return this.#found;
  }

  readonly #take = (entry: Entry<Owner>): void => {
    if (entry.look === this.#look) return;
    entry.look = this.#look;
    for (const record of entry.owners) {
      if (record.look === this.#look) continue;
      record.look = this.#look;
      this.#found.push(record.owner);
    }
  };

  #newEntry(query: Query): Entry<Owner> {
    const options = optionsOf(query.condition);
    const possible = options === null ? [] : anchorsIn(options).map((a) => this.#placeOf(a));
    for (const place of possible) place.use();
    const chosen = options && choose(options, (a) => this.#placeOf(a).cost).anchors;
    const places = chosen && chosen.map((a) => this.#placeOf(a));
    const entry: Entry<Owner> = { query, owners: [], possible, places, look: 0 };
    this.#entries.set(query.key, entry);
    this.#settle(entry);
    return entry;
  }

  #settle(entry: Entry<Owner>): void {
    if (entry.places === null) this.#always.add(entry);
    else for (const place of entry.places) place.add(entry);
    for (const name of entry.query.names) {
      this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    }
  }

  #forget(entry: Entry<Owner>): void {
    this.#entries.delete(entry.query.key);
    this.#always.delete(entry);
    for (const place of entry.places ?? []) place.remove(entry);
    for (const place of entry.possible) place.disuse();
    for (const name of entry.query.names) {
      const others = (this.#names.get(name) ?? 0) - 1;
      if (others > 0) this.#names.set(name, others);
      else this.#names.delete(name);
      if (this.#properties.get(name)?.isUnused === true) this.#properties.delete(name);
    }
  }

  #placeOf(anchor: Anchor): Place<Entry<Owner>> {
    let places = this.#properties.get(anchor.name);
    if (places === undefined) {
      places = new PropertyPlaces(this.#take);
      this.#properties.set(anchor.name, places);
    }
    return places.at(anchor);
  }
}
