import { spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { buildCommand, COMMAND, objectSync, removeCommand, type Ran } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { PlasmidDevice } from "../support/plasmid-device.ts";
import { Stage } from "../support/stage.ts";

/** `object-sync plasmid` and `object-sync accounts`, as people call them. */

const stage = new Stage();
let folder: string;
let hub: string;

beforeAll(buildCommand);
afterAll(removeCommand);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  hub = join(folder, "hub");
  stage.afterwards(() => rmSync(folder, { recursive: true }));
});

afterEach(() => stage.clear());

const accounts = (args: readonly string[], input = ""): Promise<Ran> =>
  objectSync(["accounts", ...args, "--hub-path", hub], input);

/** The service as its own process. */
async function serve(args: readonly string[] = ["--port", "0"]) {
  const env = { ...process.env, NODE_OPTIONS: "", NODE_NO_WARNINGS: "1" };
  const all = [COMMAND, "plasmid", "--hub-path", hub, ...args];
  const child = spawn(process.execPath, all, { cwd: folder, env });
  stage.afterwards(() => child.kill("SIGKILL"));
  const output = { text: "" };
  child.stdout.on("data", (chunk) => (output.text += String(chunk)));
  child.stderr.on("data", (chunk) => (output.text += String(chunk)));
  const port = await eventually(
    () => /localhost:(\d+)/.exec(output.text)?.[1],
    () => output.text,
  );
  return { api: `http://localhost:${port}/v1/`, child, output };
}

test("accounts are made, listed, permitted, checked and removed", async () => {
  expect(await accounts(["set-secret", "test"], "secret123\n")).toEqual({
    code: 0,
    stdout: "made the account test\n",
    stderr: "",
  });
  await accounts(["set-secret", "ann", "given by hand"]); // others can see it
  expect((await accounts(["list"])).stdout).toBe("ann\ntest\n");
  await accounts(["grant", "test", "ReadDatabase", "gar*"]);
  await accounts(["grant", "test", "DatabaseQuota", "garden", "100"]);
  expect((await accounts(["permissions", "test"])).stdout).toBe(
    "ReadDatabase\tgar*\tYes\nDatabaseQuota\tgarden\t100\n",
  );
  const check = async (...args: string[]) => {
    const { code, stdout } = await accounts(["check", "test", ...args]);
    return [code, stdout.trim()];
  };
  expect(await check("ReadDatabase", "garden")).toEqual([0, "Yes"]);
  expect(await check("DatabaseQuota", "garden")).toEqual([0, "100"]);
  expect(await check("ReadDatabase", "other")).toEqual([1, "No"]);
  await accounts(["revoke", "test", "ReadDatabase", "gar*"]);
  expect(await check("ReadDatabase", "garden")).toEqual([1, "No"]);
  expect((await accounts(["set-secret", "test"], "secret456")).stdout).toBe(
    "test has another secret\n",
  );
  await accounts(["remove", "ann"]);
  expect((await accounts(["list"])).stdout).toBe("test\n");
  // A secret is nowhere in the hub, and nobody else may look there.
  const files = ["hub.db"].map((name) => readFileSync(join(hub, name), "latin1")).join("");
  expect(files).not.toMatch(/secret123|secret456|given by hand/);
  if (process.platform !== "win32") expect(statSync(hub).mode & 0o077).toBe(0);
}, 120_000);

test("what is wrong is said, with the code, and nothing is changed", async () => {
  const nowhere = await accounts(["list"]);
  expect([nowhere.code, nowhere.stderr]).toEqual([
    1,
    expect.stringMatching(/^object-sync: not_found: there is no hub in .*set-secret/),
  ]);
  expect((await accounts(["set-secret", "test"], "short")).stderr).toContain(
    "invalid_value: a secret is a text of 8 to 1024 characters",
  );
  expect((await accounts(["set-secret", "test"])).stderr).toContain("a secret must be given");
  const strange = await accounts(["grant", "nobody", "*", "*"]);
  expect([strange.code, strange.stderr]).toEqual([1, expect.stringContaining("not_found")]);
  expect((await accounts(["grant", "nobody"])).code).toBe(2);
  const port = await objectSync(["plasmid", "--port", "a"]);
  expect([port.code, port.stderr]).toEqual([2, expect.stringContaining("A port is")]);
  const help = await objectSync(["accounts", "grant", "--help"]);
  expect([help.code, help.stdout]).toEqual([0, expect.stringContaining("--hub-path")]);
}, 120_000);

test("what could never work is refused, and what is likely a slip is said", async () => {
  await accounts(["set-secret", "test"], "secret123");
  const colon = await accounts(["set-secret", "a:b"], "secret123"); // HTTP Basic has one of its own
  expect([colon.code, colon.stderr]).toEqual([1, expect.stringContaining("must not have a colon")]);
  for (const value of [[], ["Yes"], ["1e6"], ["1 MB"]]) {
    const quota = await accounts(["grant", "test", "DatabaseQuota", "garden", ...value]);
    expect([quota.code, quota.stderr]).toEqual([1, expect.stringContaining("number of bytes")]);
  }
  expect((await accounts(["permissions", "test"])).stdout).toBe("");
  const slip = await accounts(["grant", "test", "ReadDatbase", "garden"]);
  expect([slip.code, slip.stderr]).toEqual([
    0,
    expect.stringMatching(/never asks about ReadDatbase, only about CreateDatabase, .*quotes/),
  ]);
  expect((await accounts(["grant", "test", "*", "*"])).stderr).toBe("");
}, 120_000);

test("to look into a folder that is no hub makes none of it, and what is in the way is said", async () => {
  const at = (path: string) => objectSync(["accounts", "list", "--hub-path", path]);
  const empty = await at(folder);
  expect([empty.code, empty.stderr]).toEqual([1, expect.stringContaining("there is no hub in")]);
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(join(folder, "file"), "");
  const file = ["accounts", "set-secret", "test", "secret123", "--hub-path", join(folder, "file")];
  expect((await objectSync(file)).stderr).toContain("bad_option: ");
  expect((await objectSync(file)).stderr).toContain("is no directory");
  mkdirSync(join(hub, "hub.db"), { recursive: true });
  expect((await accounts(["list"])).stderr).toMatch(/bad_option: .*hub\.db cannot be opened: /);
}, 60_000);

test("commands that are given at once are all done", async () => {
  await accounts(["set-secret", "test"], "secret123");
  const names = ["a", "b", "c", "d", "e"];
  const all = await Promise.all(
    names.map((name) => accounts(["grant", "test", "ReadDatabase", name])),
  );
  expect(all.map(({ code, stderr }) => [code, stderr])).toEqual(names.map(() => [0, ""]));
  const { stdout } = await accounts(["permissions", "test"]);
  expect(stdout).toBe(names.map((name) => `ReadDatabase\t${name}\tYes\n`).join(""));
}, 120_000);

test("a service whose hub another process has taken says so, and ends", async () => {
  await accounts(["set-secret", "test"], "secret123");
  await accounts(["grant", "test", "*", "*"]);
  const { api, child, output } = await serve();
  rmSync(join(hub, "service.json")); // so that a command does not find it
  const taker = await serve();
  expect((await accounts(["grant", "test", "ReadDatabase", "x"])).code).toBe(0);
  const device = new PlasmidDevice(api, "garden");
  await device.get("").catch(() => undefined);
  await eventually(
    () => child.exitCode === 1,
    () => output.text,
  );
  expect(output.text).toContain("object-sync: deposed: ");
  expect(output.text).not.toMatch(/^ +at /m);
  // Commands still find the service that has it now, which is not taken from that.
  expect((await accounts(["grant", "test", "ReadDatabase", "y"])).code).toBe(0);
  expect((await new PlasmidDevice(taker.api, "garden").get("")).status).toBe(200);
  expect(taker.child.exitCode).toBe(null);
}, 120_000);

test("notes are kept with the hub", async () => {
  const plasmid = (...args: string[]) => objectSync(["plasmid", ...args, "--hub-path", hub]);
  await plasmid("set-meta", "title", "Our garden");
  expect((await plasmid("get-meta", "title")).stdout).toBe("Our garden\n");
  expect(await plasmid("get-meta", "other")).toMatchObject({ code: 1, stdout: "" });
}, 60_000);

test("while a service runs, it does what is to be done, and no second one begins", async () => {
  await accounts(["set-secret", "test"], "secret123");
  const { api, child } = await serve();
  const device = new PlasmidDevice(api, "garden");
  expect((await device.get("")).status).toBe(403);
  await accounts(["grant", "test", "*", "*"]);
  expect(await device.push({ things: { a: 1 } })).toMatchObject({ revision: 2 });
  await accounts(["set-secret", "test"], "another secret");
  expect((await device.get("")).status).toBe(401);
  expect((await accounts(["grant", "nobody", "*", "*"])).stderr).toContain("not_found");
  const second = await objectSync(["plasmid", "--hub-path", hub, "--port", "0"]);
  expect([second.code, second.stderr]).toEqual([1, expect.stringContaining("open already")]);

  const note = join(hub, "service.json");
  if (process.platform !== "win32") expect(statSync(note).mode & 0o077).toBe(0);
  const strange = await fetch(new URL("/plasmid-admin", api), {
    method: "POST",
    headers: { authorization: "Bearer x", "content-type": "application/json" },
    body: `{"name":"list","args":[]}`,
  });
  expect(strange.status).toBe(403);

  // Killed, it leaves its note behind; and its port may be anybody's then.
  child.kill("SIGKILL");
  await eventually(() => child.signalCode !== null);
  const heard: unknown[] = [];
  const thief = createServer((request, response) => {
    heard.push(request.headers.authorization);
    response.end("{}");
  });
  stage.afterwards(() => {
    thief.closeAllConnections();
    thief.close();
  });
  thief.listen(Number(new URL(api).port));
  expect((await accounts(["set-secret", "test"], "secret789")).code).toBe(0);
  expect(heard).toEqual([undefined]);
  const again = new PlasmidDevice((await serve()).api, "garden", "test", "secret789");
  expect((await again.get("")).body).toEqual({ name: "garden", revision: 2 });
}, 120_000);

test("a port that is taken is said, with what to do", async () => {
  const { api } = await serve();
  const taken = await objectSync([
    ...["plasmid", "--hub-path", join(folder, "other"), "--port", new URL(api).port],
  ]);
  expect([taken.code, taken.stderr]).toEqual([1, expect.stringContaining("EADDRINUSE")]);
  expect(taken.stderr).toContain("--port");
}, 60_000);

test("where anybody may sign up, a device of another origin's page can", async () => {
  const { api } = await serve(["--port", "0", "--sign-up", "--origin", "https://app.example.com"]);
  const response = await fetch(`${api}a/`, {
    method: "POST",
    headers: { origin: "https://app.example.com", "content-type": "application/json" },
    body: `{"access":"ann","secret":"secret123"}`,
  });
  expect(await response.json()).toMatchObject({ success: { access: "ann" } });
}, 60_000);
