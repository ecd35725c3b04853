import {
  compares,
  exists,
  holds,
  isIn,
  joined,
  namesIn,
  not,
  startsWith,
  type Comparison,
  type Condition,
  type Ordered,
} from "./condition.ts";
import { NOTHING_HIDDEN } from "./entry.ts";
import { atMost, SyncError } from "./errors.ts";
import { DEFAULT_LIMITS, type CommonLimits } from "./limits.ts";
import { checkName, copyValue, textBytes, valueBytes } from "./object.ts";
import type { SyncObject, Value } from "./object.ts";
import { ValueSet } from "./value-set.ts";

/** A query that was understood: it shares nothing with what it was made of, and never changes. */
export class Query {
  /** The same for queries that ask the same in another order, or ask some of it twice. */
  readonly key: string;
  /** The properties that it looks at, `id` among them if it is one. */
  readonly names: ReadonlySet<string>;
  readonly condition: Condition;

  constructor(condition: Condition) {
    this.key = condition.key;
    this.names = new Set(namesIn(condition));
    this.condition = condition;
    Object.freeze(this);
  }

  /**
   * Whether it asks for this object, as those see it from whom some properties are hidden: to them these
   * are missing. So nobody learns of what they may not read by what a query finds. Allocates nothing.
   */
  matches(object: SyncObject, hidden: readonly string[] = NOTHING_HIDDEN): boolean {
    return holds(this.condition, object, hidden);
  }
}

/**
 * Reads a query that comes from outside, as `{ type: "player", level: { $gte: 5 } }`; docs/API.md
 * has the operators. Throws `invalid_query`, `reserved_key`, `too_deep`, and `limit_exceeded` of a
 * name that is too long, each naming the property.
 */
export function parseQuery(data: unknown, limits: CommonLimits): Query {
  try {
    return new Query(new QueryParser(limits).query(data, 0));
  } catch (error) {
    if (error instanceof SyncError) throw error;
    // A getter or a proxy of the application's own; nothing that travels has either.
    throw new SyncError("invalid_query", "a query cannot be read", { cause: error });
  }
}

const COMPARISONS: ReadonlyMap<string, Comparison> = new Map([
  ["$gt", "gt"],
  ["$gte", "gte"],
  ["$lt", "lt"],
  ["$lte", "lte"],
]);

/** Goes through a query once, and counts what it costs as it goes. */
class QueryParser {
  readonly #limits: CommonLimits;
  #conditions = 0;
  #values = 0;
  #bytes = 0;

  constructor(limits: CommonLimits) {
    this.#limits = limits;
  }

  query(data: unknown, depth: number): Condition {
    if (!isPlainObject(data)) throw invalid("a query is a plain object");
    const conditions: Condition[] = [];
    for (const [name, part] of Object.entries(data) as [string, unknown][]) {
      if (name === "$and") conditions.push(this.#branches("all", name, part, depth));
      else if (name === "$or") conditions.push(this.#branches("any", name, part, depth));
      else conditions.push(this.#property(name, part, depth));
    }
    // A branch that asks nothing is counted as well, lest there be any number of them.
    if (conditions.length === 0) this.#countCondition(undefined);
    return joined("all", conditions);
  }

  #branches(kind: "all" | "any", operator: string, data: unknown, depth: number): Condition {
    this.#checkDepth(operator, depth + 1);
    if (!Array.isArray(data) || data.length === 0) {
      throw invalid(`${operator} takes an array of queries, and at least one`, operator);
    }
    // Before any is read: each costs one condition at least.
    if (data.length > this.#limits.queryConditionsMax) throw this.#tooManyConditions(operator);
    const queries = Array.from(data, (query: unknown) => this.query(query, depth + 1));
    return joined(kind, queries);
  }

  #property(name: string, data: unknown, depth: number): Condition {
    if (name.startsWith("$")) throw invalid(`there is no operator ${excerpt(name)}`, excerpt(name));
    checkName(name, this.#limits);
    this.#countBytes(name, textBytes(name));
    if (isOperators(data, name)) return this.#operators(name, data, depth);
    return this.#operator(name, "$eq", data, depth);
  }

  #operators(name: string, data: object, depth: number): Condition {
    const entries = Object.entries(data) as [string, unknown][];
    const conditions = entries.map(([operator, operand]) =>
      this.#operator(name, operator, operand, depth),
    );
    return joined("all", conditions);
  }

  #operator(name: string, operator: string, operand: unknown, depth: number): Condition {
    if (operator === "$not") return this.#negation(name, operand, depth + 1);
    this.#countCondition(name);
    const comparison = COMPARISONS.get(operator);
    if (comparison !== undefined) {
      return compares(comparison, name, this.#ordered(name, operator, operand));
    }
    switch (operator) {
      case "$eq":
        return isIn(name, new ValueSet([this.#value(name, operand)]));
      case "$ne":
        return not(isIn(name, new ValueSet([this.#value(name, operand)])));
      case "$in":
        return isIn(name, this.#members(name, operator, operand));
      case "$nin":
        return not(isIn(name, this.#members(name, operator, operand)));
      case "$exists":
        if (typeof operand !== "boolean") throw invalid("$exists takes true or false", name);
        return operand ? exists(name) : not(exists(name));
      case "$startsWith":
        if (typeof operand !== "string") throw invalid("$startsWith takes a string", name);
        this.#countBytes(name, textBytes(operand));
        return startsWith(name, operand);
      default:
        throw invalid(`there is no operator ${excerpt(operator)}`, name);
    }
  }

  #negation(name: string, data: unknown, depth: number): Condition {
    this.#checkDepth(name, depth);
    if (!isOperators(data, name)) throw invalid("$not takes an object of operators", name);
    return not(this.#operators(name, data, depth));
  }

  #ordered(name: string, operator: string, operand: unknown): Ordered {
    const value = this.#value(name, operand);
    if (typeof value === "number" || typeof value === "string" || value instanceof Date) {
      return value;
    }
    throw invalid(`${operator} takes a number, a string or a date`, name);
  }

  #members(name: string, operator: string, data: unknown): ValueSet {
    if (!Array.isArray(data)) throw invalid(`${operator} takes an array`, name);
    const { queryValuesMax } = this.#limits;
    this.#values += data.length;
    if (this.#values > queryValuesMax) {
      throw tooMuch(queryValuesMax, "members of $in and $nin", name);
    }
    return new ValueSet(Array.from(data, (member: unknown) => this.#value(name, member)));
  }

  #value(name: string, data: unknown): Value {
    const value = this.#copy(name, data);
    this.#countBytes(name, valueBytes(value));
    return value;
  }

  #copy(name: string, data: unknown): Value {
    try {
      return copyValue(data, this.#limits, undefined, name, 0);
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== "invalid_value") throw error;
      throw invalid(error.message, name);
    }
  }

  #checkDepth(where: string, depth: number): void {
    const { queryDepthMax } = this.#limits;
    if (depth > queryDepthMax) throw tooMuch(queryDepthMax, "levels of $and, $or and $not", where);
  }

  #countCondition(where: string | undefined): void {
    this.#conditions += 1;
    if (this.#conditions > this.#limits.queryConditionsMax) throw this.#tooManyConditions(where);
  }

  #tooManyConditions(where: string | undefined): SyncError {
    return tooMuch(this.#limits.queryConditionsMax, "conditions", where);
  }

  #countBytes(where: string, bytes: number): void {
    const { queryBytesMax } = this.#limits;
    this.#bytes += bytes;
    if (this.#bytes > queryBytesMax) throw tooMuch(queryBytesMax, "bytes", where);
  }
}

function invalid(message: string, property?: string): SyncError {
  return new SyncError("invalid_query", message, { property });
}

function tooMuch(max: number, unit: string, property: string | undefined): SyncError {
  return atMost("a query", max, unit, { property }, "invalid_query");
}

/** What of a text is shown to whoever sent it. */
function excerpt(text: string): string {
  return text.slice(0, 64);
}

/** An object of operators, and not one that a property is to be equal to. */
function isOperators(data: unknown, name: string): data is object {
  if (!isPlainObject(data)) return false;
  const keys = Object.keys(data);
  const operators = keys.filter((key) => key.startsWith("$")).length;
  if (operators > 0 && operators < keys.length) {
    throw invalid(`${name} has operators and values mixed; write { $eq: ... }`, name);
  }
  return operators > 0;
}

function isPlainObject(data: unknown): data is object {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return false;
  const prototype: unknown = Object.getPrototypeOf(data);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * What tells whether an object matches a query, as `{ done: false }`: for plugins, which ask of objects
 * themselves. Throws as `parseQuery`.
 */
export function matcher(query: unknown): (object: SyncObject) => boolean {
  const parsed = parseQuery(query, DEFAULT_LIMITS);
  return (object) => parsed.matches(object);
}
