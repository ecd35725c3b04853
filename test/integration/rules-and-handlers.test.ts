import { afterEach, describe, expect, test } from "@jest/globals";
import { SyncError } from "../../lib/index.ts";
import type { Handlers, Rule, SyncObject } from "../../server/index.ts";
import { Stage } from "../support/stage.ts";

/** Rules, where an application's own database is behind the world. */

const stage = new Stage();
afterEach(() => stage.clear());

const isOwner = (user: unknown, { owner }: SyncObject): boolean => owner === user;

/** A database of two rows of Ann's, of which the world has not heard, and Eve before it. */
async function behind(
  rule: Rule,
  given: readonly ("update" | "destroy" | "fetch")[],
  user = "eve",
) {
  const rows = new Map<string, object>([
    ["row:1", { id: "row:1", owner: "ann", n: 1 }],
    ["row:2", { id: "row:2", owner: "ann", n: 2 }],
  ]);
  const all = {
    update: (row: SyncObject) => void rows.set(row.id, { ...rows.get(row.id), ...row }),
    destroy: (id: string) => void rows.delete(id),
    fetch: (ids: readonly string[]) => ids.map((id) => rows.get(id) ?? null),
  } satisfies Handlers;
  const handlers = Object.fromEntries(given.map((name) => [name, all[name]]));
  const authenticate = ({ auth }: { auth: unknown }): unknown => auth;
  const { sync, url } = await stage.serve({ authenticate, handlers, rules: { row: rule } });
  return { sync, rows, client: await stage.join(url, { auth: user, subscribe: [] }) };
}

describe("a row that the world does not hold", () => {
  const FORBIDDING: readonly [what: string, permission: NonNullable<Rule["destroy"]>][] = [
    ["nobody may write", false],
    ["only its owner may write", isOwner],
  ];

  test.each(FORBIDDING)("is safe from others where %s", async (_what, permission) => {
    const rule = { read: true, update: permission, destroy: permission };
    for (const given of [
      ["update", "destroy", "fetch"],
      ["update", "destroy"],
    ] as const) {
      const { client, rows } = await behind(rule, given);
      const before = structuredClone([...rows]);
      const code = given.length === 3 ? "forbidden" : "not_found";
      await expect(client.update({ id: "row:1", n: 9 })).rejects.toMatchObject({ code });
      await expect(client.destroy("row:2")).rejects.toMatchObject({ code });
      await expect(client.destroy("row:3")).rejects.toMatchObject({ code: "not_found" });
      expect([...rows]).toEqual(before);
    }
  });

  test("is its owner's to write, if there is somebody to ask what it is", async () => {
    const rule = { read: isOwner, update: isOwner, destroy: isOwner };
    const { client, rows } = await behind(rule, ["update", "destroy", "fetch"], "ann");
    await client.update({ id: "row:1", n: 9 });
    await client.destroy("row:2");
    expect([...rows.values()]).toEqual([{ id: "row:1", owner: "ann", n: 9 }]);
  });

  test("may be written where everyone may, but not what of it nobody may", async () => {
    const rule = { read: true, update: true, properties: { owner: { write: false } } };
    const { client, rows } = await behind(rule, ["update"]);
    await client.update({ id: "row:1", n: 9 });
    await expect(client.update({ id: "row:2", owner: "eve" })).rejects.toMatchObject({
      code: "not_found",
    });
    expect(rows.get("row:1")).toMatchObject({ n: 9 });
    expect(rows.get("row:2")).toEqual({ id: "row:2", owner: "ann", n: 2 });
  });
});

test("what handlers answer needs no permission, and what clients write does all the same", async () => {
  let score = 0;
  const { sync, url } = await stage.serve({
    handlers: {
      create: (row) => ({ ...row, id: "row:new", score: ++score }),
      update: (row) => ({ ...row, score: ++score }),
    },
    authorize: ({ operation }) =>
      operation.kind !== "update" || !Object.hasOwn(operation.changes, "score"),
    rules: {
      "": { create: true }, // what has no id yet
      row: { read: true, create: true, update: true, properties: { score: { write: false } } },
    },
  });
  const client = await stage.join(url);
  expect(await client.create({ n: 1 })).toEqual({ id: "row:new", n: 1, score: 1 });
  expect(await client.update({ id: "row:new", n: 2 })).toEqual({ id: "row:new", n: 2, score: 2 });
  await expect(client.update({ id: "row:new", score: 9 })).rejects.toMatchObject({
    code: "forbidden_field",
  });
  await expect(client.create({ id: "row:other", score: 9 })).rejects.toMatchObject({
    code: "forbidden_field",
  });
  expect(sync.get("row:new")).toEqual({ id: "row:new", n: 2, score: 2 });
});

test("what a check says of what a handler has hidden in an object is not told to its writer", async () => {
  const { sync, url } = await stage.serve({
    handlers: {
      create: (row) => ({ ...row, seed: "rosebud" }),
      update: (row) => ({ ...row, seed: "rosebud" }),
    },
    rules: {
      row: { read: true, create: true, update: true, properties: { seed: { read: false } } },
    },
  });
  await sync.create({ id: "row:1" });
  sync.check(({ id, object: { seed } }) => {
    if (seed !== "rosebud") return;
    throw new SyncError("refused", "it must not be rosebud", { id, property: "seed" });
  });
  const client = await stage.join(url);
  const told = [client.create({ id: "row:2", n: 1 }), client.update({ id: "row:1", n: 1 })];
  for (const { reason } of (await Promise.allSettled(told)) as PromiseRejectedResult[]) {
    expect(reason).toMatchObject({ code: "refused" });
    expect((reason as SyncError).message + String((reason as SyncError).property)).not.toMatch(
      /rosebud|seed/,
    );
  }
});
