import { equalValues, type Value } from "./object.ts";
import { valueKey } from "./value-key.ts";

/** Values of which no two are equal, to find one without comparing it with each. */
export class ValueSet {
  readonly #scalars = new Set<Value>();
  readonly #times = new Set<number>();
  /** Arrays, objects and bytes: these are compared one by one. */
  readonly #structures: Value[] = [];
  /** Of each value its `valueKey`, sorted. */
  readonly keys: readonly string[];

  constructor(values: Iterable<Value>) {
    const byKey = new Map<string, Value>();
    for (const value of values) byKey.set(valueKey(value), value);
    for (const value of byKey.values()) this.#add(value);
    this.keys = [...byKey.keys()].sort();
  }

  #add(value: Value): void {
    if (typeof value !== "object" || value === null) this.#scalars.add(value);
    else if (value instanceof Date) this.#times.add(value.getTime());
    else this.#structures.push(value);
  }

  /** Null, booleans, numbers and strings. */
  get scalars(): ReadonlySet<Value> {
    return this.#scalars;
  }

  /** The dates, in milliseconds. */
  get times(): ReadonlySet<number> {
    return this.#times;
  }

  get hasStructures(): boolean {
    return this.#structures.length > 0;
  }

  has(value: Value): boolean {
    if (typeof value !== "object" || value === null) return this.#scalars.has(value);
    if (value instanceof Date) return this.#times.has(value.getTime());
    for (const structure of this.#structures) if (equalValues(structure, value)) return true;
    return false;
  }
}
