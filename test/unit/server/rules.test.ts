import { once } from "node:events";
import { expect, test } from "@jest/globals";
import type { SyncError } from "../../../lib/errors.ts";
import { DEFAULT_LIMITS } from "../../../lib/limits.ts";
import type { SyncObject } from "../../../lib/object.ts";
import { parseTopics } from "../../../lib/topics.ts";
import { checkRules, Permissions, type Rules } from "../../../server/rules.ts";
import { codeOf } from "../../support/hostile.ts";

function permissionsOf(rules: Rules) {
  const errors: SyncError[] = [];
  return { permissions: new Permissions(rules, (error) => errors.push(error)), errors };
}

function refusal(rules: Rules, query: object): string | undefined {
  const topics = parseTopics([{ query }], DEFAULT_LIMITS);
  return codeOf(() => permissionsOf(rules).permissions.judgeTopics(topics));
}

test("a query about what nobody may read of any object is forbidden", () => {
  const hash = { hash: { read: false } };
  const player = { read: true, properties: hash };
  expect(refusal({ player }, { hash: 1 })).toBe("forbidden");
  expect(refusal({ player }, { $or: [{ a: 1 }, { $and: [{ hash: { $ne: 1 } }] }] })).toBe(
    "forbidden",
  );
  expect(refusal({ player, card: { read: () => true, properties: hash } }, { hash: 1 })).toBe(
    "forbidden",
  );
  // What is not to be read at all has nothing to be asked for.
  expect(refusal({ player, secret: {} }, { hash: 1 })).toBe("forbidden");
});

test("a query about what somebody may read of something is allowed", () => {
  const player = { read: true, properties: { hash: { read: false } } };
  expect(refusal({ player }, { level: 1, toString: 1 })).toBeUndefined();
  expect(refusal({ player, "*": { read: true } }, { hash: 1 })).toBeUndefined();
  const sometimes = { read: true, properties: { hash: { read: () => false } } };
  expect(refusal({ player, sometimes }, { hash: 1 })).toBeUndefined();
  expect(refusal({ player: sometimes }, { hash: 1 })).toBeUndefined();
});

test("a rule may say of which type its identities are", () => {
  interface User {
    readonly name: string;
  }
  const isOwner = (user: User, object: SyncObject): boolean => object["owner"] === user.name;
  const card = { read: isOwner, update: isOwner, properties: { hand: { read: isOwner } } };
  const { permissions } = permissionsOf({ card });
  const hidden = (name: string) => permissions.hidden({ name }, { id: "card:1", owner: "ann" });
  expect([hidden("ann"), hidden("bob")]).toEqual([[], undefined]);
});

test("identities that are equal as data are one audience, and others are not", () => {
  const { permissions } = permissionsOf({ "*": { read: (user) => user !== null } });
  const keyOf = (identity: unknown, session = "s") => permissions.audience(identity, session).key;
  expect(keyOf({ id: 1, roles: ["a"] }, "1")).toBe(keyOf({ id: 1, roles: ["a"] }, "2"));
  expect(keyOf(undefined, "1")).toBe(keyOf(undefined, "2"));
  const others = [undefined, "nobody", null, "null", 1, "1", true, { id: 1 }, { id: "1" }, []];
  expect(new Set(others.map((identity) => keyOf(identity))).size).toBe(others.length);
  // What JSON cannot tell apart, or not write, is not compared.
  class User {
    readonly name = "ann";
  }
  const alone = [NaN, Infinity, { n: NaN }, 5n, { n: 5n }, Symbol(), () => 1, new User(), [{}]];
  for (const identity of alone) expect(keyOf(identity, "1")).not.toBe(keyOf(identity, "2"));
});

test("a rule that is async is a no, and its failure does not end the process", async () => {
  const answer = (() => Promise.reject(new Error("in a rule"))) as never;
  const { permissions, errors } = permissionsOf({ "*": { read: answer } });
  const unhandled = once(process, "unhandledRejection", { signal: AbortSignal.timeout(50) });
  expect(permissions.hidden("ann", { id: "a" })).toBeUndefined();
  expect(errors).toMatchObject([{ code: "handler_failed", id: "a" }]);
  await expect(unhandled).rejects.toMatchObject({ name: "AbortError" });
});

test("a rule is for a namespace, whose name has no colon: it would be about nothing", () => {
  const rules = { "secret:": { read: false }, "*": { read: true } };
  expect(codeOf(() => checkRules(rules))).toBe("bad_option");
});

test("who sees an object sees its id: there is no rule for that", () => {
  const rules = { player: { read: true, properties: { id: { read: false } } } };
  expect(codeOf(() => checkRules(rules))).toBe("bad_option");
});
