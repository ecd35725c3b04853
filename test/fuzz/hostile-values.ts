import type { Value } from "../../lib/object.ts";
import type { SeededRandom } from "../simulation/random.ts";

const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.1,
  -1.5,
  1e-310,
  31,
  127,
  128,
  255,
  8_160,
  2 ** 29,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  -(2 ** 53 - 1),
  2 ** 53,
  NaN,
  Infinity,
  -Infinity,
  1.7e308,
  5e-324,
];
const TEXTS = [
  "",
  " ",
  "a",
  "\0",
  "\ud800",
  "\udc00x",
  "😀",
  "é".repeat(30),
  "__proto__",
  "constructor",
  "toJSON",
  "then",
  "$where",
  "${jndi}",
  "'; DROP TABLE objects; --",
  "%00",
  "../../etc/passwd",
  "<script>",
  "\u202e",
  "\ufeff",
  "null",
  "NaN",
  "1e999",
  "id",
  "length",
  "of:eve-0",
  "\r\n\r\n",
];
const NAMES = [
  "owner",
  "text",
  "x",
  "y",
  "level",
  "draft",
  "hand",
  "seed",
  "a",
  "b",
  "",
  "id",
  "__proto__",
  "constructor",
  "prototype",
  "toJSON",
  "then",
  "valueOf",
  "hasOwnProperty",
  "length",
  "$gte",
  "0",
  "-1",
  "é",
  "\ud800",
  "by",
  "at",
];

export function someText(random: SeededRandom): string {
  if (random.chance(0.01)) return "x".repeat(random.pick([255, 256, 257, 257, 4_096, 70_000]));
  return random.pick(TEXTS);
}

/** Of a property; mostly one that can be. */
export function someName(random: SeededRandom): string {
  if (random.chance(0.01)) return "n".repeat(random.pick([256, 257, 5_000]));
  return random.chance(0.8) ? (NAMES[random.below(9)] ?? "a") : random.pick(NAMES);
}

/** Of all kinds, and what no proper client could write among them. */
export function someValue(random: SeededRandom, depth = 0): Value {
  const kind = random.below(depth > 4 ? 7 : 10);
  switch (kind) {
    case 0:
      return random.pick([null, true, false]);
    case 1:
    case 2:
      return random.pick(NUMBERS);
    case 3:
    case 4:
      return someText(random);
    case 5:
      return new Date(random.pick([0, -1, 1.5e12, 8.64e15, -8.64e15]));
    case 6:
      return Uint8Array.from({ length: random.pick([0, 1, 20, 2_000]) }, (_, i) => i);
    case 7:
      return Array.from({ length: random.below(6) }, () => someValue(random, depth + 1));
    case 8:
      return random.chance(0.02)
        ? Array.from({ length: random.pick([1_000, 1_000, 30_000]) }, (_, i) => i)
        : nested(random);
    default: {
      const entries = Array.from({ length: random.below(5) }, () => [
        someName(random),
        someValue(random, depth + 1),
      ]);
      // With a key "__proto__" as a property like any other.
      return Object.fromEntries(entries) as Record<string, Value>;
    }
  }
}

/** About as deep as may be, or deeper. */
function nested(random: SeededRandom): Value {
  let value: Value = 1;
  for (let depth = random.pick([1, 30, 31, 32, 33, 200]); depth > 0; depth--) {
    value = depth % 2 === 0 ? [value] : { a: value };
  }
  return value;
}

type Query = Readonly<Record<string, unknown>>;

/** A query, up to what may be asked and beyond. */
export function someQuery(random: SeededRandom): Query {
  switch (random.below(9)) {
    case 0:
      return {};
    case 1:
      return { [someName(random)]: someValue(random) };
    case 2: {
      const members = random.pick([1, 2, 3, 250, 256, 257]);
      const operator = random.pick(["$in", "$nin"]);
      return {
        level: {
          [operator]: Array.from(
            { length: random.chance(0.1) ? 5_000 : members },
            (_, i) => `member ${i}`,
          ),
        },
      };
    }
    case 3: {
      const count = random.pick([1, 2, 8, 31, 32, 33]);
      const names = Array.from({ length: count }, (_, i) => [`p${i}`, { $ne: i }]);
      return Object.fromEntries(names) as Query;
    }
    case 4: {
      let query: Query = { a: 1 };
      for (let depth = random.pick([1, 3, 4, 5, 30]); depth > 0; depth--) {
        query = { [random.pick(["$and", "$or"])]: [query, { b: { $exists: true } }] };
      }
      return query;
    }
    case 5: {
      let operators: unknown = { $eq: 1 };
      for (let depth = random.pick([1, 3, 4, 5, 30]); depth > 0; depth--) {
        operators = { $not: operators };
      }
      return { a: operators };
    }
    case 6:
      return {
        text: { $startsWith: random.pick(["", "x", "x".repeat(16_000), "x".repeat(99_000)]) },
      };
    case 7:
      return { [random.pick(["draft", "hand", "seed", "owner"])]: { $exists: random.chance(0.5) } };
    default: {
      const operator = random.pick(["$gt", "$lte", "$gte", "$regex", "$where", "$", "$eq"]);
      return { [someName(random)]: { [operator]: someValue(random, 3) } };
    }
  }
}
