import { namespaceOf } from "../../lib/object.ts";
import type { Topic } from "../../lib/topics.ts";
import type { PlainObject } from "./plain-object.ts";
import type { SeededRandom } from "./random.ts";
import { channelsOf } from "./visibility.ts";

/** What a client asks for: everything, or whatever one of these selects. */
export type Asked = readonly Topic[] | undefined;

/** What every client asks for, so that its sums can be checked. */
export const BANK: Topic = { namespace: "bank" };

/** A topic that a client may ask for while the workload makes objects come and go. */
export function someTopic(random: SeededRandom): Topic {
  switch (random.below(8)) {
    case 0:
      return { namespace: random.pick(["shared", "seed", "ext", "none"]) };
    case 1:
      return { id: `shared:${random.below(12)}` };
    case 2:
      return { id: random.pick([`seed:${random.below(60)}`, `ext:${random.below(10)}`]) };
    case 3:
    case 4:
      return { channel: random.pick(["d:0", "d:1", "d:2", "d:3", "e", "none"]) };
    default:
      return { query: someQuery(random) };
  }
}

function someQuery(random: SeededRandom): Readonly<Record<string, unknown>> {
  const number = random.below(4);
  switch (random.below(9)) {
    case 0:
      return { a: { $gte: number } };
    case 1:
      return { a: number };
    case 2:
      return { b: { $exists: random.chance(0.5) } };
    case 3:
      return { c: { $lt: number }, a: { $gte: 1 } };
    case 4:
      return { d: { $ne: number } };
    case 5:
      return { $or: [{ a: number }, { c: { $in: [0, 2] } }] };
    case 6:
      return { id: { $startsWith: random.pick(["shared:1", "seed:", "c", "db:"]) } };
    case 7:
      return { e: { $not: { $gt: number } }, id: { $startsWith: "shared" } };
    default:
      return { s: { $startsWith: `~c${number}` } };
  }
}

/**
 * Whether an object is among what somebody asks for, by the plainest reading. Of what they may not see
 * of it, `shown` has nothing, and so can no query tell.
 */
export function selects(asked: Asked, object: PlainObject, shown: PlainObject): boolean {
  if (asked === undefined) return true;
  return asked.some((topic) => {
    if ("namespace" in topic) return namespaceOf(object.id) === topic.namespace;
    if ("id" in topic) return object.id === topic.id;
    if ("channel" in topic) return channelsOf(object).includes(topic.channel);
    return matches(topic.query, shown);
  });
}

function matches(query: unknown, object: PlainObject): boolean {
  return Object.entries(query as object).every(([name, part]: [string, unknown]) => {
    if (name === "$or") return (part as unknown[]).some((branch) => matches(branch, object));
    return isAsAsked(object[name], part);
  });
}

function isAsAsked(value: unknown, part: unknown): boolean {
  if (typeof part !== "object" || part === null) return value === part;
  return Object.entries(part).every(([operator, operand]: [string, unknown]) => {
    switch (operator) {
      case "$exists":
        return (value !== undefined) === operand;
      case "$ne":
        return value !== operand;
      case "$in":
        return (operand as unknown[]).includes(value);
      case "$not":
        return !isAsAsked(value, operand);
      case "$startsWith":
        return typeof value === "string" && value.startsWith(operand as string);
      case "$gte":
        return typeof value === "number" && value >= (operand as number);
      case "$gt":
        return typeof value === "number" && value > (operand as number);
      case "$lt":
        return typeof value === "number" && value < (operand as number);
      default:
        throw new Error(`no client here asks for ${operator}`);
    }
  });
}
