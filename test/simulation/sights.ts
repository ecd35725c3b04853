import { canonical } from "../support/canonical.ts";
import type { PlainObject } from "./plain-object.ts";
import { asOf, type SchemaVersion } from "./schema-history.ts";
import { selects, type Asked } from "./selection.ts";
import type { Timeline } from "./timeline.ts";
import { canariesIn } from "./token.ts";
import { TEAMS, type Visibility } from "./visibility.ts";

/** A server, or whatever else holds objects. */
export interface Holder {
  readonly objects: ReadonlyMap<string, object>;
}

/** Who looks. */
export interface Eyes {
  readonly team: number;
  readonly schema: SchemaVersion;
}

/** What was found out in one task, in which no object changes between two messages. */
interface Moment {
  readonly name: string;
  readonly views: Map<string, ReadonlyMap<string, string>>;
  /** Of each object that somebody may see, by its id: how it is shown. */
  readonly sights: Map<string, ReadonlyMap<string, Sight>>;
}

interface Sight {
  readonly object: PlainObject;
  readonly shown: PlainObject;
  readonly text: string;
}

/** What users are to be shown of what a server holds, by the plainest reading of all that decides it. */
export class Sights {
  readonly visibility: Visibility;
  readonly #timeline: Timeline;
  readonly #moments = new WeakMap<Holder, Moment>();
  /** Canary values that a team has been allowed to see at some moment. */
  readonly #seen = new Map(TEAMS.map((team) => [team, new Set<string>()] as const));
  readonly #seenIds = new Map(TEAMS.map((team) => [team, new Set<string>()] as const));
  /** All that were ever in an object of which a store has heard. */
  readonly #known = new Set<string>();

  constructor(visibility: Visibility, timeline: Timeline) {
    this.visibility = visibility;
    this.#timeline = timeline;
  }

  /** The objects that somebody is to be shown now, as text, by id. */
  view(holder: Holder, eyes: Eyes, asked: Asked): ReadonlyMap<string, string> {
    const { views } = this.#momentOf(holder);
    const key = `${eyes.team} ${eyes.schema} ${JSON.stringify(asked)}`;
    const known = views.get(key);
    if (known !== undefined) return known;
    const view = new Map<string, string>();
    for (const [id, { object, shown, text }] of this.#seenBy(eyes, holder)) {
      if (selects(asked, object, shown)) view.set(id, text);
    }
    views.set(key, view);
    return view;
  }

  /** One object as somebody may see it now; undefined when they may not, or there is none. */
  text(holder: Holder, eyes: Eyes, id: string): string | undefined {
    return this.#seenBy(eyes, holder).get(id)?.text;
  }

  /** An object as somebody is shown it; undefined when they may not see it. */
  shown({ team, schema }: Eyes, object: PlainObject): PlainObject | undefined {
    const shown = this.visibility.project(team, object);
    return shown && asOf(schema, shown);
  }

  /** Notes what is to be seen of these objects now. */
  note(objects: Iterable<PlainObject>): void {
    for (const object of objects) {
      for (const canary of canariesIn(object)) this.#known.add(canary);
      for (const team of TEAMS) {
        const shown = this.visibility.project(team, object);
        if (shown === undefined) continue;
        this.#seenIds.get(team)?.add(object.id);
        for (const canary of canariesIn(shown)) this.#seen.get(team)?.add(canary);
      }
    }
  }

  /** An object may become like this, and for a moment only: then somebody may know that it is there. */
  foresee(object: PlainObject): void {
    for (const team of TEAMS) {
      if (this.visibility.project(team, object) !== undefined) {
        this.#seenIds.get(team)?.add(object.id);
      }
    }
  }

  /** Whether the team was never allowed to see this value, which somebody has written. */
  isSecret(team: number, canary: string): boolean {
    return this.#known.has(canary) && this.#seen.get(team)?.has(canary) !== true;
  }

  /** Whether the team was allowed to see an object of this id at some moment, or nearly so. */
  hasSeen(team: number, id: string): boolean {
    return this.#seenIds.get(team)?.has(id) === true;
  }

  #seenBy(eyes: Eyes, holder: Holder): ReadonlyMap<string, Sight> {
    const { sights } = this.#momentOf(holder);
    const key = `${eyes.team} ${eyes.schema}`;
    const known = sights.get(key);
    if (known !== undefined) return known;
    const seen = new Map<string, Sight>();
    for (const [id, one] of holder.objects) {
      const object = one as PlainObject;
      const shown = this.shown(eyes, object);
      if (shown !== undefined) seen.set(id, { object, shown, text: canonical(shown) });
    }
    sights.set(key, seen);
    return seen;
  }

  #momentOf(holder: Holder): Moment {
    const name = `${this.#timeline.tasks} ${this.visibility.version}`;
    const known = this.#moments.get(holder);
    if (known?.name === name) return known;
    const moment: Moment = { name, views: new Map(), sights: new Map() };
    this.#moments.set(holder, moment);
    return moment;
  }
}
