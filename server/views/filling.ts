import type { Entry } from "../../lib/entry.ts";
import { namespaceOf, type SyncObject } from "../../lib/object.ts";
import type { Query } from "../../lib/query.ts";
import type { Topics } from "../../lib/topics.ts";
import type { World } from "../../lib/world.ts";
import type { Permissions } from "../rules.ts";
import type { Channels } from "./channels.ts";
import type { View } from "./view.ts";

/** Where objects are looked for. */
export interface Ground {
  readonly world: World;
  readonly channels: Channels;
  readonly permissions: Permissions;
}

/**
 * Shows a view what its topics select of what there is already, in parts. All that changes between two
 * parts the view looks at as any other does: it is in the index before the first part. So what was passed
 * by stays right, and what is still to come is what nobody has touched; that keeps its place in the maps
 * and sets that are gone through here, which give whatever is added to them meanwhile as well.
 */
export class Filling {
  readonly #view: View;
  readonly #ground: Ground;

  constructor(view: View, ground: Ground) {
    this.#view = view;
    this.#ground = ground;
  }

  /** What is to be done, in looks. `before` is what the view has shown until now, if it is not new. */
  *steps(before?: Topics): Generator<number, undefined> {
    if (before !== undefined) yield* this.#leaving(before);
    yield* this.#coming(before);
    return undefined;
  }

  /** Looks again at what may be shown no more. */
  *#leaving(before: Topics): Generator<number> {
    const { world, channels } = this.#ground;
    const { topics } = this.#view;
    const queries = new Set(topics.queries.map(({ key }) => key));
    const isAny =
      (before.isEverything && !topics.isEverything) ||
      without(before.namespaces, topics.namespaces).length > 0 ||
      before.queries.some(({ key }) => !queries.has(key));
    if (isAny) {
      for (const { entry } of this.#view.members()) yield this.#look(entry);
      return;
    }
    for (const id of without(before.ids, topics.ids)) yield this.#lookAgain(world.entry(id));
    for (const channel of without(before.channels, topics.channels)) {
      for (const entry of channels.in(channel)) yield this.#lookAgain(entry);
    }
  }

  /** Looks at what these topics may select, and those before did not. */
  *#coming(before: Topics | undefined): Generator<number> {
    const { world, channels } = this.#ground;
    const { topics, audience } = this.#view;
    const namespaces = new Set(without(topics.namespaces, before?.namespaces));
    const known = new Set(before?.queries.map(({ key }) => key));
    const queries = topics.queries.filter(({ key }) => !known.has(key));
    // What a query makes of an object as an older schema has it, only the view knows.
    const isBlind = audience.lower !== undefined && queries.length > 0;
    const isWide = (topics.isEverything && before?.isEverything !== true) || isBlind;
    if (isWide || namespaces.size > 0 || queries.length > 0) {
      const cost = 1 + queries.length;
      for (const entry of world.entries()) {
        const { object } = entry;
        const isOne =
          object !== null &&
          (isWide ||
            namespaces.has(namespaceOf(object.id)) ||
            queries.some((query) => query.matches(object) || this.#mayMatch(query, object)));
        yield isOne ? cost + this.#lookAnew(entry) : cost;
      }
    }
    for (const id of without(topics.ids, before?.ids)) yield this.#lookAnew(world.entry(id));
    for (const channel of without(topics.channels, before?.channels)) {
      for (const entry of channels.in(channel)) yield this.#lookAnew(entry);
    }
  }

  /** To whom a property is hidden it is missing, by which an object can match a query as well. */
  #mayMatch(query: Query, { id }: SyncObject): boolean {
    return this.#ground.permissions.mayHide(id).some((name) => query.names.has(name));
  }

  #lookAgain(entry: Entry | undefined): number {
    return entry !== undefined && this.#view.has(entry.handle) ? this.#look(entry) : 1;
  }

  #lookAnew(entry: Entry | undefined): number {
    return entry !== undefined && !this.#view.has(entry.handle) ? this.#look(entry) : 1;
  }

  #look(entry: Entry): number {
    this.#view.look(entry, this.#ground.channels.of(entry));
    return 1 + this.#view.topics.queries.length;
  }
}

function without(
  names: ReadonlySet<string>,
  others: ReadonlySet<string> | undefined,
): readonly string[] {
  return [...names].filter((name) => others?.has(name) !== true);
}
