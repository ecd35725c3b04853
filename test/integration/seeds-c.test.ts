import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { Accounts } from "../../server/plugins/accounts/index.ts";
import {
  packValue,
  Plasmid,
  unpackValue,
  type PlasmidOptions,
} from "../../server/plugins/plasmid/index.ts";
import { buildCommand, COMMAND, objectSync, removeCommand } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { PlasmidDevice } from "../support/plasmid-device.ts";
import { Stage } from "../support/stage.ts";

/** SEEDS.md, part C: what Plasmid Sync is as a service, and on the wire. */

const stage = new Stage();
beforeAll(buildCommand);
afterAll(removeCommand);
afterEach(() => stage.clear());

/** A hash that takes no time. */
const cost = { N: 2, r: 1, p: 1 };
const SECRET = "secret123";

async function serve(options: Partial<PlasmidOptions> = {}) {
  const accounts = new Accounts({ cost });
  const { sync, url } = await stage.serve({ authenticate: accounts.authenticate, rules: {} });
  sync.use(accounts.plugin);
  const plasmid = new Plasmid({ accounts, ...options });
  sync.use(plasmid.plugin);
  await accounts.create("test", SECRET);
  return { accounts, sync, plasmid, url, api: `${url}/v1/` };
}

/** The same, where "test" may do everything. */
async function open(options: Partial<PlasmidOptions> = {}) {
  const served = await serve(options);
  await served.accounts.grant("test", "*", "*");
  return served;
}

test("C1: a wrong secret, or none, is 401", async () => {
  const { api, url } = await open();
  for (const [access, secret] of [
    ["test", "secret124"],
    ["nobody", SECRET],
    ["test", ""],
    ["", ""],
  ] as const) {
    const { status, body } = await new PlasmidDevice(api, "garden", access, secret).get("");
    expect([status, body["reason"]]).toEqual([401, "unauthenticated"]);
  }
  const bare = await fetch(`${url}/v1/d/garden/`);
  expect([bare.status, bare.headers.get("www-authenticate")]).toEqual([
    401,
    'xBasic realm="Plasmid Sync"', // at which no browser asks its user
  ]);
  expect((await new PlasmidDevice(api, "garden").get("")).status).toBe(200);
});

test('C2: no grant: denied; "*" "*": all allowed; revoked: denied; `foo*` matches only what starts with foo', async () => {
  const { accounts, api } = await serve();
  const statusOf = async (database: string): Promise<number[]> => {
    const device = new PlasmidDevice(api, database);
    const pushed = await device.http("POST", `d/${database}/update/`, {
      last_revision: 1,
      data: {},
    });
    return [(await device.get("")).status, pushed.status];
  };
  expect(await statusOf("foo")).toEqual([403, 403]);
  const { body } = await new PlasmidDevice(api, "foo").get("clone");
  expect(body).toMatchObject({ reason: "permission", permission: "ReadDatabase" });

  await accounts.grant("test", "*", "*");
  expect([await statusOf("foo"), await statusOf("bar")]).toEqual([
    [200, 200],
    [200, 200],
  ]);
  await accounts.revoke("test", "*", "*");
  expect([await statusOf("foo"), await statusOf("bar")]).toEqual([
    [403, 403],
    [403, 403],
  ]);

  for (const permission of ["CreateDatabase", "ReadDatabase", "WriteDatabase"]) {
    await accounts.grant("test", permission, "foo*");
  }
  expect(await statusOf("foo")).toEqual([200, 200]);
  expect(await statusOf("foobar")).toEqual([200, 200]);
  for (const other of ["fo", "bar", "xfoo", "Foo"])
    expect(await statusOf(other)).toEqual([403, 403]);
  await accounts.revoke("test", "WriteDatabase", "foo*");
  expect(await statusOf("foo")).toEqual([200, 403]);
});

test("C2: who has a permission passes it on, and nobody one that they do not have, or a quota of their own", async () => {
  const { accounts, api } = await serve();
  await accounts.grant("test", "ReadDatabase", "foo*");
  await accounts.grant("test", "DatabaseQuota", "foo", "10");
  await accounts.create("ann", SECRET);
  const test_ = new PlasmidDevice(api, "foo");
  const grant = async (permission: string, resource: string, value: unknown = "Yes") =>
    (await test_.http("POST", "a/ann", { permission, resource, value })).body["reason"] ??
    "granted";
  expect(await grant("ReadDatabase", "foobar")).toBe("granted");
  expect(await grant("ReadDatabase", "foox*")).toBe("granted");
  expect(await grant("ReadDatabase", "fo*")).toBe("permission");
  expect(await grant("ReadDatabase", "*")).toBe("permission");
  expect(await grant("WriteDatabase", "foo")).toBe("permission");
  expect(await grant("*", "foo")).toBe("permission");
  expect(await grant("DatabaseQuota", "foo", "99999")).toBe("permission");
  expect(await grant("ReadDatabase", "foo", null)).toBe("badrequest");
  const own = await test_.http("POST", "a/test", {
    ...{ permission: "DatabaseQuota", resource: "foo", value: "99999" },
  });
  expect(own.status).toBe(403);
  const ann = new PlasmidDevice(api, "foobar", "ann");
  expect((await ann.http("GET", "a/ann")).body).toEqual({
    permissions: [
      { permission: "ReadDatabase", resource: "foobar", value: "Yes" },
      { permission: "ReadDatabase", resource: "foox*", value: "Yes" },
    ],
  });
  expect((await ann.http("GET", "a/test")).status).toBe(403);
});

test("C3: an account is made with a database of its own, and one that exists is not made again", async () => {
  const { api, accounts } = await open();
  const admin = new PlasmidDevice(api, "garden");
  const made = await admin.http("POST", "a/", { access: "ann", secret: SECRET, type: "user" });
  const success = made.body["success"] as { access: string; secret: string; dbname: string };
  expect(success).toEqual({ access: "ann", secret: SECRET, dbname: expect.any(String) });
  const ann = new PlasmidDevice(api, success.dbname, "ann");
  expect(await ann.push({ things: { a: 1 } })).toEqual({ saved: 1, revision: 2 });
  expect((await new PlasmidDevice(api, "garden", "ann").get("")).status).toBe(403);

  const again = await admin.http("POST", "a/", { access: "ann", secret: "another secret" });
  expect(again.body).toEqual({ error: "Access token already exists", reason: "exists" });
  expect((await ann.get("")).status).toBe(200);
  const stolen = new PlasmidDevice(api, success.dbname, "ann", "another secret");
  expect((await stolen.get("")).status).toBe(401);

  const anonymous = await fetch(`${api}a/`, { method: "POST", body: "{}" });
  expect(anonymous.status).toBe(401);
  expect((await ann.http("POST", "a/", { access: "bob", secret: SECRET })).status).toBe(403);
  expect((await accounts.list()).map(({ name }) => name)).toEqual(["ann", "test"]);
});

test("C3: where anybody may sign up, an account can be made by nobody, with a secret of the service", async () => {
  const { api } = await serve({ signUp: true });
  const response = await fetch(`${api}a/`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  const { success } = (await response.json()) as {
    success: { access: string; secret: string; dbname: string };
  };
  const device = new PlasmidDevice(api, success.dbname, success.access, success.secret);
  expect((await device.get("")).body).toEqual({ name: success.dbname, revision: 1 });
});

test("C4: started, the service makes a hub directory, and answers", async () => {
  const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  stage.afterwards(() => rmSync(folder, { recursive: true }));
  const hub = join(folder, "hub");
  const at = ["--hub-path", hub];
  expect(await objectSync(["accounts", "set-secret", "test", ...at], "secret123\n")).toMatchObject({
    code: 0,
    stderr: "",
  });
  await objectSync(["accounts", "grant", "test", "*", "*", ...at]);
  const { url, process } = await servePlasmid(folder, ["--port", "0"]);
  expect(existsSync(hub)).toBe(true);
  expect(await (await fetch(`${url}/plasmid/`)).json()).toMatchObject({ service: "Plasmid Sync" });
  const device = new PlasmidDevice(`${url}/v1/`, "garden");
  expect(await device.push({ things: { a: 1 } })).toEqual({ saved: 1, revision: 2 });

  // Also while it runs.
  await objectSync(["accounts", "revoke", "test", "*", "*", ...at]);
  expect((await device.get("")).status).toBe(403);
  await objectSync(["accounts", "grant", "test", "ReadDatabase", "gar*", ...at]);
  expect((await device.get("")).body).toEqual({ name: "garden", revision: 2 });

  process.kill("SIGTERM");
  await once(process, "exit");
  expect(process.exitCode).toBe(0);
  const second = await servePlasmid(folder, ["--port", "0"]);
  const again = new PlasmidDevice(`${second.url}/plasmid/v1/`, "garden");
  expect((await again.get("clone")).body).toEqual({ data: { things: { a: [2, 1] } }, revision: 2 });
}, 60_000);

/** The service as its own process, in a folder. */
async function servePlasmid(
  cwd: string,
  args: readonly string[],
): Promise<{ url: string; process: ChildProcess }> {
  const env = { ...process.env, NODE_OPTIONS: "", NODE_NO_WARNINGS: "1" };
  const child = spawn(process.execPath, [COMMAND, "plasmid", ...args], { cwd, env });
  stage.afterwards(() => child.kill("SIGKILL"));
  let said = "";
  child.stdout.on("data", (chunk) => (said += String(chunk)));
  child.stderr.on("data", (chunk) => (said += String(chunk)));
  const port = await eventually(
    () => /localhost:(\d+)/.exec(said)?.[1],
    () => said,
  );
  return { url: `http://localhost:${port}`, process: child };
}

test("C5: a push adds exactly 1 to the revision, and another device's pull shows it", async () => {
  const { api } = await open();
  const [phone, desk] = [new PlasmidDevice(api, "garden"), new PlasmidDevice(api, "garden")];
  expect((await phone.get("")).body).toEqual({ name: "garden", revision: 1 });
  expect(
    await phone.push({ things: { a: 1, b: { object: { c: 2 } } }, notes: { "x/ü": "n" } }),
  ).toEqual({
    saved: 3,
    revision: 2,
  });
  expect(await phone.push({ things: { a: 1 } })).toEqual({ saved: 1, revision: 3 }); // unchanged
  expect(await phone.push({})).toEqual({ saved: 0, revision: 3 });
  expect(await phone.push({ things: { a: 5 } })).toEqual({ saved: 1, revision: 4 });
  expect(await desk.pull()).toEqual([
    ["things", 2, "b", { object: { c: 2 } }],
    ["notes", 2, "x/ü", "n"],
    ["things", 4, "a", 5],
  ]);
  expect(desk.lastRevision).toBe(4);
  expect((await desk.get("update/4")).body).toEqual({ since: 4, until: 4, updates: [] });
  expect((await desk.get("clone")).body).toEqual({
    data: { things: { a: [4, 5], b: [2, { object: { c: 2 } }] }, notes: { "x/ü": [2, "n"] } },
    revision: 4,
  });
});

test("C6: a push with unpulled changes is `outofdate`, and nothing of it is saved", async () => {
  const { api } = await open();
  const [phone, desk] = [new PlasmidDevice(api, "garden"), new PlasmidDevice(api, "garden")];
  await phone.push({ things: { a: 1 } });
  const before = (await phone.get("clone")).body;
  const late = await desk.push({ things: { a: 2, b: 2 }, notes: { c: 3 } });
  expect(late).toEqual({ error: expect.any(String), saved: 0, reason: "outofdate" });
  expect((await phone.get("clone")).body).toEqual(before);
  await desk.pull();
  expect(await desk.push({ things: { b: 2 } })).toEqual({ saved: 1, revision: 3 });
  // From a revision that the service never had, as after a backup was put back.
  expect(await desk.push({ things: { b: 3 } }, 99)).toMatchObject({ reason: "outofdate" });

  const both = await Promise.all(
    ["x", "y", "z"].map((key) =>
      new PlasmidDevice(api, "garden").push({ things: { [key]: 1 } }, 3),
    ),
  );
  const reasons = both.map(({ reason }) => reason ?? "saved").sort();
  expect(reasons).toEqual(["outofdate", "outofdate", "saved"]);
  expect((await desk.get("")).body["revision"]).toBe(4);
});

test("C6: what a client of object-sync has changed must be pulled as well", async () => {
  const { api, sync, accounts } = await open({ shared: true });
  sync.setRules({ things: { read: true, create: true, update: true, destroy: true } });
  const device = new PlasmidDevice(api, "garden");
  await device.push({ things: { a: 1 } });
  await accounts.create("ann", SECRET);
  const client = await stage.join(sync_url(api), {
    world: "plasmid:garden",
    auth: { name: "ann", secret: SECRET },
  });
  expect(client.get("things:a")).toMatchObject({ value: 1 });
  await client.transaction((tx) => {
    tx.update({ id: "things:a", value: 2 });
    tx.create({ id: "things:b", value: { date: 7 } });
  });
  expect(await device.push({ things: { a: 3 } })).toMatchObject({ reason: "outofdate" });
  expect(await device.pull()).toEqual([
    ["things", 3, "a", 2],
    ["things", 3, "b", { date: 7 }],
  ]);
  await device.push({ things: { a: 3 } });
  await eventually(() => client.get("things:a")?.["value"] === 3);
});

const sync_url = (api: string): string => new URL(api).origin;

test("C11: no conflict is ever stored: of many devices' pushes at one revision one is saved, whole", async () => {
  const { api } = await open();
  const devices = Array.from({ length: 8 }, () => new PlasmidDevice(api, "garden"));
  for (let round = 1; round <= 5; round++) {
    const answers = await Promise.all(
      devices.map((device, n) => device.push({ things: { a: n, b: n, c: n } }, round)),
    );
    const saved = answers.flatMap(({ error }, n) => (error === undefined ? [n] : []));
    expect(saved).toHaveLength(1);
    const { data } = (await devices[0]?.get("clone"))?.body as { data: { things: object } };
    const values = Object.values(data.things).map((pair: [number, number]) => pair[1]);
    expect(values).toEqual([saved[0], saved[0], saved[0]]);
  }
});

test("C16: deletes propagate, and are no news to a device that never saw the object", async () => {
  const { api } = await open();
  const [phone, desk] = [new PlasmidDevice(api, "garden"), new PlasmidDevice(api, "garden")];
  await phone.push({ things: { a: 1, b: 2 } });
  await desk.pull();
  expect(await phone.push({ things: { a: null, never: null } })).toEqual({ saved: 2, revision: 3 });
  expect(await desk.pull()).toEqual([["things", 3, "a", { undefined: true }, { deleted: true }]]);
  expect([...desk.data.keys()]).toEqual(["things:b"]);
  await phone.push({ things: { c: 3 } });
  await phone.push({ things: { c: null } });
  await desk.pull();
  expect([...desk.data.keys()]).toEqual(["things:b"]);
  const newcomer = new PlasmidDevice(api, "garden");
  expect(await newcomer.pull()).toEqual([["things", 2, "b", 2]]);
  await phone.push({ things: { a: "again" } });
  await desk.pull();
  expect(desk.data.get("things:a")).toBe("again");
});

test("C17: Date and undefined round-trip, as the published client packs them", async () => {
  const { api } = await open();
  const [phone, desk] = [new PlasmidDevice(api, "garden"), new PlasmidDevice(api, "garden")];
  const at = new Date(1_700_000_000_123);
  const value = { at, none: undefined, nothing: null, list: [at, undefined, "x", 1.5, false] };
  const packed = packValue(value as never);
  await phone.push({ things: { a: packed, b: packValue(undefined), c: packValue(null) } });
  await desk.pull();
  expect(desk.data.get("things:a")).toEqual(packed);
  const unpacked = [...desk.data.values()].map(unpackValue);
  expect(unpacked).toStrictEqual([value, undefined, null]);
});

test("C18: over quota is `quota`: the revision is unchanged, and nothing is saved", async () => {
  const { api, accounts } = await open();
  await accounts.grant("test", "DatabaseQuota", "gar*", "60");
  const device = new PlasmidDevice(api, "garden");
  const forty = "x".repeat(28); // and quotes, and "things:abc"
  expect(await device.push({ things: { abc: forty } })).toEqual({ saved: 1, revision: 2 });
  const before = (await device.get("clone")).body;
  const refused = await device.push({ things: { abd: "small", abe: forty } });
  expect(refused).toEqual({ error: expect.stringContaining("60"), saved: 0, reason: "quota" });
  expect((await device.get("clone")).body).toEqual(before);
  expect(await device.push({ things: { abc: "small", abe: "small" } })).toMatchObject({ saved: 2 });
  const elsewhere = new PlasmidDevice(api, "elsewhere");
  expect(await elsewhere.push({ things: { a: forty, b: forty } })).toMatchObject({ saved: 2 });
  // Who has more than a new quota allows may still make it less.
  await accounts.grant("test", "DatabaseQuota", "elsewhere", "10");
  expect(await elsewhere.push({ things: { a: null } })).toMatchObject({ saved: 1 });
  expect(await elsewhere.push({ things: { c: 1 } })).toMatchObject({ reason: "quota" });
});
