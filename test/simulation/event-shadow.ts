import { canonical } from "../support/canonical.ts";
import type { Checks } from "./checks.ts";
import type { PlainObject } from "./plain-object.ts";

type Changes = Readonly<Record<string, unknown>>;

/** A view rebuilt from events alone. It must come out as the view that the client shows. */
export class EventShadow {
  readonly #who: string;
  readonly #checks: Checks;
  readonly #get: (id: string) => object | undefined;
  readonly #objects = new Map<string, Record<string, unknown>>();
  readonly #references = new Map<string, object>();
  /** Ids that had an event since the last comparison. */
  readonly #touched = new Set<string>();
  /** What `create` has told, and `add` has not yet. */
  #announced: string | undefined;
  #destroyed: string | undefined;

  constructor(who: string, checks: Checks, get: (id: string) => object | undefined) {
    this.#who = who;
    this.#checks = checks;
    this.#get = get;
  }

  get touched(): ReadonlySet<string> {
    return this.#touched;
  }

  get size(): number {
    return this.#objects.size;
  }

  created({ id }: PlainObject): void {
    this.#check(!this.#objects.has(id), `create of ${id}, which is there`);
    this.#announced = id;
  }

  added(object: PlainObject): void {
    const { id } = object;
    this.#check(!this.#objects.has(id), `add of ${id}, which is there`);
    this.#check((this.#announced ?? id) === id, `create of ${String(this.#announced)} without add`);
    this.#announced = undefined;
    this.#objects.set(id, { ...object });
    this.#references.set(id, object);
    this.#touched.add(id);
  }

  updated(object: PlainObject, changes: Changes, previous: Changes, isPreviousSure: boolean): void {
    const { id } = object;
    const known = this.#objects.get(id);
    if (known === undefined) {
      this.#check(false, `update of ${id}, which is not there`);
      return;
    }
    const names = Object.keys(changes);
    this.#check(canonical(names) === canonical(Object.keys(previous)), `other names for ${id}`);
    for (const name of names) {
      if (isPreviousSure && !this.#touched.has(id)) {
        const isKnown = canonical(known[name]) === canonical(previous[name]);
        this.#check(isKnown, `previous ${name} of ${id} is ${canonical(previous[name])}`);
      }
      const value = changes[name];
      if (value === undefined) Reflect.deleteProperty(known, name);
      else known[name] = value;
    }
    this.#checks.check(this.#references.get(id) === object, "reference", () => {
      return `${this.#who}: ${id} is told under another reference`;
    });
    this.#touched.add(id);
  }

  destroyed(id: string): void {
    this.#check(this.#objects.has(id), `destroy of ${id}, which is not there`);
    this.#destroyed = id;
  }

  removed(id: string): void {
    this.#check(this.#objects.delete(id), `remove of ${id}, which is not there`);
    this.#check(
      (this.#destroyed ?? id) === id,
      `destroy of ${String(this.#destroyed)} without remove`,
    );
    this.#destroyed = undefined;
    this.#references.delete(id);
    this.#touched.add(id);
  }

  /** An object changed without an event. */
  refresh(id: string): void {
    const object = this.#get(id);
    if (object !== undefined && this.#objects.has(id)) this.#objects.set(id, { ...object });
  }

  /** Compares these objects with what the client shows. */
  compare(ids: Iterable<string>): void {
    this.#check(this.#announced === undefined && this.#destroyed === undefined, "a lone event");
    for (const id of ids) {
      const shown = this.#get(id);
      const known = this.#objects.get(id);
      this.#check(canonical(shown) === canonical(known), () => {
        return `${id} is ${canonical(shown)}, by its events ${canonical(known)}`;
      });
      if (shown === undefined) continue;
      this.#checks.check(this.#references.get(id) === shown, "reference", () => {
        return `${this.#who}: ${id} has another reference than before`;
      });
    }
    this.#touched.clear();
  }

  #check(holds: boolean, message: string | (() => string)): void {
    this.#checks.check(holds, "events", () => {
      return `${this.#who}: ${typeof message === "string" ? message : message()}`;
    });
  }
}
