import fc from "fast-check";
import type { Changes, ObjectId, Properties, SyncObject, Value } from "../../lib/object.ts";
import type { Mutation, Operation } from "../../lib/operation.ts";

/** Names that mean something in JavaScript and nothing here. */
export const TRAP_NAMES = [
  "toString",
  "valueOf",
  "hasOwnProperty",
  "isPrototypeOf",
  "__defineGetter__",
  "then",
  "toJSON",
  "length",
  "name",
  "",
  "0",
  "1",
  "-1",
] as const;

export const RESERVED_NAMES = ["__proto__", "constructor", "prototype"] as const;

/** fast-check's records have no prototype now and then; ours always have one. */
const plain = { noNullPrototype: true } as const;

const BOUNDARIES = [
  0,
  1,
  15,
  16,
  31,
  32,
  63,
  64,
  127,
  128,
  255,
  256,
  2 ** 13 - 32,
  16_383,
  16_384,
  2 ** 20 - 32,
  2 ** 21,
  2 ** 26,
  2 ** 27 - 32,
  2 ** 27,
  2 ** 28,
  2 ** 29,
  2 ** 30,
  2 ** 31,
  2 ** 32,
  2 ** 35,
  2 ** 42,
  2 ** 49,
  2 ** 52,
  2 ** 53,
];

/** Whole numbers at, below and above every number where an encoding may change. */
export const BOUNDARY_INTEGERS: readonly number[] = BOUNDARIES.flatMap((n) => [n - 1, n, n + 1])
  .flatMap((n) => [n, -n])
  .filter((n) => Number.isSafeInteger(n))
  .map((n) => (n === 0 ? 0 : n));

/** Any UTF-16 units: astral characters, halves of surrogate pairs, NUL. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }),
  fc.string({ minLength: 40, maxLength: 60 }),
  fc
    .array(fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd7ff, max: 0xe000 })), { maxLength: 60 })
    .map((units) => String.fromCharCode(...units)),
  fc.constantFrom("", "\0", "\ud800", "\udc00", "\udc00\ud800", "😀", "a\ud83d", "𝒳".repeat(30)),
);

export const anyNumber: fc.Arbitrary<number> = fc
  .oneof(
    fc.integer(),
    fc.constantFrom(...BOUNDARY_INTEGERS),
    fc.maxSafeInteger(),
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0.1, -0.5, 5e-324, 1.5e300, Math.fround(0.1), Number.MIN_VALUE, 1e-40),
  )
  .filter((number) => !Number.isInteger(number) || Number.isSafeInteger(number))
  .map((number) => (number === 0 ? 0 : number));

/** A name that may be a property's or a key's. */
export const anyName: fc.Arbitrary<string> = fc
  .oneof(fc.constantFrom(...TRAP_NAMES), fc.string({ maxLength: 8 }), fc.string({ unit: "binary" }))
  .filter((name) => !(RESERVED_NAMES as readonly string[]).includes(name) && name !== "id");

const { anyValue } = fc.letrec<{ anyValue: Value; leaf: Value }>((tie) => ({
  leaf: fc.oneof<fc.Arbitrary<Value>[]>(
    fc.constantFrom(null, true, false),
    anyNumber,
    anyText,
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 70 }).map((bytes) => Uint8Array.from(bytes)),
  ),
  anyValue: fc.oneof(
    { depthSize: "small", maxDepth: 6, withCrossShrink: true },
    tie("leaf"),
    tie("leaf"),
    fc.array(tie("anyValue"), { maxLength: 5 }),
    fc
      .array(fc.tuple(anyName, tie("anyValue")), { maxLength: 5 })
      .map((e) => Object.fromEntries(e)),
  ),
}));

export { anyValue };

export const anyId: fc.Arbitrary<ObjectId> = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 12 }),
    fc.string({ unit: "binary", minLength: 1, maxLength: 40 }),
    fc.constantFrom("player:42", "__proto__", "constructor", "toString", "0", "x".repeat(256)),
  )
  .filter((id) => !/\p{Surrogate}/u.test(id) && !id.includes("\0"))
  .map((id) => id as ObjectId);

export const anyProperties: fc.Arbitrary<Properties> = fc
  .array(fc.tuple(anyName, anyValue), { maxLength: 6 })
  .map((entries) => Object.fromEntries(entries));

export const anyChanges: fc.Arbitrary<Changes> = fc
  .array(fc.tuple(anyName, fc.option(anyValue, { nil: undefined })), { maxLength: 6 })
  .map((entries) => Object.fromEntries(entries));

export const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record(
    {
      kind: fc.constant("create" as const),
      id: anyId,
      properties: anyProperties,
      chosen: fc.boolean(),
    },
    plain,
  ),
  fc.record({ kind: fc.constant("update" as const), id: anyId, changes: anyChanges }, plain),
  fc.record({ kind: fc.constant("destroy" as const), id: anyId }, plain),
);

/** A number as it can travel: whole and not below 0. */
export const anyCount: fc.Arbitrary<number> = fc.oneof(
  fc.nat(300),
  fc.constantFrom(...BOUNDARY_INTEGERS.filter((n) => n >= 0)),
  fc.maxSafeNat(),
);

export const anyMutation: fc.Arbitrary<Mutation> = fc.record(
  {
    n: fc.integer({ min: 1, max: 2 ** 40 }),
    seen: anyCount,
    operations: fc.array(anyOperation, { maxLength: 5 }),
  },
  plain,
);

const ASKED_NAMES = ["id", "a", "b", "x.y", "toString"] as const;

/** So few and so alike that queries often match; a new one each time, as nobody shares them. */
const askedValue: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom(null, true, false),
  fc.constantFrom(-1, 0, 0.5, 1, 2, 3),
  fc.constantFrom("", "1", "a", "ab", "a\uffff", "b", "\uffff", "\uffff\uffff", "\ud800"),
  fc.nat(3).map((ms) => new Date(ms)),
  fc.nat(1).map((length) => new Uint8Array(length)),
  fc.nat(1).map((length) => new Array<number>(length).fill(0)),
  fc.nat(1).map((count) => (count === 0 ? {} : { a: new Date(1) })),
);

/** An object as queries ask for it. */
export const askedObject: fc.Arbitrary<SyncObject> = fc.record(
  {
    id: fc.constantFrom("a", "ab", "b", "1", "a\uffff"),
    a: askedValue,
    b: askedValue,
    "x.y": askedValue,
    toString: askedValue,
  },
  { requiredKeys: ["id"], ...plain },
);

const ordered = askedValue.filter(
  (value) => typeof value === "number" || typeof value === "string" || value instanceof Date,
);

function operatorsTo(depth: number): fc.Arbitrary<object> {
  const entries: fc.Arbitrary<readonly [string, unknown]>[] = [
    fc.tuple(fc.constantFrom("$eq", "$ne"), askedValue),
    fc.tuple(fc.constantFrom("$gt", "$gte", "$lt", "$lte"), ordered),
    fc.tuple(fc.constantFrom("$in", "$nin"), fc.array(askedValue, { maxLength: 4 })),
    fc.tuple(fc.constant("$exists"), fc.boolean()),
    fc.tuple(
      fc.constant("$startsWith"),
      fc.constantFrom("", "a", "a\uffff", "\uffff", "\uffff\uffff", "\ud800"),
    ),
  ];
  if (depth > 0) entries.push(fc.tuple(fc.constant("$not"), operatorsTo(depth - 1)));
  return fc
    .array(fc.oneof(...entries), { minLength: 1, maxLength: 2 })
    .map((chosen) => Object.fromEntries(chosen) as object);
}

function queryTo(depth: number): fc.Arbitrary<object> {
  const condition = fc.oneof(askedValue, operatorsTo(Math.min(depth, 2)));
  const conditions = fc.dictionary(fc.constantFrom(...ASKED_NAMES), condition, {
    maxKeys: 3,
    ...plain,
  });
  if (depth === 0) return conditions;
  const branches = fc.array(queryTo(depth - 1), { minLength: 1, maxLength: 2 });
  const nested = fc.record({ $or: branches, $and: branches }, { requiredKeys: [], ...plain });
  return fc.oneof(
    { arbitrary: conditions, weight: 2 },
    fc.tuple(conditions, nested).map(([own, below]) => ({ ...own, ...below })),
  );
}

/**
 * A query as it is given; it may have some more conditions than the limit allows. Most have few, so that
 * they match, and have something in common.
 */
export const anyQuery: fc.Arbitrary<object> = fc.oneof(
  { arbitrary: fc.tuple(fc.constantFrom("id", "a"), operatorsTo(0)).map(oneField), weight: 2 },
  { arbitrary: queryTo(0), weight: 2 },
  { arbitrary: queryTo(2), weight: 1 },
);

function oneField([name, value]: readonly [string, unknown]): object {
  return { [name]: value };
}
