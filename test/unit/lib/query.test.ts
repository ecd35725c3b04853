import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { DEFAULT_LIMITS } from "../../../lib/limits.ts";
import type { SyncObject, Value } from "../../../lib/object.ts";
import { parseQuery, type Query } from "../../../lib/query.ts";
import {
  anyName,
  anyQuery,
  anyText,
  anyValue,
  askedObject,
  RESERVED_NAMES,
} from "../../support/arbitraries.ts";
import { canonical } from "../../support/canonical.ts";
import { readExample } from "../../support/doc-example.ts";
import { codeOf } from "../../support/hostile.ts";

const limits = DEFAULT_LIMITS;

function parse(data: unknown): Query {
  return parseQuery(data, limits);
}

function codeOfQuery(data: unknown): string | undefined {
  return codeOf(() => parse(data));
}

function keyOf(data: unknown): string {
  return parse(data).key;
}

/** Which values of `x` an operator lets through. */
function matching(condition: unknown, values: readonly (Value | undefined)[]): unknown[] {
  const query = parse({ x: condition });
  return values.filter((x) => query.matches({ id: "a", ...(x === undefined ? {} : { x }) }));
}

/** For what is made by chance, and may be larger than is allowed. */
function parseAny(data: unknown): Query {
  return parseQuery(data, { ...limits, queryConditionsMax: 1_000 });
}

type Fields = Readonly<Record<string, unknown>>;

/** What docs/API.md says, word by word, and no faster than that. */
function asks(query: Fields, object: SyncObject): boolean {
  return Object.entries(query).every(([name, part]) => {
    if (name === "$or") return (part as Fields[]).some((branch) => asks(branch, object));
    if (name === "$and") return (part as Fields[]).every((branch) => asks(branch, object));
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    return meets(part, value);
  });
}

function meets(condition: unknown, value: Value | undefined): boolean {
  const isLiteral =
    canonical(condition)[0] !== "{" ||
    !Object.keys(condition as object).some((key) => key.startsWith("$"));
  if (isLiteral) return isSame(value, condition);
  return Object.entries(condition as object).every(([operator, operand]) =>
    passes(operator, operand, value),
  );
}

function passes(operator: string, operand: unknown, value: Value | undefined): boolean {
  switch (operator) {
    case "$eq":
      return isSame(value, operand);
    case "$ne":
      return !isSame(value, operand);
    case "$in":
      return (operand as unknown[]).some((member) => isSame(value, member));
    case "$nin":
      return !(operand as unknown[]).some((member) => isSame(value, member));
    case "$exists":
      return (value !== undefined) === operand;
    case "$startsWith":
      return typeof value === "string" && value.slice(0, String(operand).length) === operand;
    case "$not":
      return !meets(operand, value);
    default:
      return isInOrder(operator, operand, value);
  }
}

function isSame(value: Value | undefined, operand: unknown): boolean {
  return value !== undefined && canonical(value) === canonical(operand);
}

function isInOrder(operator: string, operand: unknown, value: Value | undefined): boolean {
  const comparable = ["number", "string"].includes(typeof value) || value instanceof Date;
  if (!comparable || typeof value !== typeof operand) return false;
  const [a, b] = [value, operand] as [number, number];
  const isLess = a < b;
  const isMore = a > b;
  if (operator === "$lt") return isLess;
  if (operator === "$gt") return isMore;
  return operator === "$lte" ? !isMore : !isLess;
}

test("a query matches what its operators say, whatever is nested and in whatever object", () => {
  let matches = 0;
  fc.assert(
    fc.property(anyQuery, fc.array(askedObject, { maxLength: 8 }), (data, objects) => {
      const query = parseAny(data);
      for (const object of objects) {
        const expected = asks(data as Fields, object);
        expect(query.matches(object)).toBe(expected);
        if (expected) matches += 1;
      }
    }),
    { numRuns: 1_000 },
  );
  expect(matches).toBeGreaterThan(300);
});

test("all conditions must hold, of all properties and of each", () => {
  const query = parse({ type: "player", level: { $gte: 5, $lt: 8 } });
  expect(query.matches({ id: "a", type: "player", level: 5 })).toBe(true);
  expect(query.matches({ id: "a", type: "player", level: 8 })).toBe(false);
  expect(query.matches({ id: "a", type: "tree", level: 5 })).toBe(false);
  expect(query.matches({ id: "a", level: 5 })).toBe(false);
  expect(parse({}).matches({ id: "a" })).toBe(true);
});

test("values of different types are never equal, and never in order", () => {
  const zeros = [undefined, null, false, 0, "", "0", new Date(0), new Uint8Array(), [], {}];
  for (const zero of zeros) {
    if (zero === undefined) continue;
    expect(matching({ $eq: zero }, zeros)).toEqual([zero]);
    expect(matching({ $ne: zero }, zeros)).toHaveLength(zeros.length - 1);
    expect(matching({ $nin: [zero] }, zeros)).toHaveLength(zeros.length - 1);
  }
  expect(matching({ $gte: 0 }, zeros)).toEqual([0]);
  expect(matching({ $lte: "" }, zeros)).toEqual([""]);
  expect(matching({ $lte: new Date(0) }, zeros)).toEqual([new Date(0)]);
});

test("what is missing is not null: it meets negations only", () => {
  const values = [undefined, null, 1];
  expect(matching(null, values)).toEqual([null]);
  expect(matching({ $ne: null }, values)).toEqual([undefined, 1]);
  expect(matching({ $nin: [null, 1] }, values)).toEqual([undefined]);
  expect(matching({ $exists: true }, values)).toEqual([null, 1]);
  expect(matching({ $exists: false }, values)).toEqual([undefined]);
  expect(matching({ $not: { $gte: 1 } }, values)).toEqual([undefined, null]);
  expect(matching({ $in: [] }, values)).toEqual([]);
});

test("texts are ordered by their UTF-16 units", () => {
  const texts = ["Z", "a", "é", "\uffff", "😀"];
  expect(matching({ $gt: "a" }, texts)).toEqual(["é", "\uffff", "😀"]);
  expect(matching({ $gt: "😀" }, texts)).toEqual(["\uffff"]);
});

test("a value is equal as a whole, and an object with $ in it is asked for by $eq", () => {
  expect(matching({ a: 1, b: [2] }, [{ b: [2], a: 1 }, { a: 1 }, [2]])).toEqual([{ b: [2], a: 1 }]);
  expect(matching({ $eq: { $gt: 1 } }, [{ $gt: 1 }, 2])).toEqual([{ $gt: 1 }]);
  expect(matching([1], [[1], 1])).toEqual([[1]]);
});

test("the id is a property like any other, and a dot is part of a name", () => {
  const query = parse({ id: { $startsWith: "player:" }, "a.b": 1 });
  expect([...query.names].sort()).toEqual(["a.b", "id"]);
  expect(query.matches({ id: "player:1", "a.b": 1 })).toBe(true);
  expect(query.matches({ id: "player:1", a: { b: 1 } })).toBe(false);
  expect(query.matches({ id: "tree:1", "a.b": 1 })).toBe(false);
});

test("special characters of patterns are plain text", () => {
  for (const text of [".*", "(a+)+$", "[", "\\", "^", "$&"]) {
    expect(matching({ $startsWith: text }, [`${text}!`, "aaaa"])).toEqual([`${text}!`]);
  }
});

test("a query names all that it looks at", () => {
  const query = parse({ a: 1, $or: [{ b: { $ne: 1 } }, { $and: [{ c: { $not: { $gt: 1 } } }] }] });
  expect([...query.names].sort()).toEqual(["a", "b", "c"]);
  expect(parse({}).names.size).toBe(0);
  // What an object inherits is not its property.
  expect(parse({ toString: { $exists: true } }).matches({ id: "a" })).toBe(false);
});

test("the key is the same for the same conditions in another order, or twice", () => {
  const same: unknown[][] = [
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
      { a: { $eq: 1 }, b: { $in: [2, 2] } },
    ],
    [
      { $and: [{ b: 2 }, { a: 1 }] },
      { a: 1, $and: [{ a: 1 }, { $and: [{ b: 2 }] }] },
      { a: 1, b: 2 },
    ],
    [{ a: { $gt: 1, $lt: 3 } }, { a: { $lt: 3, $gt: 1 } }],
    [{ a: { $in: [1, "1", new Date(1)] } }, { a: { $in: [new Date(1), new Date(1), 1, "1"] } }],
    [{ a: { $ne: 1 } }, { a: { $nin: [1] } }, { a: { $not: { $eq: 1 } } }],
    [{ $or: [{ a: 1 }, { b: 2 }] }, { $or: [{ b: 2 }, { $or: [{ a: 1 }, { b: 2 }] }] }],
    [{ a: { x: 1, y: 2 } }, { a: { y: 2, x: 1 } }],
    [{ a: 0 }, { a: -0 }],
    [{}, { $and: [{}, {}] }, JSON.parse("{}")],
  ];
  for (const queries of same) expect(new Set(queries.map(keyOf)).size).toBe(1);
});

test("the key differs where the meaning does", () => {
  const different = [
    ...[1, "1", "@1", new Date(1), [1], ["1"], [[1]], { a: 1 }, true, "true", null, "null"],
    ...[new Uint8Array(1), new Uint8Array(2), [0], [0, 0], "#(0)", "[0]", "", "in", '"', "1,2"],
    ...[{ $in: [1, 2] }, { $in: [] }, { $gt: 1 }, { $gte: 1 }, { $lt: 1 }, { $lte: 1 }],
    ...[{ $gt: "1" }, { $gt: new Date(1) }, { $startsWith: "1" }, { $ne: 1 }, { $ne: "1" }],
    ...[{ $exists: true }, { $exists: false }, { $nin: [] }, { $nin: [1, 2] }],
    ...[{ $gt: 1, $lt: 2 }, { $not: { $gt: 1 } }, "\ud800", "\udc00", "\\ud800", "a", "A"],
  ].map((x) => ({ x }));
  const all = [...different, {}, { y: 1 }, { $or: [{ x: 1 }, { y: 1 }] }, { x: 1, y: 1 }];
  expect(new Set(all.map(keyOf)).size).toBe(all.length);
});

const askedName = anyName.filter((name) => !name.startsWith("$"));

test("of any two values, the keys are the same if the values are", () => {
  fc.assert(
    fc.property(askedName, askedName, anyValue, anyValue, (name, other, a, b) => {
      // With $eq, as a value may look like operators.
      const [first, second] = [{ [name]: { $eq: a } }, { [other]: { $eq: b } }];
      expect(keyOf(first) === keyOf(second)).toBe(canonical(first) === canonical(second));
    }),
  );
});

test("no text in a query can be mistaken for another part of it", () => {
  fc.assert(
    fc.property(anyText, anyText, (a, b) => {
      expect(keyOf({ x: { $in: [a, b] } })).not.toBe(keyOf({ x: `${a},${b}` }));
      expect(keyOf({ x: { $in: [a, b] } })).not.toBe(keyOf({ x: `${JSON.stringify(a)},${b}` }));
    }),
  );
});

test("queries of one key match the same objects", () => {
  fc.assert(
    fc.property(anyQuery, anyQuery, askedObject, (a, b, object) => {
      const [first, both] = [parseAny(a), parseAny({ $and: [a, b] })];
      expect(parseAny({ $or: [a, a] }).key).toBe(first.key);
      expect(parseAny({ $and: [b, a, b] }).key).toBe(both.key);
      expect(parseAny({ $and: [b, a, b] }).matches(object)).toBe(both.matches(object));
    }),
  );
});

test("a query shares nothing with what it was made of", () => {
  const data = { a: { $in: [[1]] }, b: new Date(5) };
  const query = parse(data);
  data.a.$in[0]?.push(2);
  data.b.setTime(6);
  expect(query.matches({ id: "a", a: [1], b: new Date(5) })).toBe(true);
  expect(Object.isFrozen(query)).toBe(true);
});

test("what is no query is refused, naming the property", () => {
  for (const data of [undefined, null, 5, "type", [], [{}], () => 1, new Date(), new Map(), 1n]) {
    expect(codeOfQuery(data)).toBe("invalid_query");
  }
  const badConditions: unknown[] = [
    ...[undefined, NaN, Infinity, -Infinity, 2 ** 53, 1n, Symbol("x"), () => 1, new Date(NaN)],
    ...[new Map(), /x/, [undefined], new Array(1), [NaN], { deep: [Infinity] }],
    ...[{ $gt: null }, { $gt: true }, { $gte: [1] }, { $lt: {} }, { $lte: new Uint8Array(1) }],
    ...[{ $gt: NaN }, { $gt: undefined }, { $lt: new Date(NaN) }, { $eq: undefined }],
    ...[
      { $in: 1 },
      { $in: "ab" },
      { $in: { 0: 1, length: 1 } },
      { $in: [undefined] },
      { $nin: null },
    ],
    ...[{ $exists: 1 }, { $exists: "true" }, { $startsWith: 1 }, { $startsWith: /a/ }],
    ...[{ $not: 1 }, { $not: {} }, { $not: null }, { $not: [{ $gt: 1 }] }, { $not: { a: 1 } }],
    ...[{ $regex: "a" }, { $where: "1" }, { $: 1 }, { $gt: 1, other: 1 }, { $or: [{ $gt: 1 }] }],
  ];
  for (const condition of badConditions) {
    expect(() => parse({ good: 1, bad: condition })).toThrow(
      expect.objectContaining({ code: "invalid_query", property: "bad" }),
    );
  }
  for (const operator of ["$or", "$and", "$nor", "$not", "$where", "$expr", "$", "$eq"]) {
    for (const operand of [undefined, null, {}, [], "a", [1], [null], [[]]]) {
      expect(codeOfQuery({ [operator]: operand })).toBe("invalid_query");
    }
  }
});

test("names and keys that reach a prototype are refused, also when JSON made them", () => {
  for (const name of RESERVED_NAMES) {
    const parsed: unknown = JSON.parse(`{"${name}": {"polluted": true}}`);
    expect(() => parse(parsed)).toThrow(
      expect.objectContaining({ code: "reserved_key", property: name }),
    );
    expect(codeOfQuery({ $or: [parsed] })).toBe("reserved_key");
    expect(codeOfQuery({ a: parsed })).toBe("reserved_key");
    expect(codeOfQuery({ a: { $in: [[parsed]] } })).toBe("reserved_key");
  }
  expect("polluted" in {}).toBe(false);
  expect(codeOfQuery({ ["x".repeat(257)]: 1 })).toBe("limit_exceeded");
});

test("a query has at most 32 conditions, all branches together", () => {
  const conditions = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, i]));
  expect(codeOfQuery(conditions(32))).toBeUndefined();
  expect(() => parse(conditions(33))).toThrow(
    expect.objectContaining({ code: "invalid_query", property: "p32" }),
  );
  expect(codeOfQuery({ $or: [conditions(16), { $and: [conditions(16)] }] })).toBeUndefined();
  expect(codeOfQuery({ $or: [conditions(16), conditions(17)] })).toBe("invalid_query");
  expect(codeOfQuery({ a: { $not: { $gt: 1, $lt: 2 } }, ...conditions(31) })).toBe("invalid_query");
  expect(codeOfQuery({ $or: Array.from({ length: 33 }, () => ({})) })).toBe("invalid_query");
  const emptyBranches = Array.from({ length: 16 }, () => ({}));
  expect(codeOfQuery({ $and: [{ $or: emptyBranches }, { $or: emptyBranches }] })).toBeUndefined();
  expect(codeOfQuery({ $and: [{ $or: emptyBranches }, { $or: [...emptyBranches, {}] }] })).toBe(
    "invalid_query",
  );
});

test("a query lists at most 256 values, and weighs at most 16,384 bytes", () => {
  const values = (count: number) => Array.from({ length: count }, (_, i) => i);
  expect(codeOfQuery({ a: { $in: values(256) } })).toBeUndefined();
  expect(codeOfQuery({ a: { $in: values(257) } })).toBe("invalid_query");
  expect(codeOfQuery({ a: { $in: values(200) }, b: { $nin: values(57) } })).toBe("invalid_query");
  expect(codeOfQuery({ a: "x".repeat(16_000) })).toBeUndefined();
  expect(codeOfQuery({ a: "x".repeat(16_384) })).toBe("invalid_query");
  expect(codeOfQuery({ a: { $startsWith: "x".repeat(16_384) } })).toBe("invalid_query");
  expect(codeOfQuery({ a: { $in: ["x".repeat(9_000), "y".repeat(9_000)] } })).toBe("invalid_query");
});

test("and, or and not nest 4 deep and no deeper", () => {
  const nest = (levels: number, wrap: (inner: unknown) => unknown, inner: unknown): unknown =>
    levels === 0 ? inner : nest(levels - 1, wrap, wrap(inner));
  const or = (inner: unknown) => ({ $or: [inner] });
  const negation = (inner: unknown) => ({ $not: inner });
  expect(codeOfQuery(nest(4, or, { a: 1 }))).toBeUndefined();
  expect(codeOfQuery(nest(5, or, { a: 1 }))).toBe("invalid_query");
  expect(codeOfQuery({ a: nest(4, negation, { $gt: 1 }) })).toBeUndefined();
  expect(codeOfQuery({ a: nest(5, negation, { $gt: 1 }) })).toBe("invalid_query");
  expect(codeOfQuery(nest(2, or, { a: nest(3, negation, { $gt: 1 }) }))).toBe("invalid_query");
});

test("200 KB of nesting, cycles and endless lists are refused before they are gone through", () => {
  const deep = (wrap: (inner: unknown) => unknown): unknown => {
    let data: unknown = 1;
    for (let i = 0; i < 20_000; i++) data = wrap(data);
    return data;
  };
  expect(codeOfQuery(deep((inner) => ({ $or: [inner] })))).toBe("invalid_query");
  expect(codeOfQuery(deep((inner) => ({ $and: [inner] })))).toBe("invalid_query");
  expect(codeOfQuery({ a: deep((inner) => ({ $not: inner })) })).toBe("invalid_query");
  expect(codeOfQuery(deep((inner) => [inner]))).toBe("invalid_query");
  expect(codeOfQuery({ a: deep((inner) => [inner]) })).toBe("too_deep");
  expect(codeOfQuery({ a: { $in: [deep((inner) => ({ a: inner }))] } })).toBe("too_deep");

  const cycle: Record<string, unknown> = {};
  cycle["$or"] = [cycle];
  expect(codeOfQuery(cycle)).toBe("invalid_query");
  const inner: Record<string, unknown> = {};
  inner["a"] = inner;
  expect(codeOfQuery({ a: inner })).toBe("too_deep");
  inner["$not"] = inner;
  delete inner["a"];
  expect(codeOfQuery({ a: inner })).toBe("invalid_query");

  expect(codeOfQuery({ a: { $in: new Array(2 ** 32 - 1) } })).toBe("invalid_query");
  expect(codeOfQuery({ $or: new Array(2 ** 32 - 1) })).toBe("invalid_query");
  expect(codeOfQuery({ a: Array.from({ length: 100_000 }, (_, i) => i) })).toBe("invalid_query");
  const wide = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`p${i}`, i]));
  expect(codeOfQuery(wide)).toBe("invalid_query");
  expect(codeOfQuery({ a: { $not: wide } })).toBe("invalid_query");
});

test("getters and proxies are read once, and what they throw is an invalid query", () => {
  let reads = 0;
  const counting = {
    get a() {
      return ++reads;
    },
  };
  expect(parse(counting).matches({ id: "a", a: 1 })).toBe(true);
  expect(reads).toBe(1);
  const failing = {
    get a(): unknown {
      throw new Error("no");
    },
  };
  for (const data of [failing, { a: failing }, { a: { $in: [failing] } }, { $or: [failing] }]) {
    expect(codeOfQuery(data)).toBe("invalid_query");
  }
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(codeOfQuery(proxy)).toBe("invalid_query");
  expect(codeOfQuery({ a: proxy })).toBe("invalid_query");
});

test("the example in docs/API.md matches what it says", () => {
  const body = readExample("docs/API.md", "queries.js");
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the document's own text
  const run = new Function(`${body}; return { grown, mine, near };`) as () => Fields;
  const queries = run();
  const chosen = (name: string, objects: readonly SyncObject[]): string[] =>
    objects.filter((object) => parse(queries[name]).matches(object)).map(({ id }) => id);
  expect(
    chosen("grown", [
      { id: "player:1", type: "player", level: 5 },
      { id: "player:2", type: "player", level: 4 },
      { id: "player:3", type: "player", level: "5" },
      { id: "tree:1", type: "tree", level: 7 },
    ]),
  ).toEqual(["player:1"]);
  expect(
    chosen("mine", [
      { id: "task:1", owner: "ann", done: true },
      { id: "task:2", owner: "ann" },
      { id: "task:3", helpers: "ann", owner: "bob" },
      { id: "note:4", owner: "ann" },
    ]),
  ).toEqual(["task:2"]);
  expect(
    chosen("near", [
      { id: "a", x: 100, y: 20 },
      { id: "b", x: 200, y: 20 },
      { id: "c", kind: "beacon" },
    ]),
  ).toEqual(["a", "c"]);
});
