import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "@jest/globals";
import { MemoryStore, type ServerOptions, type Store } from "../../server/index.ts";
import { Accounts } from "../../server/plugins/accounts/index.ts";
import {
  packValue,
  Plasmid,
  unpackValue,
  type Json,
  type PlasmidOptions,
} from "../../server/plugins/plasmid/index.ts";
import { writeExample } from "../support/doc-example.ts";
import { codeOf } from "../support/hostile.ts";
import { PlasmidDevice } from "../support/plasmid-device.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage } from "../support/stage.ts";

/** The bridge to Plasmid Sync where things go wrong; test/integration/seeds-c.test.ts is what it is for. */

const stage = new Stage();
afterEach(() => stage.clear());

const SECRET = "secret123";
const AUTHORIZATION = `Basic ${Buffer.from(`test:${SECRET}`).toString("base64")}`;

async function serve(options: Partial<PlasmidOptions> = {}, server: ServerOptions = {}) {
  const accounts = new Accounts({ cost: { N: 2, r: 1, p: 1 } });
  const { sync, url, port } = await stage.serve({ rules: {}, ...server });
  sync.use(accounts.plugin).use(new Plasmid({ accounts, ...options }).plugin);
  await accounts.create("test", SECRET);
  await accounts.grant("test", "*", "*");
  return { accounts, sync, url, port, api: `${url}/v1/` };
}

const push = (api: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
  fetch(`${api}d/garden/update/`, {
    method: "POST",
    headers: { authorization: AUTHORIZATION, "content-type": "application/json", ...headers },
    body: body as string,
  });

/** Status and reason. */
const told = async (response: Response): Promise<[number, unknown]> => {
  const body = (await response.json()) as { error: unknown; reason: unknown };
  expect(body.error).toEqual(expect.any(String));
  return [response.status, body.reason];
};

describe("a request that cannot be answered says why", () => {
  test.each<[what: string, body: unknown]>([
    ["no object", []],
    ["nothing", null],
    ["no last_revision", { data: {} }],
    ["a last_revision that is a text", { last_revision: "1", data: {} }],
    ["a negative last_revision", { last_revision: -1, data: {} }],
    ["no data", { last_revision: 1 }],
    ["data that is a list", { last_revision: 1, data: [] }],
    ["a store that is a list", { last_revision: 1, data: { things: [1] } }],
    ["a store that is a text", { last_revision: 1, data: { things: "x" } }],
    ["a store without a name", { last_revision: 1, data: { "": { a: 1 } } }],
    ["a store with a colon", { last_revision: 1, data: { "a:b": { a: 1 } } }],
  ])("a push with %s is 400", async (_what, body) => {
    const { api } = await serve();
    const response = await push(api, JSON.stringify(body));
    expect(await told(response)).toEqual([400, "badrequest"]);
  });

  test.each<[what: string, body: string, status: number, reason: string]>([
    ["no JSON", "{", 400, "invalid_payload"],
    ["a key that is too long", pushOf({ ["x".repeat(300)]: 1 }), 400, "invalid_id"],
    ["a key with NUL", pushOf({ "a\0b": 1 }), 400, "invalid_id"],
    [
      "a reserved name",
      `{"last_revision":1,"data":{"things":{"a":{"__proto__":1}}}}`,
      400,
      "reserved_key",
    ],
    [
      "a number that is none",
      `{"last_revision":1,"data":{"things":{"a":1e999}}}`,
      400,
      "invalid_value",
    ],
    ["nesting", pushOf({ a: nested(100) }), 400, "too_deep"],
    [
      "more than a write has",
      pushOf(Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [i, i]))),
      413,
      "limit_exceeded",
    ],
    ["too many bytes", pushOf({ a: "x".repeat(100_000) }), 413, "too_large"],
  ])("a push with %s is refused, and nothing saved", async (_what, body, status, reason) => {
    const { api } = await serve({ bodyBytesMax: 90_000 });
    expect(await told(await push(api, body))).toEqual([status, reason]);
    const { body: left } = await new PlasmidDevice(api, "garden").get("clone");
    expect(left).toEqual({ data: {}, revision: 1 });
  });

  test.each<[path: string, method: string, status: number]>([
    ["x", "GET", 404],
    ["d", "GET", 404],
    ["d/garden/other", "GET", 404],
    ["d/garden/clone/1", "GET", 404],
    ["d/garden/update/1/2", "GET", 404],
    ["d/garden/update/one", "GET", 400],
    ["d/garden/update/-1", "GET", 400],
    ["d/garden/update/1e3", "GET", 400],
    ["d/%E0%A4%A/", "GET", 400],
    [`d/${"x".repeat(101)}`, "GET", 400],
    ["d/a%00b", "GET", 400],
    ["d/a%2Fb", "GET", 400],
    ["d/garden", "DELETE", 405],
    ["d/garden/update", "GET", 405],
    ["a", "GET", 405],
    ["a/nobody", "GET", 404],
    ["a/test/more", "GET", 404],
  ])("%s by %s is %d", async (path, method, status) => {
    const { api } = await serve();
    const response = await fetch(api + path, { method, headers: { authorization: AUTHORIZATION } });
    expect((await told(response))[0]).toBe(status);
  });

  test.each([
    ["nothing", ""],
    ["Basic alone", "Basic"],
    ["no base64", "Basic !!!"],
    ["no colon", "Basic dGVzdA=="],
    ["another kind", "Bearer x"],
    ["far too long", `Basic ${"A".repeat(9_000)}`],
  ])("credentials that are %s are 401", async (_what, authorization) => {
    const { api } = await serve();
    const response = await fetch(`${api}d/garden/`, { headers: { authorization } });
    expect(await told(response)).toEqual([401, "unauthenticated"]);
  });

  test("secrets that are tried are 429 after some", async () => {
    const { api } = await serve();
    const statuses = new Set<number>();
    for (let i = 0; i < 25; i++) {
      const device = new PlasmidDevice(api, "garden", "test", `wrong secret ${String(i)}`);
      statuses.add((await device.get("")).status);
    }
    expect([...statuses]).toEqual([401, 429]);
  });
});

describe("pages of other origins", () => {
  test("are answered 403, unless they are listed", async () => {
    const { api, sync } = await serve({}, { origins: ["https://app.example.com"] });
    sync.on("error", () => undefined);
    const statusFor = async (origin: string) => {
      const headers = { authorization: AUTHORIZATION, origin };
      return (await fetch(`${api}d/garden/`, { headers })).status;
    };
    expect(await statusFor("https://evil.example.com")).toBe(403);
    expect(await statusFor("null")).toBe(403);
    expect(await statusFor("https://app.example.com")).toBe(200);
  });

  test.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])(
    "cannot post JSON as %s, as their forms do: 415",
    async (type) => {
      const { api } = await serve();
      const response = await push(api, pushOf({ a: 1 }), { "content-type": type });
      expect(await told(response)).toEqual([415, "unsupported"]);
    },
  );

  test("and the published client's posts, which name no type, are taken", async () => {
    const { api } = await serve();
    const type = { "content-type": "text/plain;charset=UTF-8" };
    expect((await push(api, pushOf({ a: 1 }), type)).status).toBe(200);
  });
});

test("a body that does not come is 408", async () => {
  const { port } = await serve({ bodyTimeoutMs: 50 });
  const socket = connect(port, "localhost");
  stage.afterwards(() => socket.destroy());
  socket.write(
    "POST /v1/d/garden/update/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n" +
      `Content-Type: application/json\r\nAuthorization: ${AUTHORIZATION}\r\n\r\n{`,
  );
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 408 /);
});

test("a store that refuses is 503: nothing was saved, and the same push works later", async () => {
  const inner = new MemoryStore();
  let isFull = false;
  const store: Store = {
    capabilities: inner.capabilities,
    load: (world, epoch) => inner.load(world, epoch),
    commit: (world, batch) => {
      if (isFull && world === "plasmid:garden") throw new Error("the disk is full");
      inner.commit(world, batch);
    },
    close: () => inner.close(),
  };
  const { api, sync } = await serve({}, { store });
  sync.world("plasmid:garden", { private: true }).on("error", () => undefined);
  const device = new PlasmidDevice(api, "garden");
  await device.push({ things: { a: 1 } });
  isFull = true;
  expect(await device.push({ things: { a: 2 } })).toMatchObject({ reason: "unavailable" });
  expect((await device.get("clone")).body).toEqual({
    data: { things: { a: [2, 1] } },
    revision: 2,
  });
  isFull = false;
  expect(await device.push({ things: { a: 2 } })).toEqual({ saved: 1, revision: 3 });
});

test("who is further behind than the world remembers gets everything, and is told so", async () => {
  const { api } = await serve({}, { limits: { tombstonesMax: 1 } });
  const [phone, desk] = [new PlasmidDevice(api, "garden"), new PlasmidDevice(api, "garden")];
  await phone.push({ things: { a: 1, b: 1, c: 1, d: 1 } });
  await desk.pull();
  for (const key of ["a", "b", "c"]) await phone.push({ things: { [key]: null } });
  const { body } = await desk.get(`update/${String(desk.lastRevision)}`);
  expect(body).toMatchObject({ since: 2, until: 5, whole: true });
  expect(body["updates"]).toContainEqual(["things", 2, "d", 1]);
  const ahead = await desk.get("update/99");
  expect(ahead.body).toMatchObject({ since: 99, until: 5, whole: true });
});

test("there are no more databases than there may be, and asking for one makes none", async () => {
  const { api, accounts } = await serve({ databasesMax: 2 });
  await accounts.create("ann", SECRET);
  await accounts.grant("ann", "ReadDatabase", "*");
  const asked = await new PlasmidDevice(api, "new", "ann").get("");
  expect(asked.body).toMatchObject({ reason: "permission", permission: "CreateDatabase" });
  for (const name of ["a", "b"])
    expect((await new PlasmidDevice(api, name).get("")).status).toBe(200);
  expect((await new PlasmidDevice(api, "c").get("")).body).toMatchObject({ reason: "quota" });
  expect((await new PlasmidDevice(api, "a").get("")).status).toBe(200);
});

test("nor more when many are asked for at once, and each account that is made has its own", async () => {
  const { api, accounts } = await serve({ databasesMax: 3, signUp: true });
  const asked = ["a", "b", "c", "d"].map((name) => new PlasmidDevice(api, name).get(""));
  const signUps = ["ann", "ben", "cleo", "dan"].map(async (access) => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ access, secret: SECRET });
    const response = await fetch(`${api}a/`, { method: "POST", headers, body });
    return (await response.json()) as { success?: { access: string; dbname: string } };
  });
  const made = (await Promise.all(signUps)).flatMap(({ success }) => success ?? []);
  const found = (await Promise.all(asked)).filter(({ status }) => status === 200);
  expect(made.length + found.length).toBe(3);
  const names = (await accounts.list()).map(({ name }) => name);
  expect(names.sort()).toEqual([...made.map(({ access }) => access), "test"].sort());
  for (const { access, dbname } of made) {
    expect((await new PlasmidDevice(api, dbname, access).get("")).status).toBe(200);
  }
});

test("what nobody could sign in by, be granted or push with is not made", async () => {
  const { api, accounts } = await serve();
  const device = new PlasmidDevice(api, "garden");
  const asked = async (path: string, body: unknown) => {
    const { status, body: answer } = await device.http("POST", path, body);
    return [status, answer["reason"]];
  };
  expect(await asked("a/", { access: "a:b", secret: SECRET })).toEqual([400, "invalid_value"]);
  for (const value of ["Yes", true, -5, 1.5, "1 MB"]) {
    const quota = { permission: "DatabaseQuota", resource: "garden", value };
    expect(await asked("a/test", quota)).toEqual([400, "invalid_value"]);
  }
  const quota = { permission: "DatabaseQuota", resource: "garden", value: 100 };
  expect(await asked("a/test", quota)).toEqual([200, undefined]);
  // By a grant on this name all would be granted that begin so.
  const starred = await new PlasmidDevice(api, "gar*").get("");
  expect([starred.status, starred.body["reason"]]).toEqual([400, "badrequest"]);
  expect((await accounts.list()).map(({ name }) => name)).toEqual(["test"]);
});

test("what a client of object-sync takes the value of is gone for devices", async () => {
  const { api, sync } = await serve({ shared: true });
  await new PlasmidDevice(api, "garden").push({ things: { a: 1, b: 2 } });
  const device = new PlasmidDevice(api, "garden");
  await device.pull();
  const world = sync.world("plasmid:garden");
  await world.update({ id: "things:a", value: undefined, note: "of another kind" });
  await world.create({ id: "things:c", note: "never had one" });
  expect(await device.pull()).toEqual([["things", 3, "a", { undefined: true }, { deleted: true }]]);
  expect([...device.data.keys()]).toEqual(["things:b"]);
  expect((await device.get("clone")).body["data"]).toEqual({ things: { b: [2, 2] } });
});

test("an account for which there can be no database is not made", async () => {
  const { api, accounts } = await serve({ databasesMax: 1, signUp: true });
  const signUp = async (access: string): Promise<unknown> => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ access, secret: SECRET });
    const response = await fetch(`${api}a/`, { method: "POST", headers, body });
    return ((await response.json()) as { reason?: unknown }).reason;
  };
  expect(await signUp("a/b")).toBe("badrequest");
  expect(await signUp("名".repeat(64))).toBe("badrequest");
  expect(await signUp("ann")).toBeUndefined();
  expect(await signUp("bob")).toBe("quota");
  expect((await accounts.list()).map(({ name }) => name)).toEqual(["ann", "test"]);
});

test("a database of whatever name is none of the server's own worlds", async () => {
  const { api } = await serve();
  for (const name of ["accounts", "plasmid", "default", "__proto__", "ü x", "a*b"]) {
    const device = new PlasmidDevice(api, name);
    expect((await device.get("clone")).body).toEqual({ data: {}, revision: 1 });
    expect(await device.push({ __proto__x: { ["__proto__"]: 1 } })).toMatchObject({ revision: 2 });
    expect((await device.get("")).body).toEqual({ name, revision: 2 });
  }
});

test("clients of object-sync cannot join the databases unless these are shared", async () => {
  const { api, url } = await serve();
  await new PlasmidDevice(api, "garden").push({ things: { a: 1 } });
  const client = stage.client(url, { world: "plasmid:garden" });
  await expect(client.whenSynced()).rejects.toMatchObject({ code: "unknown_world" });
});

test("what the published client packs is unpacked, references and all", () => {
  const packed: Json = {
    object: {
      list: { id: 2, array: [1, { date: 0 }, { undefined: true }] },
      same: { reference: "2" },
      picture: { blob: { contents: "\u0001\u00ff", properties: { type: "image/png" } } },
    },
  };
  const list = [1, new Date(0), undefined];
  const picture = Uint8Array.of(1, 255);
  expect(unpackValue(packed)).toStrictEqual({ list, same: list, picture });
  expect(unpackValue(packValue(picture))).toStrictEqual(picture);
  for (const plain of ["text", 1, false, { a: 1 }, [1, 2]] as Json[]) {
    expect(unpackValue(plain)).toEqual(plain);
  }
});

test("an option that cannot be used is a bad_option", () => {
  const accounts = new Accounts();
  for (const wrong of [{ strange: 1 }, { paths: "/v1" }, { shared: 1 }, { databasesMax: 0 }]) {
    expect(codeOf(() => new Plasmid({ accounts, ...wrong } as never))).toBe("bad_option");
  }
  expect(codeOf(() => new Plasmid({} as never))).toBe("bad_option");
  expect(codeOf(() => new Plasmid({ accounts: {} } as never))).toBe("bad_option");
});

function pushOf(things: object): string {
  return JSON.stringify({ last_revision: 1, data: { things } });
}

function nested(depth: number): unknown {
  return depth === 0 ? 0 : [nested(depth - 1)];
}

test("the server of docs/BRIDGES.md works", async () => {
  const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  stage.afterwards(() => rmSync(folder, { recursive: true }));
  const file = writeExample("docs/BRIDGES.md", "plasmid.mjs", folder);
  const env = { STORE: join(folder, "worlds.db"), FIRST_SECRET: SECRET };
  const server = await ServerProcess.start(file, /ready on \S+:(\d+)/, 0, env);
  stage.afterwards(() => server.kill());
  const device = new PlasmidDevice(`http://localhost:${server.port}/v1/`, "garden");
  const things = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, i]));
  expect(await device.push({ things })).toEqual({ saved: 5_000, revision: 2 });
}, 60_000);
