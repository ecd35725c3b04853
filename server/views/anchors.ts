import type { Condition, Ordered } from "../../lib/condition.ts";
import type { Value } from "../../lib/object.ts";
import { valueKey } from "../../lib/value-key.ts";
import type { Interval } from "./interval-block.ts";

/** A place where queries wait for objects of which one property is thus. */
export type Anchor =
  | (Named & { readonly kind: "scalar"; readonly value: Value })
  | (Named & { readonly kind: "time"; readonly ms: number })
  /** An array, an object or bytes, whichever. */
  | (Named & { readonly kind: "structure" })
  | (Named & { readonly kind: "numbers" | "times"; readonly interval: Interval<number> })
  | (Named & { readonly kind: "texts"; readonly interval: Interval<string> })
  | (Named & { readonly kind: "present" });

interface Named {
  readonly name: string;
  /** The same for the same place, within one property. */
  readonly key: string;
}

/** Where a query can be anchored, so that it meets every object that it matches. */
export type Options =
  /** At all of these together. */
  | { readonly kind: "anchors"; readonly anchors: readonly Anchor[] }
  /** At any one of these, as of the parts of a conjunction; the earlier the better, other things equal. */
  | { readonly kind: "one"; readonly options: readonly Options[] }
  /** At each of these, as of the branches of a disjunction. */
  | { readonly kind: "each"; readonly options: readonly Options[] };

/** Null of a condition that an object can meet by what it lacks: it must be tried with every object. */
export function optionsOf(condition: Condition): Options | null {
  switch (condition.kind) {
    case "not":
      return null;
    case "any":
      return ofBranches(condition.conditions);
    case "all":
      return ofParts(condition.conditions);
    default:
      return ofParts([condition]);
  }
}

/** Every anchor that a query could have. */
export function anchorsIn(options: Options): readonly Anchor[] {
  return options.kind === "anchors" ? options.anchors : options.options.flatMap(anchorsIn);
}

export interface Choice {
  readonly anchors: readonly Anchor[];
  readonly cost: number;
}

/** The cheapest way to anchor a query. */
export function choose(options: Options, costOf: (anchor: Anchor) => number): Choice {
  if (options.kind === "anchors") {
    const { anchors } = options;
    // An object has only one of the values.
    return { anchors, cost: Math.max(0, ...anchors.map(costOf)) };
  }
  const choices = options.options.map((option) => choose(option, costOf));
  if (options.kind === "one") return choices.reduce((a, b) => (b.cost < a.cost ? b : a));
  return {
    anchors: choices.flatMap(({ anchors }) => anchors),
    cost: choices.reduce((sum, { cost }) => sum + cost, 0),
  };
}

function ofBranches(conditions: readonly Condition[]): Options | null {
  const options: Options[] = [];
  for (const condition of conditions) {
    const branch = optionsOf(condition);
    if (branch === null) return null;
    options.push(branch);
  }
  return { kind: "each", options };
}

/** In the order of how much each says, as far as one can tell. */
function ofParts(conditions: readonly Condition[]): Options | null {
  const anchorsOfParts = [
    ...conditions.flatMap(valueAnchors),
    ...intervalAnchors(conditions).map((anchor) => [anchor]),
    ...conditions.flatMap(presenceAnchors),
  ];
  const options = anchorsOfParts.map((anchors): Options => ({ kind: "anchors", anchors }));
  for (const condition of conditions) {
    const branches = condition.kind === "any" ? ofBranches(condition.conditions) : null;
    if (branches !== null) options.push(branches);
  }
  return options.length === 0 ? null : { kind: "one", options };
}

/** One list for all the values of an `in`, or none. */
function valueAnchors(condition: Condition): readonly Anchor[][] {
  if (condition.kind !== "in") return [];
  const { name, values } = condition;
  const anchors: Anchor[] = [];
  for (const value of values.scalars) {
    anchors.push({ kind: "scalar", name, value, key: `=${valueKey(value)}` });
  }
  for (const ms of values.times) anchors.push({ kind: "time", name, ms, key: `=@${ms}` });
  if (values.hasStructures) anchors.push({ kind: "structure", name, key: "=[]" });
  return [anchors];
}

function presenceAnchors(condition: Condition): readonly Anchor[][] {
  if (condition.kind !== "exists") return [];
  return [[{ kind: "present", name: condition.name, key: "present" }]];
}

/** All that a conjunction says of one property's order, as one interval. */
function intervalAnchors(conditions: readonly Condition[]): readonly Anchor[] {
  const anchors = new Map<string, IntervalAnchor>();
  for (const condition of conditions) {
    const anchor = intervalAnchor(condition);
    if (anchor === undefined) continue;
    const place = `${anchor.kind}(${JSON.stringify(anchor.name)})`;
    anchors.set(place, narrower(anchor, anchors.get(place)));
  }
  return [...anchors.values()];
}

type IntervalAnchor = Extract<Anchor, { readonly interval: object }>;

function intervalAnchor(condition: Condition): IntervalAnchor | undefined {
  switch (condition.kind) {
    case "gt":
    case "gte":
      return ofBound(condition.name, condition.bound, (low) => ({
        ...EVERYTHING,
        low,
        includesLow: condition.kind === "gte",
      }));
    case "lt":
    case "lte":
      return ofBound(condition.name, condition.bound, (high) => ({
        ...EVERYTHING,
        high,
        includesHigh: condition.kind === "lte",
      }));
    case "startsWith":
      return ofTexts(condition.name, withPrefix(condition.prefix));
    default:
      return undefined;
  }
}

const EVERYTHING = { low: null, includesLow: true, high: null, includesHigh: true } as const;

function ofBound(
  name: string,
  bound: Ordered,
  intervalOf: <Bound extends number | string>(bound: Bound) => Interval<Bound>,
): IntervalAnchor {
  if (typeof bound === "string") return ofTexts(name, intervalOf(bound));
  if (typeof bound === "number") return ofNumbers("numbers", name, intervalOf(bound));
  return ofNumbers("times", name, intervalOf(bound.getTime()));
}

function ofTexts(name: string, interval: Interval<string>): IntervalAnchor {
  return { kind: "texts", name, interval, key: keyOf("texts", interval) };
}

function ofNumbers(
  kind: "numbers" | "times",
  name: string,
  interval: Interval<number>,
): IntervalAnchor {
  return { kind, name, interval, key: keyOf(kind, interval) };
}

function keyOf(kind: string, interval: Interval<number> | Interval<string>): string {
  const { low, includesLow, high, includesHigh } = interval;
  return `${kind}${JSON.stringify([low, includesLow, high, includesHigh])}`;
}

/** Both anchors are of one kind and one property. */
function narrower(a: IntervalAnchor, b: IntervalAnchor | undefined): IntervalAnchor {
  if (b === undefined) return a;
  if (a.kind === "texts") {
    return b.kind === "texts" ? ofTexts(a.name, overlap(a.interval, b.interval)) : a;
  }
  return b.kind === "texts" ? a : ofNumbers(a.kind, a.name, overlap(a.interval, b.interval));
}

function overlap<Bound extends number | string>(
  a: Interval<Bound>,
  b: Interval<Bound>,
): Interval<Bound> {
  const { low, includesLow } = beginsLater(a, b) ? a : b;
  const { high, includesHigh } = endsEarlier(a, b) ? a : b;
  return { low, includesLow, high, includesHigh };
}

function beginsLater<Bound extends number | string>(
  a: Interval<Bound>,
  b: Interval<Bound>,
): boolean {
  if (a.low === null || b.low === null) return b.low === null;
  return a.low > b.low || (a.low === b.low && !a.includesLow);
}

function endsEarlier<Bound extends number | string>(
  a: Interval<Bound>,
  b: Interval<Bound>,
): boolean {
  if (a.high === null || b.high === null) return b.high === null;
  return a.high < b.high || (a.high === b.high && !a.includesHigh);
}

/** The texts that begin with a prefix, which lie together in the order of code units. */
function withPrefix(prefix: string): Interval<string> {
  let length = prefix.length;
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xffff) length -= 1;
  const next = String.fromCharCode(prefix.charCodeAt(length - 1) + 1);
  const high = length === 0 ? null : prefix.slice(0, length - 1) + next;
  return { low: prefix, includesLow: true, high, includesHigh: false };
}
