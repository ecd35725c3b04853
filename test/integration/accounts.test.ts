import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import {
  ObjectSyncServer,
  type Credentials,
  type ServerOptions,
  type SyncError,
} from "../../server/index.ts";
import { Accounts, type AccountsOptions } from "../../server/plugins/accounts/index.ts";
import { SqliteStore } from "../../server/stores/sqlite/index.ts";
import { codeOf } from "../support/hostile.ts";
import { Stage } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

/** A hash that takes no time. */
const cost = { N: 2, r: 1, p: 1 };
const SECRET = "correct horse";

async function serve(options: AccountsOptions = {}, server: ServerOptions = {}) {
  const accounts = new Accounts({ cost, ...options });
  const { sync, url } = await stage.serve({ ...server, authenticate: accounts.authenticate });
  sync.use(accounts.plugin);
  return { accounts, sync, url };
}

const shown = (auth: unknown, address = "::1"): Credentials => ({
  auth,
  world: "default",
  headers: {},
  address,
});

const codeOfAttempt = (accounts: Accounts, name: string, secret: string, address?: string) =>
  accounts.authenticate(shown({ name, secret }, address)).then(
    () => "let in",
    (error: unknown) => (error as SyncError).code,
  );

test("who uses what has a plugin, and not its plugin, is told so", async () => {
  const accounts = new Accounts();
  const { sync } = await stage.serve({ authenticate: accounts.authenticate });
  const use = (): unknown => sync.use(accounts as never);
  expect(codeOf(use)).toBe("invalid_payload");
  expect(use).toThrow("`accounts.plugin`");
});

describe("an account", () => {
  test("lets its owner in, under an id of its own", async () => {
    const { accounts, sync, url } = await serve();
    const ann = await accounts.create("ann", SECRET);
    expect(ann).toEqual({ id: expect.any(String), name: "ann" });
    const identities: unknown[] = [];
    sync.on("connect", ({ identity }) => identities.push(identity));
    await stage.join(url, { auth: { name: "ann", secret: SECRET } });
    expect(identities).toEqual([ann]);
  });

  test("that is there already is not made again, not even at the same time", async () => {
    const { accounts } = await serve();
    const made = await Promise.allSettled([1, 2].map(() => accounts.create("ann", SECRET)));
    expect(made.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await expect(accounts.create("ann", "another secret")).rejects.toMatchObject({
      code: "exists",
    });
    expect(await codeOfAttempt(accounts, "ann", "another secret")).toBe("unauthenticated");
  });

  test("is made with what it may do as one step, or not at all", async () => {
    const { accounts, sync } = await serve();
    const grants = ["Read", "Write"].map((permission) => ({
      permission,
      resource: "a",
      value: "1",
    }));
    const world = sync.world("accounts", { private: true });
    let heard = 0;
    // Whoever hears of the one finds the other: both are one step.
    world.on("create", () => (heard += world.allObjects().size));
    await accounts.create("ann", SECRET, grants);
    expect([heard, await accounts.grants("ann")]).toEqual([4, grants]);
    await expect(accounts.create("ann", SECRET, grants)).rejects.toMatchObject({ code: "exists" });
    const wrong = [{ permission: "", resource: "a", value: "1" }];
    await expect(accounts.create("bob", SECRET, wrong)).rejects.toMatchObject({
      code: "invalid_value",
      property: "permission",
    });
    expect(await accounts.list()).toEqual([{ id: expect.any(String), name: "ann" }]);
  });

  test("is listed with the others by name, and without its secret", async () => {
    const { accounts } = await serve();
    const bob = await accounts.create("bob", SECRET);
    const ann = await accounts.create("ann", SECRET);
    expect(await accounts.list()).toEqual([ann, bob]);
  });

  test("gets another secret, and whoever is in by the former one is out", async () => {
    const { accounts, url } = await serve();
    await accounts.create("ann", SECRET);
    const client = await stage.join(url, { auth: { name: "ann", secret: SECRET } });
    await accounts.setSecret("ann", "battery staple");
    await new Promise((resolve) => client.once("error", resolve));
    expect(client.status).toBe("offline");
    expect(await codeOfAttempt(accounts, "ann", SECRET)).toBe("unauthenticated");
    client.setAuth({ name: "ann", secret: "battery staple" });
    await client.whenSynced();
  });

  test("that is removed is out, and one made anew under its name is another identity", async () => {
    const { accounts, url } = await serve();
    const former = await accounts.create("ann", SECRET);
    const client = await stage.join(url, { auth: { name: "ann", secret: SECRET } });
    await accounts.remove("ann");
    await new Promise((resolve) => client.once("error", resolve));
    expect(await codeOfAttempt(accounts, "ann", SECRET)).toBe("unauthenticated");
    expect((await accounts.create("ann", SECRET)).id).not.toBe(former.id);
  });

  test("that does not exist cannot be changed", async () => {
    const { accounts } = await serve();
    await expect(accounts.remove("ann")).rejects.toMatchObject({ code: "not_found" });
    await expect(accounts.setSecret("ann", SECRET)).rejects.toMatchObject({ code: "not_found" });
  });

  test("is recognised however its secret's letters were composed", async () => {
    const { accounts } = await serve();
    await accounts.create("ann", "caf\u00e9 au lait");
    expect(await codeOfAttempt(accounts, "ann", "cafe\u0301 au lait")).toBe("let in");
  });

  test("stays in the server's store, and only as a hash", async () => {
    const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
    stage.afterwards(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "worlds.db");
    const { accounts, sync } = await serve({}, { store: new SqliteStore(file) });
    await accounts.create("ann", SECRET);
    const world = sync.world("accounts", { private: true });
    const [object] = world.allObjects().values();
    expect(object).toMatchObject({ id: "account:ann", ...cost });
    expect(JSON.stringify(object)).not.toContain(SECRET);
    await sync.close();
    const next = await serve({}, { store: new SqliteStore(file) });
    expect(await codeOfAttempt(next.accounts, "ann", SECRET)).toBe("let in");
  });
});

test("two accounts of one secret have nothing in common", async () => {
  const { accounts, sync } = await serve();
  await accounts.create("ann", SECRET);
  await accounts.create("bob", SECRET);
  const kept = [...sync.world("accounts", { private: true }).allObjects().values()];
  const [ann, bob] = kept as unknown as { salt: Uint8Array; hash: Uint8Array }[];
  expect(ann?.salt).not.toEqual(bob?.salt);
  expect(ann?.hash).not.toEqual(bob?.hash);
});

test.each<[auth: unknown]>([
  [undefined],
  [null],
  ["ann"],
  [{}],
  [{ name: "ann" }],
  [{ name: "ann", secret: "wrong secret" }],
  [{ name: "ann", secret: "" }],
  [{ name: "ann", secret: [SECRET] }],
  [{ name: ["ann"], secret: SECRET }],
  [{ name: "bob", secret: SECRET }],
  [{ name: "nobody", secret: "nobody's secret" }],
  [{ name: "__proto__", secret: SECRET }],
  [{ name: "ann\0", secret: SECRET }],
  [{ name: "\ud800", secret: SECRET }],
  [{ name: "a".repeat(300), secret: SECRET }],
  [{ name: "ann", secret: "a".repeat(100_000) }],
])("with %j nobody is let in, and all hear the same", async (auth) => {
  const { accounts } = await serve();
  await accounts.create("ann", SECRET);
  await expect(accounts.authenticate(shown(auth))).rejects.toMatchObject({
    code: "unauthenticated",
    message: "there is no such account, or its secret is another",
  });
});

test.each([
  ["", SECRET, "name"],
  ["a".repeat(65), SECRET, "name"],
  ["an\nn", SECRET, "name"],
  ["ann", "short", "secret"],
  ["ann", "a".repeat(1_025), "secret"],
])("there is no account %j with %j", async (name, secret, property) => {
  const { accounts } = await serve();
  const error = { code: "invalid_value", property };
  await expect(accounts.create(name, secret)).rejects.toMatchObject(error);
});

test("a secret is of the account that it was for, and not of a later one of its name", async () => {
  const { accounts } = await serve({ cost: { N: 8_192, r: 8, p: 1 } });
  await accounts.create("ann", SECRET);
  // Hashed before the other secret is: by then the name is free.
  const later = accounts.create("ann", "the later one's");
  const set = accounts.setSecret("ann", "the first one's");
  set.catch(() => undefined);
  await accounts.remove("ann");
  await later;
  await expect(set).rejects.toMatchObject({ code: "not_found" });
  expect(await codeOfAttempt(accounts, "ann", "the later one's")).toBe("let in");
});

test("an unknown name costs a hash, as a known one does", async () => {
  const { accounts } = await serve({ cost: { N: 8_192, r: 8, p: 1 } });
  await accounts.create("ann", SECRET);
  const times = { ann: [] as number[], nobody: [] as number[] };
  for (let i = 0; i < 6; i++) {
    for (const name of ["ann", "nobody"] as const) {
      const began = process.hrtime.bigint();
      await codeOfAttempt(accounts, name, "a wrong secret");
      times[name].push(Number(process.hrtime.bigint() - began));
    }
  }
  expect(Math.min(...times.nobody)).toBeGreaterThan(Math.min(...times.ann) / 2);
});

describe("sign-ins that fail", () => {
  test("are limited for an account, from wherever they come, and it is open again in time", async () => {
    const { accounts } = await serve({ failuresPerMinuteMax: 2 });
    await accounts.create("ann", SECRET);
    const attempt = (i: number, secret = "a wrong secret") =>
      codeOfAttempt(accounts, "ann", secret, `10.0.0.${String(i)}`);
    for (let i = 0; i < 4; i++) expect(await attempt(i)).toBe("unauthenticated");
    expect(await attempt(4)).toBe("rate_limited");
    expect(await attempt(5, SECRET)).toBe("rate_limited");
    await expect(
      accounts.authenticate(shown({ name: "ann", secret: SECRET }, "10.0.0.6")),
    ).rejects.toMatchObject({ retryAfterMs: expect.any(Number), retryable: true });
    const now = performance.now();
    const later = jest.spyOn(performance, "now").mockReturnValue(now + 30_000);
    stage.afterwards(() => later.mockRestore());
    expect(await attempt(7, SECRET)).toBe("let in");
  });

  test("are limited for an address, whatever names it tries", async () => {
    const { accounts } = await serve({ failuresPerMinuteMax: 2 });
    await accounts.create("ann", SECRET);
    for (let i = 0; i < 4; i++) await codeOfAttempt(accounts, `name ${String(i)}`, SECRET);
    expect(await codeOfAttempt(accounts, "ann", SECRET)).toBe("rate_limited");
    expect(await codeOfAttempt(accounts, "ann", SECRET, "10.0.0.1")).toBe("let in");
  });

  test("are counted before they have failed, so that many at once are limited as well", async () => {
    const { accounts } = await serve({ failuresPerMinuteMax: 2 });
    const attempts = Array.from({ length: 50 }, () => codeOfAttempt(accounts, "ann", SECRET));
    const codes = await Promise.all(attempts);
    expect(codes.filter((code) => code === "unauthenticated")).toHaveLength(4);
    expect(codes.filter((code) => code === "rate_limited")).toHaveLength(46);
  });

  test("are not those that succeed", async () => {
    const { accounts } = await serve({ failuresPerMinuteMax: 1 });
    await accounts.create("ann", SECRET);
    for (let i = 0; i < 20; i++)
      expect(await codeOfAttempt(accounts, "ann", SECRET)).toBe("let in");
  });
});

test("of more that sign in at once than can be worked on, the last are told to come again", async () => {
  const { accounts } = await serve({ failuresPerMinuteMax: 1_000 });
  const attempts = Array.from({ length: 200 }, () => codeOfAttempt(accounts, "ann", SECRET));
  const codes = new Set(await Promise.all(attempts));
  expect([...codes].sort()).toEqual(["unauthenticated", "unavailable"]);
});

test("accounts without a server let nobody in yet", async () => {
  expect(await codeOfAttempt(new Accounts({ cost }), "ann", SECRET)).toBe("unavailable");
});

test.each<[options: object]>([
  [{ failuresPerMinuteMax: 0 }],
  [{ failuresPerMinuteMax: Number.NaN }],
  [{ cost: { N: 3, r: 8, p: 1 } }],
  [{ cost: { N: 1, r: 8, p: 1 } }],
  [{ cost: { N: 1_024, r: 0, p: 1 } }],
])("options of %j are refused", (options) => {
  expect(codeOf(() => new Accounts(options))).toBe("bad_option");
});

describe("a private world", () => {
  test("does not exist for clients, and no handler hears of it", async () => {
    const handled: string[] = [];
    const { sync, url } = await stage.serve({
      handlers: {
        create: (object) => {
          handled.push(String(object["id"]));
          return object;
        },
      },
      ephemeral: ["account"],
    });
    const world = sync.world("accounts", { private: true });
    await world.create({ id: "account:ann" });
    expect(sync.world("accounts")).toBe(world);
    expect(sync.world("accounts", { private: true })).toBe(world);
    expect(handled).toEqual([]);
    const client = stage.client(url, { world: "accounts" });
    await expect(client.whenSynced()).rejects.toMatchObject({ code: "unknown_world" });
  });

  test("cannot be made of one that clients may have joined", () => {
    const sync = new ObjectSyncServer({ worlds: ["accounts"] });
    stage.afterwards(() => sync.close());
    expect(codeOf(() => sync.world("accounts", { private: true }))).toBe("bad_option");
    expect(codeOf(() => sync.use(new Accounts().plugin))).toBe("bad_option");
  });
});

describe("grants", () => {
  test("permit what they name, what begins like it, or everything, and nothing else", async () => {
    const { accounts } = await serve();
    await accounts.create("ann", SECRET);
    const valueOf = async (permission: string, resource: string) =>
      (await accounts.permits("ann", permission, resource))?.value;
    expect(await valueOf("Read", "foo")).toBeUndefined();
    await accounts.grant("ann", "Read", "foo*");
    await accounts.grant("ann", "Quota", "foo*", "100");
    await accounts.grant("ann", "Quota", "foobar", "200");
    const resources = ["foo", "foobar", "fo", "bar", "xfoo", "foo*", "*", ""];
    const read = await Promise.all(resources.map((resource) => valueOf("Read", resource)));
    expect(read).toEqual([
      "Yes",
      "Yes",
      undefined,
      undefined,
      undefined,
      "Yes",
      undefined,
      undefined,
    ]);
    expect(await valueOf("Write", "foo")).toBeUndefined();
    expect([await valueOf("Quota", "foo1"), await valueOf("Quota", "foobar")]).toEqual([
      "100",
      "200",
    ]);
    await accounts.grant("ann", "*", "*");
    expect([await valueOf("Write", "bar"), await valueOf("Quota", "foo1")]).toEqual(["Yes", "100"]);
  });

  test("that are revoked permit nothing any more, and others do as before", async () => {
    const { accounts } = await serve();
    await accounts.create("ann", SECRET);
    await Promise.all([
      accounts.grant("ann", "Read", "*"),
      accounts.grant("ann", "Write", "*"),
      accounts.grant("ann", "Read", "foo", "deeply"),
    ]);
    await accounts.revoke("ann", "Read", "*");
    expect(await accounts.grants("ann")).toEqual([
      { permission: "Write", resource: "*", value: "Yes" },
      { permission: "Read", resource: "foo", value: "deeply" },
    ]);
    expect(await accounts.permits("ann", "Read", "bar")).toBeUndefined();
    await expect(accounts.revoke("ann", "Read", "*")).rejects.toMatchObject({ code: "not_found" });
  });

  test("are of an account, and go with it", async () => {
    const { accounts } = await serve();
    await accounts.create("ann", SECRET);
    await accounts.grant("ann", "*", "*");
    expect((await accounts.list()).map(({ name }) => name)).toEqual(["ann"]);
    await accounts.remove("ann");
    await accounts.create("ann", SECRET);
    expect(await accounts.grants("ann")).toEqual([]);
    await expect(accounts.grant("bob", "*", "*")).rejects.toMatchObject({ code: "not_found" });
  });

  test.each([
    ["no permission", "", "foo", "Yes", "permission"],
    ["no resource", "Read", "", "Yes", "resource"],
    ["a value that means no", "Read", "foo", "No", "value"],
    ["a resource that is too long", "Read", "x".repeat(101), "Yes", "resource"],
  ])("of %s are refused", async (_what, permission, resource, value, property) => {
    const { accounts } = await serve();
    await accounts.create("ann", SECRET);
    const granted = accounts.grant("ann", permission, resource, value);
    await expect(granted).rejects.toMatchObject({ code: "invalid_value", property });
  });
});

test("a secret that was right a moment ago need not be hashed again, until it is another", async () => {
  const costly = { N: 16_384, r: 8, p: 1 };
  const { accounts } = await serve({ cost: costly, rememberMs: 60_000, failuresPerMinuteMax: 1 });
  await accounts.create("ann", SECRET);
  // Far more than could wait for their turn to be hashed.
  expect(await codeOfAttempt(accounts, "ann", SECRET)).toBe("let in");
  const many = Array.from({ length: 100 }, () => codeOfAttempt(accounts, "ann", SECRET));
  expect(new Set(await Promise.all(many))).toEqual(new Set(["let in"]));
  await accounts.setSecret("ann", "battery staple");
  expect(await codeOfAttempt(accounts, "ann", SECRET)).toBe("unauthenticated");
  expect(await codeOfAttempt(accounts, "ann", "battery staple")).toBe("let in");
  await accounts.remove("ann");
  expect(await codeOfAttempt(accounts, "ann", "battery staple", "::2")).toBe("unauthenticated");
});
