import { propertyOf, type SyncObject, type Value } from "./object.ts";
import { valueKey } from "./value-key.ts";
import type { ValueSet } from "./value-set.ts";

/** What has an order, within its own kind. */
export type Ordered = number | string | Date;

export type Comparison = "gt" | "gte" | "lt" | "lte";

/** What a query asks, in few words: `$eq` is an `in` of one value, `$ne` the negation of it. */
export type Condition =
  | (Keyed & { readonly kind: "in"; readonly name: string; readonly values: ValueSet })
  | (Keyed & { readonly kind: Comparison; readonly name: string; readonly bound: Ordered })
  | (Keyed & { readonly kind: "startsWith"; readonly name: string; readonly prefix: string })
  | (Keyed & { readonly kind: "exists"; readonly name: string })
  | (Keyed & { readonly kind: "not"; readonly condition: Condition })
  | (Keyed & { readonly kind: "all" | "any"; readonly conditions: readonly Condition[] });

interface Keyed {
  /** Canonical: conditions of the same meaning share it, but for rules of logic beyond order and repetition. */
  readonly key: string;
}

export function isIn(name: string, values: ValueSet): Condition {
  const key = `in(${[JSON.stringify(name), ...values.keys].join()})`;
  return { kind: "in", name, values, key };
}

export function compares(kind: Comparison, name: string, bound: Ordered): Condition {
  return { kind, name, bound, key: `${kind}(${JSON.stringify(name)},${valueKey(bound)})` };
}

export function startsWith(name: string, prefix: string): Condition {
  const key = `startsWith(${JSON.stringify(name)},${JSON.stringify(prefix)})`;
  return { kind: "startsWith", name, prefix, key };
}

export function exists(name: string): Condition {
  return { kind: "exists", name, key: `exists(${JSON.stringify(name)})` };
}

export function not(condition: Condition): Condition {
  if (condition.kind === "not") return condition.condition;
  return { kind: "not", condition, key: `not(${condition.key})` };
}

/** True of everything if there are no conditions; false if `kind` is "any". */
export function joined(kind: "all" | "any", conditions: readonly Condition[]): Condition {
  const byKey = new Map<string, Condition>();
  for (const condition of conditions) {
    for (const part of condition.kind === kind ? condition.conditions : [condition]) {
      byKey.set(part.key, part);
    }
  }
  const keys = [...byKey.keys()].sort();
  const parts = keys.flatMap((key) => byKey.get(key) ?? []);
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  return { kind, conditions: parts, key: `${kind}(${keys.join()})` };
}

/** The properties that a condition looks at. */
export function namesIn(condition: Condition): readonly string[] {
  switch (condition.kind) {
    case "not":
      return namesIn(condition.condition);
    case "all":
    case "any":
      return condition.conditions.flatMap(namesIn);
    default:
      return [condition.name];
  }
}

/**
 * Whether it is true of an object without the properties that are hidden. Allocates nothing: it runs for
 * every change.
 */
export function holds(
  condition: Condition,
  object: SyncObject,
  hidden: readonly string[],
): boolean {
  switch (condition.kind) {
    case "all":
      for (const part of condition.conditions) if (!holds(part, object, hidden)) return false;
      return true;
    case "any":
      for (const part of condition.conditions) if (holds(part, object, hidden)) return true;
      return false;
    case "not":
      return !holds(condition.condition, object, hidden);
    default:
      if (hidden.includes(condition.name)) return false;
      return holdsOf(condition, propertyOf(object, condition.name));
  }
}

type OfProperty = Extract<Condition, { readonly name: string }>;

function holdsOf(condition: OfProperty, value: Value | undefined): boolean {
  if (value === undefined) return false;
  switch (condition.kind) {
    case "in":
      return condition.values.has(value);
    case "startsWith":
      return typeof value === "string" && value.startsWith(condition.prefix);
    case "exists":
      return true;
    default:
      return isOrdered(condition.kind, value, condition.bound);
  }
}

function isOrdered(kind: Comparison, value: Value, bound: Ordered): boolean {
  if (typeof value === "number" && typeof bound === "number") return compare(kind, value, bound);
  if (typeof value === "string" && typeof bound === "string") return compare(kind, value, bound);
  if (!(value instanceof Date && bound instanceof Date)) return false;
  return compare(kind, value.getTime(), bound.getTime());
}

function compare<Kind extends number | string>(kind: Comparison, a: Kind, b: Kind): boolean {
  switch (kind) {
    case "gt":
      return a > b;
    case "gte":
      return a >= b;
    case "lt":
      return a < b;
    case "lte":
      return a <= b;
  }
}
