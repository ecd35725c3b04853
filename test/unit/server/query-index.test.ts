import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { DEFAULT_LIMITS } from "../../../lib/limits.ts";
import type { SyncObject } from "../../../lib/object.ts";
import { parseQuery, type Query } from "../../../lib/query.ts";
import { QueryIndex } from "../../../server/views/query-index.ts";
import { anyQuery, askedObject } from "../../support/arbitraries.ts";

const limits = { ...DEFAULT_LIMITS, queryConditionsMax: 1_000 };

function parse(data: unknown): Query {
  return parseQuery(data, limits);
}

/** An index of these queries, the owner of each being its place in the list. */
function indexOf(queries: readonly object[]): { index: QueryIndex<number>; parsed: Query[] } {
  const index = new QueryIndex<number>();
  const parsed = queries.map(parse);
  for (const [owner, query] of parsed.entries()) index.add(query, owner);
  return { index, parsed };
}

function foundBy(index: QueryIndex<number>, object: SyncObject): ReadonlySet<number> {
  const found = [...index.candidates(object)];
  const once = new Set(found);
  expect(once.size).toBe(found.length);
  return once;
}

/** How many owners are named for an object, and how many of these queries match. */
function lookUp(
  queries: readonly object[],
  object: SyncObject,
): { candidates: number; matches: number } {
  const { index, parsed } = indexOf(queries);
  const found = foundBy(index, object);
  const matching = parsed.flatMap((query, owner) => (query.matches(object) ? [owner] : []));
  expect(matching.filter((owner) => !found.has(owner))).toEqual([]);
  return { candidates: found.size, matches: matching.length };
}

const THOUSAND = Array.from({ length: 1_000 }, (_, i) => i);

type Step = { readonly at: number; readonly owner: number; readonly isRemoval: boolean };

const anyStep: fc.Arbitrary<Step> = fc.record({
  at: fc.nat(),
  owner: fc.nat(3),
  isRemoval: fc.boolean(),
});

test("whatever is added and removed, every owner of a matching query is a candidate, once", () => {
  let candidates = 0;
  fc.assert(
    fc.property(
      fc.array(anyQuery, { minLength: 1, maxLength: 12, size: "max" }),
      fc.array(anyStep, { minLength: 10, maxLength: 60, size: "max" }),
      fc.array(askedObject, { minLength: 1, maxLength: 6, size: "max" }),
      (pool, steps, objects) => {
        const index = new QueryIndex<number>();
        const owned = new Map<string, { query: Query; owner: number }>();
        for (const [i, { at, owner, isRemoval }] of steps.entries()) {
          const query = parse(pool[at % pool.length]);
          const pair = `${owner} ${query.key}`;
          if (isRemoval) {
            index.remove(query, owner);
            owned.delete(pair);
          } else {
            index.add(query, owner);
            owned.set(pair, { query, owner });
          }
          // Looks between the steps, as lists that are sorted lazily must not mind.
          const object = objects[i % objects.length];
          if (object !== undefined) candidates += check(index, [...owned.values()], object);
        }
        for (const { query, owner } of owned.values()) index.remove(query, owner);
        for (const object of objects) expect([...index.candidates(object)]).toEqual([]);
        for (const name of ["id", "a", "b", "x.y", "toString"]) {
          expect(index.dependsOn(name)).toBe(false);
        }
      },
    ),
    { numRuns: 150 },
  );
  expect(candidates).toBeGreaterThan(2_500);
});

function check(
  index: QueryIndex<number>,
  owned: readonly { readonly query: Query; readonly owner: number }[],
  object: SyncObject,
): number {
  const found = foundBy(index, object);
  const owners = new Set(owned.map(({ owner }) => owner));
  expect([...found].filter((owner) => !owners.has(owner))).toEqual([]);
  const matching = owned.filter(({ query }) => query.matches(object));
  expect(matching.filter(({ owner }) => !found.has(owner))).toEqual([]);
  for (const name of ["id", "a", "b", "x.y", "toString"]) {
    expect(index.dependsOn(name)).toBe(owned.some(({ query }) => query.names.has(name)));
  }
  return found.size;
}

test("a candidate is named once, by however many of its queries and branches", () => {
  const index = new QueryIndex<string>();
  index.add(parse({ a: 1 }), "ann");
  index.add(parse({ a: 1 }), "ann");
  index.add(parse({ a: { $gte: 0 } }), "ann");
  index.add(parse({ $or: [{ a: 1 }, { b: 2 }, { a: { $lt: 5 } }] }), "ann");
  index.add(parse({ a: 1 }), "bob");
  const object = { id: "x", a: 1, b: 2 };
  expect([...index.candidates(object)].sort()).toEqual(["ann", "bob"]);
  // Having it twice was having it once.
  index.remove(parse({ a: { $in: [1] } }), "ann");
  expect([...index.candidates(object)].sort()).toEqual(["ann", "bob"]);
  index.remove(parse({ a: { $gte: 0 } }), "ann");
  index.remove(parse({ $or: [{ b: 2 }, { a: 1 }, { a: { $lt: 5 } }] }), "ann");
  index.remove(parse({ a: 1 }), "nobody");
  expect([...index.candidates(object)]).toEqual(["bob"]);
});

test("an answer stays as it was when the next one is asked for", () => {
  const { index } = indexOf([{ a: 1 }, { a: 2 }]);
  const first = index.candidates({ id: "x", a: 1 });
  const second = index.candidates({ id: "x", a: 2 });
  expect([[...first], [...second]]).toEqual([[0], [1]]);
});

test("what changes in a property that no query names concerns no query", () => {
  const { index, parsed } = indexOf([{ a: 1, b: { $ne: 2 } }, { a: 3 }]);
  expect(["a", "b", "c"].map((name) => index.dependsOn(name))).toEqual([true, true, false]);
  for (const [owner, query] of parsed.slice(0, 1).entries()) index.remove(query, owner);
  expect(["a", "b", "c"].map((name) => index.dependsOn(name))).toEqual([true, false, false]);
});

test("of 1,000 distinct equalities an object meets its own", () => {
  const byOwner = THOUSAND.map((k) => ({ owner: `u${k}` }));
  expect(lookUp(byOwner, { id: "x", owner: "u7" })).toEqual({ candidates: 1, matches: 1 });
  const byId = THOUSAND.map((k) => ({ id: `u${k}` }));
  expect(lookUp(byId, { id: "u7" })).toEqual({ candidates: 1, matches: 1 });
  const byDate = THOUSAND.map((k) => ({ at: { $in: [new Date(k), new Date(-k)] } }));
  expect(lookUp(byDate, { id: "x", at: new Date(-7) })).toEqual({ candidates: 1, matches: 1 });
  const several = THOUSAND.map((k) => ({ team: { $in: [k, k + 1, k + 2] } }));
  expect(lookUp(several, { id: "x", team: 500 })).toEqual({ candidates: 3, matches: 3 });
});

test("of 1,000 thresholds on one type an object meets those that it passes", () => {
  for (const operator of ["$gt", "$gte", "$lt", "$lte"]) {
    const queries = THOUSAND.map((k) => ({ type: "player", level: { [operator]: k } }));
    for (const level of [-1, 0, 5, 500, 995, 1_000]) {
      const { candidates, matches } = lookUp(queries, { id: "x", type: "player", level });
      expect(candidates).toBeLessThanOrEqual(matches + 1);
    }
    expect(lookUp(queries, { id: "x", type: "tree" }).candidates).toBe(0);
  }
});

test("of 1,000 owners with one threshold an object meets its owner", () => {
  const queries = THOUSAND.map((k) => ({ owner: `u${k}`, level: { $gte: 5 } }));
  const { candidates } = lookUp(queries, { id: "x", owner: "u500", level: 9 });
  expect(candidates).toBeLessThanOrEqual(2);
});

test("of 1,000 intervals an object meets those it lies in, whatever comes before and behind", () => {
  const queries = THOUSAND.map((k) => ({ type: "player", x: { $gte: k, $lt: k + 10 } }));
  for (const x of [0, 5, 500, 999, 1_008, 1_009]) {
    const { candidates, matches } = lookUp(queries, { id: "x", type: "player", x });
    expect(candidates).toBeLessThanOrEqual(matches + 1);
  }
  const dates = THOUSAND.map((k) => ({ at: { $gt: new Date(k), $lte: new Date(k + 10) } }));
  expect(lookUp(dates, { id: "x", at: new Date(500) })).toEqual({ candidates: 10, matches: 10 });
});

test("of 1,000 prefixes an object meets those that it begins with", () => {
  const queries = THOUSAND.map((k) => ({ id: { $startsWith: `room${k}:` } }));
  expect(lookUp(queries, { id: "room7:door" })).toEqual({ candidates: 1, matches: 1 });
  const nested = THOUSAND.map((k) => ({ path: { $startsWith: "x".repeat(k % 50) } }));
  const { candidates, matches } = lookUp(nested, { id: "a", path: "xxx!" });
  expect(candidates).toBe(matches);
});

test("a prefix may end in the greatest of units, or be nothing else", () => {
  for (const prefix of ["", "\uffff", "\uffff\uffff", "a\uffff", "a\uffff\uffff"]) {
    const queries = [{ a: { $startsWith: prefix } }];
    for (const rest of ["", "a", "\uffff", "\u{10ffff}"]) {
      const found = lookUp(queries, { id: "x", a: prefix + rest });
      expect(found).toEqual({ candidates: 1, matches: 1 });
    }
    if (prefix !== "") expect(lookUp(queries, { id: "x", a: "b" }).candidates).toBe(0);
  }
});

test("a query is found after others that asked the same of a property are gone", () => {
  for (const shared of [1, new Date(1), [1], { $gte: 1 }, { $exists: true }]) {
    const { index, parsed } = indexOf([{ a: shared }, { a: shared, b: { $ne: 1 } }]);
    const [first] = parsed;
    if (first !== undefined) index.remove(first, 0);
    const a = Array.isArray(shared) || shared instanceof Date ? shared : 1;
    expect([...index.candidates({ id: "x", a })]).toEqual([1]);
    index.add(parse({ a: shared, c: { $ne: 1 } }), 2);
    expect([...index.candidates({ id: "x", a })].sort()).toEqual([1, 2]);
  }
});

test("of 1,000 disjunctions an object meets those with a branch for it", () => {
  const queries = THOUSAND.map((k) => ({
    type: "player",
    $or: [{ owner: `u${k}` }, { level: { $gte: k, $lt: k + 2 } }],
  }));
  const { candidates, matches } = lookUp(queries, {
    id: "x",
    type: "player",
    owner: "u3",
    level: 500,
  });
  expect(matches).toBe(3);
  // The first two wait for players, which were as good a place by then.
  expect(candidates).toBeLessThanOrEqual(matches + 3);
});

test("of 1,000 properties an object meets those that it has", () => {
  const queries = THOUSAND.map((k) => ({ [`p${k}`]: { $exists: true }, type: { $ne: "tree" } }));
  expect(lookUp(queries, { id: "x", p7: null })).toEqual({ candidates: 1, matches: 1 });
});

test("a query that an object can meet by what it lacks is tried with every object", () => {
  const queries = [
    {},
    { a: { $ne: 1 } },
    { a: { $exists: false } },
    { $or: [{ a: 1 }, { b: { $nin: [2] } }] },
  ];
  expect(lookUp(queries, { id: "x" })).toEqual({ candidates: 4, matches: 4 });
});
