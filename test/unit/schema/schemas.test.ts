import { expect, test } from "@jest/globals";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { SyncError, type Changes, type ObjectId, type Properties } from "../../../lib/index.ts";
import { schemas, type StandardResult, type StandardSchema } from "../../../schema/index.ts";
import { jsonSchema } from "../../../schema/json/index.ts";
import type { SchemaChange } from "../../../schema/violation.ts";
import { ObjectSyncServer } from "../../../server/index.ts";

const players = [
  [
    "ajv",
    jsonSchema({
      type: "object",
      properties: {
        name: { type: "string", minLength: 1 },
        level: { type: "integer", minimum: 1 },
        at: { type: "object", properties: { x: { type: "number" } }, required: ["x"] },
      },
      required: ["name", "level"],
      additionalProperties: false,
    }),
  ],
  [
    "zod",
    z.strictObject({
      name: z.string().min(1),
      level: z.int().min(1),
      at: z.object({ x: z.number() }).optional(),
    }),
  ],
  [
    "valibot",
    v.strictObject({
      name: v.pipe(v.string(), v.minLength(1)),
      level: v.pipe(v.number(), v.integer(), v.minValue(1)),
      at: v.optional(v.object({ x: v.number() })),
    }),
  ],
  [
    "arktype",
    type({
      name: "string > 0",
      level: "number.integer >= 1",
      "at?": { x: "number" },
      "+": "reject",
    }),
  ],
] as const;

const ADA = { name: "Ada", level: 1 };

function creating(properties: Properties, id = "player:1"): SchemaChange {
  const object = { id, ...properties };
  return {
    kind: "create",
    id: id as ObjectId,
    properties,
    chosen: true,
    before: undefined,
    object,
  };
}

function updating(before: Properties, changes: Changes, id = "player:1"): SchemaChange {
  const object = { id, ...before, ...changes };
  return { kind: "update", id: id as ObjectId, changes, before: { id, ...before }, object };
}

/** What a server that uses these schemas would do with a change: undefined is to let it be. */
function judged(checked: ReturnType<typeof schemas>, change: SchemaChange): SyncError | undefined {
  let check: (change: SchemaChange) => void = () => undefined;
  checked({ check: (given) => (check = given) });
  try {
    check(change);
  } catch (error) {
    return error as SyncError;
  }
  return undefined;
}

test.each(players)("what fits may be written (%s)", (_library, player) => {
  const checked = schemas({ player });
  expect(judged(checked, creating(ADA))).toBeUndefined();
  expect(judged(checked, creating({ ...ADA, at: { x: 1.5 } }))).toBeUndefined();
  expect(judged(checked, updating(ADA, { level: 2 }))).toBeUndefined();
});

test.each(players)(
  "what does not is refused, with object, property and reason (%s)",
  (_, player) => {
    const checked = schemas({ player });
    const wrong: readonly (readonly [property: string, properties: Properties])[] = [
      ["level", { name: "Ada", level: 0 }],
      ["level", { name: "Ada", level: "high" }],
      ["level", { name: "Ada" }],
      ["name", { name: "", level: 1 }],
      ["at", { ...ADA, at: { x: "far" } }],
      ["at", { ...ADA, at: {} }],
      ["hat", { ...ADA, hat: "red" }],
    ];
    for (const [property, properties] of wrong) {
      const error = judged(checked, creating(properties));
      expect(error).toBeInstanceOf(SyncError);
      expect(error).toMatchObject({ code: "schema_violation", id: "player:1", retryable: false });
      // Of keys that are too many zod names the object that has them, and its message the keys.
      if (error?.property !== undefined) expect(error.property).toBe(property);
      expect(error?.message).toMatch(/^player:1 would not fit its schema: /);
      expect(error?.message).toContain(property);
    }
  },
);

test.each(players)("an update is judged by the whole object after it (%s)", (_library, player) => {
  const checked = schemas({ player });
  expect(judged(checked, updating(ADA, { level: 0 }))).toMatchObject({ property: "level" });
  expect(judged(checked, updating({ name: "Ada", level: 0 }, { level: 3 }))).toBeUndefined();
});

test("a reason tells where in the property, once", () => {
  const wrong = creating({ ...ADA, at: { x: "far" } });
  const reasons = players.map(([, player]) => judged(schemas({ player }), wrong)?.message);
  expect(reasons).toEqual([
    "player:1 would not fit its schema: at.x: must be number",
    "player:1 would not fit its schema: at.x: Invalid input: expected number, received string",
    'player:1 would not fit its schema: at.x: Invalid type: Expected number but received "far"',
    "player:1 would not fit its schema: at.x must be a number (was a string)",
  ]);
});

/** A schema that answers with this, and hears what it is asked about. */
function answering(answer: StandardResult | Promise<StandardResult>, heard: unknown[] = []) {
  const validate = (value: unknown): StandardResult | Promise<StandardResult> => {
    heard.push(value);
    return answer;
  };
  return { "~standard": { version: 1, vendor: "test", validate } } satisfies StandardSchema;
}

test("a schema is asked about the properties, without the id, and cannot change them", () => {
  const heard: unknown[] = [];
  const value = { name: "somebody else" };
  const change = creating({ name: "Ada" });
  expect(
    judged(schemas({ player: answering({ value } as object, heard) }), change),
  ).toBeUndefined();
  expect(heard).toEqual([{ name: "Ada" }]);
  expect(change.object).toEqual({ id: "player:1", name: "Ada" });
});

test("a namespace is what stands before the first colon, or the whole id", () => {
  const no = (message: string) => answering({ issues: [{ message }] });
  const checked = schemas({ player: no("player"), lamp: no("lamp") });
  expect(judged(checked, creating({}, "player:1:2"))?.message).toMatch(/player$/);
  expect(judged(checked, creating({}, "lamp"))?.message).toMatch(/lamp$/);
  expect(judged(checked, creating({}, "players:1"))).toBeUndefined();
  expect(judged(checked, creating({}, "constructor:1"))).toBeUndefined();
});

test("what has no schema is let be, or judged by the one for all others, or refused if so strict", () => {
  const player = answering({});
  const others = { "*": answering({ issues: [{ message: "no others" }] }) };
  const tree = creating({}, "tree:1");
  expect(judged(schemas({ player }), tree)).toBeUndefined();
  expect(judged(schemas({ player }, { strict: true }), tree)).toMatchObject({
    code: "schema_violation",
    id: "tree:1",
    message: "tree:1 would not fit its schema: there is none",
  });
  expect(judged(schemas({ player, ...others }), tree)?.message).toMatch(/no others$/);
  expect(judged(schemas({ player, ...others }), creating({}))).toBeUndefined();
});

test("a client is not told of a property that it did not write, the server's own code is", () => {
  const player = z.object({
    secret: z.literal("x", { error: ({ input }) => `not ${String(input)}` }),
  });
  const change = updating({ secret: "canary", name: "Ada" }, { name: "Eve" });
  const client = judged(schemas({ player }), { ...change, session: { id: "s" } });
  expect(client?.toData()).toEqual({
    code: "schema_violation",
    id: "player:1",
    message: "player:1 would not fit its schema: a property that was there before is wrong",
  });
  expect(judged(schemas({ player }), { ...change, session: null })?.message).toMatch(/canary/);
  const own = updating({ secret: "x" }, { secret: "mine" });
  expect(judged(schemas({ player }), { ...own, session: { id: "s" } })?.message).toMatch(/mine/);
});

test("a long reason is cut", () => {
  const player = answering({ issues: [{ message: "long ".repeat(1_000), path: ["name"] }] });
  expect(judged(schemas({ player }), creating(ADA))?.message).toHaveLength(338);
});

test("a path may be of keys, or of steps that have one, and a schema may give no reason", () => {
  const step = answering({ issues: [{ message: "no", path: [{ key: "list" }, 3] }] });
  expect(judged(schemas({ player: step }), creating(ADA))).toMatchObject({
    property: "list",
    message: "player:1 would not fit its schema: list.3: no",
  });
  const silent = answering({ issues: [] });
  expect(judged(schemas({ player: silent }), creating(ADA))?.code).toBe("schema_violation");
});

test("a schema that answers with a promise is refused at its first use", () => {
  const late = answering(Promise.reject(new Error("late")));
  const error = judged(schemas({ player: late }), creating(ADA));
  expect(error).toMatchObject({ code: "bad_option", property: "player" });
});

test("a client's check judges by what the client sees, step by step", () => {
  const [[, player]] = players;
  const { check } = schemas({ player });
  const id = "player:1" as ObjectId;
  const seen = (): { id: string } => ({ id, ...ADA });
  const level = (value: number) => ({ kind: "update", id, changes: { level: value } }) as const;
  const create = { kind: "create", id, properties: { name: "Ada" }, chosen: true } as const;
  expect(() => check([level(2)], seen)).not.toThrow();
  expect(() => check([level(0)], seen)).toThrow(/level/);
  expect(() => check([create], () => undefined)).toThrow(/level/);
  expect(() => check([level(0)], () => undefined)).not.toThrow(); // the server knows it
});

test("a client's check leaves an id that may not be the last one to the server", () => {
  const no = answering({ issues: [{ message: "no" }] });
  const creation = (id: string) =>
    [{ kind: "create", id: id as ObjectId, properties: {}, chosen: false }] as const;
  const unseen = (): undefined => undefined;
  const { check } = schemas({ lamp: no, "*": no });
  expect(() => check(creation("V1StGXR8"), unseen)).not.toThrow();
  expect(() => check(creation("lamp"), unseen)).toThrow(/no/);
  expect(() => check(creation("tree:1"), unseen)).toThrow(/no/);
  const strict = schemas({ lamp: no }, { strict: true });
  expect(() => strict.check(creation("V1StGXR8"), unseen)).not.toThrow();
  expect(() => strict.check(creation("tree:1"), unseen)).toThrow(/there is none/);
});

test.each<[what: string, given: unknown, property: string]>([
  ["no object", undefined, "schemas"],
  ["a server, which uses schemas without having called it", new ObjectSyncServer(), "schemas"],
  ["a bare JSON Schema", { player: { type: "object" } }, "player"],
  ["null", { player: null }, "player"],
  ["another version", { player: { "~standard": { version: 2, validate: () => 1 } } }, "player"],
  ["an id", { "player:1": answering({}) }, "player:1"],
  ["no name", { "": answering({}) }, ""],
])("%s is no schemas", (_what, given, property) => {
  let problem: unknown;
  try {
    schemas(given as Record<string, StandardSchema>);
  } catch (error) {
    problem = error;
  }
  expect(problem).toMatchObject({ code: "bad_option", property });
});
