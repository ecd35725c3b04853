import { afterEach, expect, test } from "@jest/globals";
import { explicit } from "../../client/explicit/index.ts";
import { SignJWT } from "jose";
import {
  SyncError,
  type Conflict,
  type ObjectSync,
  type ObjectSyncOptions,
} from "../../client/index.ts";
import { keepAlive, keepBoth, preferLocal, resolveWith } from "../../client/conflicts/index.ts";
import { memoryStorage, SharedMemory } from "../../client/offline/memory.ts";
import { Accounts } from "../../server/plugins/accounts/index.ts";
import { jwt } from "../../server/plugins/jwt/index.ts";
import { Plasmid } from "../../server/plugins/plasmid/index.ts";
import { ObjectSyncServer, type ServerOptions } from "../../server/index.ts";
import { next, Stage, TAPPED, viewOf, type Served } from "../support/stage.ts";

/** SEEDS.md, part E: what dbsync did with explicit pulls and pushes, and the limits that it admitted. */

const stage = new Stage();
afterEach(() => stage.clear());

const REFERENCES = { task: ["project"], link: ["task", "project"] } as const;

/** What dbsync's merges come to. */
const likeDbsync = keepAlive(keepBoth((id) => `${id}-again`, preferLocal));

const OPTIONS: ObjectSyncOptions = {
  live: explicit,
  references: REFERENCES,
  onConflict: resolveWith(likeDbsync),
};

interface Scene extends Served {
  readonly local: ObjectSync;
  readonly remote: ObjectSync;
}

type Objects = readonly ({ readonly id: string } & Record<string, unknown>)[];

/** A server and two clients that have the same. */
async function scene(objects: Objects, options: ServerOptions = {}): Promise<Scene> {
  const served = await stage.serve({ conflicts: "detect", references: REFERENCES, ...options });
  for (const object of objects) await served.sync.create(object);
  const local = stage.client(served.url, OPTIONS);
  const remote = stage.client(served.url, OPTIONS);
  await Promise.all([local.sync(), remote.sync()]);
  return { ...served, local, remote };
}

/** The remote client pushes what it has; the local one pushes as dbsync has it: pull first if it must. */
async function merge({ local, remote }: Scene): Promise<void> {
  await remote.sync();
  await local.push().catch(async (error: unknown) => {
    expect(error).toMatchObject({ code: "out_of_date" });
    await local.pull();
    await local.push();
  });
  await remote.pull();
  await local.pull();
}

function expectEverywhere({ sync, local, remote }: Scene, objects: Objects): void {
  const wanted = Object.fromEntries(objects.map((object) => [object.id, object]));
  for (const one of [sync, local, remote]) expect(viewOf(one)).toEqual(wanted);
}

const HOME = { id: "project:home", name: "home" };
const MILK = { id: "task:milk", title: "milk", done: false };

test("E1: different properties of one object are both kept", async () => {
  const all = await scene([MILK]);
  void all.remote.update({ id: "task:milk", title: "oat milk" });
  void all.local.update({ id: "task:milk", done: true });
  await merge(all);
  expectEverywhere(all, [{ id: "task:milk", title: "oat milk", done: true }]);
});

test("E2: what was destroyed here and changed there is restored as it is there", async () => {
  const all = await scene([MILK]);
  void all.remote.update({ id: "task:milk", title: "oat milk" });
  void all.local.destroy("task:milk");
  await merge(all);
  expectEverywhere(all, [{ ...MILK, title: "oat milk" }]);
});

test("E3: what was changed here and destroyed there survives, as it is here", async () => {
  const all = await scene([MILK]);
  void all.remote.destroy("task:milk");
  void all.local.update({ id: "task:milk", title: "oat milk" });
  await merge(all);
  expectEverywhere(all, [{ ...MILK, title: "oat milk" }]);
});

test("E4: what both destroyed is gone", async () => {
  const all = await scene([MILK, HOME]);
  void all.remote.destroy("task:milk");
  void all.local.destroy("task:milk");
  await merge(all);
  expectEverywhere(all, [HOME]);
});

test("E5: two objects of one id both survive, the local one under a new id, and references follow", async () => {
  const all = await scene([]);
  void all.remote.create({ ...HOME, name: "theirs" });
  void all.local.create({ ...HOME, name: "ours" });
  void all.local.create({ ...MILK, project: "project:home" });
  await merge(all);
  expectEverywhere(all, [
    { id: "project:home", name: "theirs" },
    { id: "project:home-again", name: "ours" },
    { ...MILK, project: "project:home-again" },
  ]);
});

test.each(["in one write", "each by itself"])(
  "E5: links that both have made alike are two as well, where they are of two objects, made %s",
  async (how) => {
    const all = await scene([HOME]);
    const taskOf = (title: string) => [
      { ...MILK, title },
      { id: "link:milk~home", task: "task:milk", project: "project:home" },
      { id: "link:bread~home", task: "task:bread", project: "project:home" },
    ];
    for (const [device, title] of [
      [all.remote, "theirs"],
      [all.local, "ours"],
    ] as const) {
      if (how === "each by itself") for (const object of taskOf(title)) void device.create(object);
      else void device.transaction((tx) => taskOf(title).forEach((object) => tx.create(object)));
    }
    await merge(all);
    expectEverywhere(all, [
      HOME,
      ...taskOf("theirs"), // and the link of a task that neither has made is one
      { ...MILK, id: "task:milk-again", title: "ours" },
      { id: "link:milk~home-again", task: "task:milk-again", project: "project:home" },
    ]);
  },
);

test("E6: a parent that was destroyed there is kept for a child that was added here", async () => {
  const all = await scene([HOME]);
  void all.remote.destroy("project:home");
  void all.local.create({ ...MILK, project: "project:home" });
  await merge(all);
  expectEverywhere(all, [HOME, { ...MILK, project: "project:home" }]);
});

test("E7: a parent that was destroyed here is restored for a child that was added there", async () => {
  const all = await scene([HOME]);
  void all.remote.create({ ...MILK, project: "project:home" });
  void all.local.destroy("project:home");
  await merge(all);
  expectEverywhere(all, [HOME, { ...MILK, project: "project:home" }]);
});

/** No two users have one name: said by the application, and judged with the whole world at hand. */
function withUniqueNames(server: ObjectSyncServer): void {
  server.check(({ id, object }) => {
    if (!id.startsWith("user:")) return;
    for (const other of server.allObjects().values()) {
      if (other.id === id || other["name"] !== object["name"]) continue;
      throw new SyncError("refused", `${id} and ${other.id} cannot have one name`, {
        id,
        property: "name",
      });
    }
  });
}

test("E8: a unique clash is an error that names object and property, and all else is untouched", async () => {
  const all = await scene([]);
  withUniqueNames(all.sync);
  void all.remote.create({ id: "user:1", name: "ann" });
  const clash = all.local.create({ id: "user:2", name: "ann" });
  const error = clash.catch((cause: unknown) => cause);
  void all.local.create(MILK);
  await all.remote.sync();
  await all.local.pull(); // finds nothing wrong: what is here is not touched
  expect(viewOf(all.local)).toEqual({
    "user:1": { id: "user:1", name: "ann" },
    "user:2": { id: "user:2", name: "ann" },
    "task:milk": MILK,
  });
  const rejected: unknown[] = [];
  all.local.on("reject", ({ code }, { operations }) => rejected.push([code, ...operations]));
  await merge(all);
  // The application has it back, and may ask the person for another name.
  expect(rejected).toEqual([
    ["refused", expect.objectContaining({ id: "user:2", properties: { name: "ann" } })],
  ]);
  expect(await error).toMatchObject({ code: "refused", id: "user:2", property: "name" });
  expectEverywhere(all, [{ id: "user:1", name: "ann" }, MILK]);
});

test("E9: unique values that were swapped there arrive as they are", async () => {
  const all = await scene([
    { id: "user:1", name: "ann" },
    { id: "user:2", name: "ben" },
  ]);
  withUniqueNames(all.sync);
  const swap = [
    { id: "user:1", name: "-" },
    { id: "user:2", name: "ann" },
    { id: "user:1", name: "ben" },
  ];
  for (const step of swap) {
    const write = all.remote.update(step);
    await all.remote.push();
    await write;
  }
  void all.local.create(MILK);
  void all.local.update({ id: "user:2", mail: "ben@example.com" });
  await merge(all);
  expectEverywhere(all, [
    { id: "user:1", name: "ben" },
    { id: "user:2", name: "ann", mail: "ben@example.com" },
    MILK,
  ]);
});

test("E10: what was inserted, updated and deleted before any sync is nothing to send", async () => {
  const all = await scene([]);
  const writes = [
    all.local.create(MILK),
    all.local.update({ id: "task:milk", done: true }),
    all.local.destroy("task:milk"),
  ];
  expect(await all.local.push()).toEqual({ pulled: 0, pushed: 0 });
  await Promise.all(writes);
  expect(await all.remote.pull()).toEqual({ pulled: 0, pushed: 0 });
  expectEverywhere(all, []);
});

test("E11: a stale push says to pull first; push, pull, push succeeds", async () => {
  const all = await scene([MILK]);
  await all.sync.update({ id: "task:milk", done: true });
  void all.local.create(HOME);
  await expect(all.local.push()).rejects.toMatchObject({
    code: "out_of_date",
    message: expect.stringContaining("pull first"),
  });
  await all.local.pull();
  expect(await all.local.push()).toMatchObject({ pushed: 1 });
});

test("E12: register gives what lets a client in, and a tampered signature is refused", async () => {
  const secret = "a secret of more than thirty-two bytes";
  const names = { audience: "tasks", issuer: "https://id.example.com/" };
  const { url } = await stage.serve({
    authenticate: jwt({ secret, ...names }),
  });
  const token = await new SignJWT({ sub: "ann", aud: names.audience, iss: names.issuer })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(secret));
  const ann = stage.client(url, { ...OPTIONS, auth: token });
  await ann.register();
  const mallory = stage.client(url, { ...OPTIONS, auth: tampered(token) });
  await expect(mallory.register()).rejects.toMatchObject({ code: "unauthenticated" });
});

test("E12: who signs up is given credentials, which let them register; with others they cannot", async () => {
  const accounts = new Accounts({ cost: { N: 2, r: 1, p: 1 } });
  const { sync, url } = await stage.serve({ authenticate: accounts.authenticate, rules: {} });
  sync.use(accounts.plugin).use(new Plasmid({ accounts, signUp: true }).plugin);
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}/v1/a/`, { method: "POST", headers, body: "{}" });
  const { success } = (await answer.json()) as { success: { access: string; secret: string } };
  const auth = { name: success.access, secret: success.secret };
  await stage.client(url, { ...OPTIONS, auth }).register();
  for (const wrong of [{ secret: `${success.secret}x` }, { name: "mallory" }]) {
    const other = stage.client(url, { ...OPTIONS, auth: { ...auth, ...wrong } });
    await expect(other.register()).rejects.toMatchObject({ code: "unauthenticated" });
  }
});

/** Another user's name, under the same signature. */
function tampered(token: string): string {
  const [header, , signature] = token.split(".");
  const claims = Buffer.from(JSON.stringify({ sub: "mallory", exp: 4e9 })).toString("base64url");
  return `${header}.${claims}.${signature}`;
}

test("E13: repair makes an exact copy of the server and clears the log; the next push works", async () => {
  const all = await scene([MILK, HOME]);
  const lost = [
    all.local.update({ id: "task:milk", title: "nonsense" }),
    all.local.create({ id: "task:more" }),
  ].map((write) => write.catch((cause: unknown) => cause));
  await all.sync.destroy("project:home");
  await all.local.repair();
  for (const error of lost) expect(await error).toMatchObject({ code: "discarded" });
  expect(all.local.pending).toBe(0);
  expectEverywhere({ ...all, remote: all.local }, [MILK]);
  void all.local.update({ id: "task:milk", done: true });
  expect(await all.local.push()).toMatchObject({ pushed: 1 });
});

test("E14: an idle push succeeds and does nothing", async () => {
  const all = await scene([MILK]);
  expect(await all.local.push()).toEqual({ pulled: 0, pushed: 0 });
  expectEverywhere(all, [MILK]);
});

test("E15: a pull that is cut shows all of it or nothing, and the next one has it all", async () => {
  const objects = Array.from({ length: 2_000 }, (_, i) => ({
    id: `task:${i}`,
    text: "x".repeat(200),
  }));
  const { sync, port } = await stage.serve();
  for (const object of objects) await sync.create(object);
  const network = await stage.network(port);
  const storage = new SharedMemory();
  const device = (): ObjectSync =>
    stage.client(network.url, { ...OPTIONS, ...TAPPED, storage: memoryStorage(storage) });
  const local = device();
  let isPart = false;
  local.on("add", () => (isPart ||= local.allObjects().size !== objects.length));
  local.on("status", (status) => {
    if (status === "syncing") network.cut();
  });
  await expect(local.pull()).rejects.toMatchObject({ retryable: true });
  expect(local.allObjects().size).toBe(0);
  await local.close();
  const again = device();
  await next(again, "restored");
  expect(again.allObjects().size).toBe(0);
  await again.pull();
  expect(again.allObjects().size).toBe(objects.length);
  expect(isPart).toBe(false);
});

test("E16: what is written during a pull or push is kept, and goes with it or with the next", async () => {
  const all = await scene([MILK]);
  const pulling = all.local.pull();
  const during = all.local.update({ id: "task:milk", title: "a" });
  await pulling;
  const pushing = all.local.push();
  const more = all.local.update({ id: "task:milk", done: true });
  await pushing;
  await all.local.push();
  await Promise.all([during, more]);
  await all.remote.pull();
  expectEverywhere(all, [{ id: "task:milk", title: "a", done: true }]);
});

test("E17: ids that are used again, and ids of any kind, are safe", async () => {
  const all = await scene([MILK]);
  const odd = ["task:7", "task:-1", "task:ä/ö?", "task:x y", "no namespace"];
  void all.remote.destroy("task:milk");
  await all.remote.push();
  void all.remote.create({ id: "task:milk", title: "another" });
  for (const id of odd) void all.remote.create({ id });
  await merge(all);
  expectEverywhere(all, [{ id: "task:milk", title: "another" }, ...odd.map((id) => ({ id }))]);
});

test("E17: what was meant for the former object of an id is a conflict, and changes nothing of the new one unasked", async () => {
  const all = await scene([MILK]);
  const asked: Conflict[] = [];
  const onConflict = resolveWith((conflict) => void asked.push(conflict));
  const late = stage.client(all.url, { ...OPTIONS, onConflict });
  await late.sync();
  const write = late
    .update({ id: "task:milk", title: "goat milk" })
    .catch((error: unknown) => error);
  void all.remote.destroy("task:milk");
  await all.remote.push();
  void all.remote.create({ id: "task:milk", title: "another" });
  await all.remote.push();
  await late.sync();
  expect(await write).toMatchObject({ code: "conflict" });
  expect(asked.map(({ collisions }) => collisions)).toEqual([
    [{ id: "task:milk", property: "title", base: "milk", mine: "goat milk", theirs: "another" }],
  ]);
  await all.local.pull();
  expectEverywhere(all, [{ id: "task:milk", title: "another" }]);
});

test("E18: link objects need no class: what is linked by many to many syncs", async () => {
  const all = await scene([MILK, HOME], { references: { link: ["task", "project"] } });
  void all.remote.create({ id: "link:milk-home", task: "task:milk", project: "project:home" });
  await merge(all);
  expectEverywhere(all, [
    MILK,
    HOME,
    { id: "link:milk-home", task: "task:milk", project: "project:home" },
  ]);
});

test("E19: what is only pushed, and what is only pulled, is", async () => {
  const { sync, url } = await stage.serve();
  await sync.create({ id: "news:1" });
  await sync.create({ id: "log:0" });
  const namespaces = { log: { sync: "push" }, news: { sync: "pull" } } as const;
  const local = stage.client(url, { ...OPTIONS, namespaces });
  void local.create({ id: "log:1" });
  await local.sync();
  await expect(local.create({ id: "news:2" })).rejects.toMatchObject({ code: "forbidden" });
  expect([...local.allObjects().keys()].sort()).toEqual(["log:1", "news:1"]);
  expect(sync.get("log:1")).toBeDefined();
});

test("E20: who is older than what the server remembers is told to pull, and gets no wrong data", async () => {
  const all = await scene([MILK, HOME], { limits: { tombstonesMax: 1 } });
  for (const id of ["task:milk", "project:home"]) await all.sync.destroy(id);
  for (let i = 0; i < 5; i++) {
    await all.sync.create({ id: "task:brief" });
    await all.sync.destroy("task:brief");
  }
  const write = all.local.create({ id: "task:mine" });
  await expect(all.local.push()).rejects.toMatchObject({ code: "out_of_date" });
  await all.local.sync();
  await write;
  await all.remote.pull();
  expectEverywhere(all, [{ id: "task:mine" }]);
});
