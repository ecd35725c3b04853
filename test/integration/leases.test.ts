import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { ObjectSync, ObjectSyncOptions } from "../../client/index.ts";
import { explicit } from "../../client/explicit/index.ts";
import { memoryStorage, SharedMemory } from "../../client/offline/memory.ts";
import { Leases } from "../../client/plugins/leases/index.ts";
import {
  silently,
  type ServerOptions,
  type SyncError,
  type SyncObject,
} from "../../server/index.ts";
import { Guard } from "../../server/plugins/leases/guard.ts";
import { leaseRules, leases, type LeasesOptions } from "../../server/plugins/leases/index.ts";
import { LeaseKeeper } from "../../server/plugins/leases/lease-keeper.ts";
import { SqliteStore } from "../../server/stores/sqlite/index.ts";
import { writeExample } from "../support/doc-example.ts";
import { eventually } from "../support/eventually.ts";
import { codeOf } from "../support/hostile.ts";
import { KeptStore } from "../support/kept-store.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, TAPPED, urlOf, type Served } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

async function serve(
  options: ServerOptions = {},
  plugin: LeasesOptions = {},
  port = 0,
): Promise<Served> {
  const served = await stage.serve(options, port);
  served.sync.use(leases(plugin));
  return served;
}

interface Party {
  readonly sync: ObjectSync;
  readonly leases: Leases;
}

async function join_(url: string, options: ObjectSyncOptions = {}): Promise<Party> {
  const sync = await stage.join(url, options);
  return { sync, leases: new Leases(sync) };
}

/** Waits until so many requests are in the queue. */
const queued = (sync: Pick<ObjectSync, "allObjects">, count: number): Promise<unknown> =>
  eventually(() => {
    const objects = [...sync.allObjects().values()] as { id: string; ticket?: number }[];
    const requests = objects.filter(({ id }) => id.startsWith("lease-request:"));
    return requests.filter(({ ticket }) => ticket !== undefined).length === count;
  });

const toSyncError = (error: unknown): SyncError => error as SyncError;

const notes = (objects: Iterable<object>): unknown[] =>
  [...objects].map((object) => ({ ...object, holder: "", id: (object as { id: string }).id }));

describe("a lease", () => {
  test("goes on to the next also when a handler has what becomes of requests done silently", async () => {
    const handlers = {
      create: (object: SyncObject) => silently(object),
      destroy: () => silently(),
    };
    const { url, sync } = await serve({ handlers });
    const [first, second] = [await join_(url), await join_(url)];
    const ann = await first.leases.lock("report:7", { ttlMs: 600_000 });
    const waiting = second.leases.lock("report:7", { ttlMs: 600_000 });
    await queued(sync, 2);
    await ann.release();
    const bob = await waiting;
    expect([ann.isHeld, bob.isHeld, bob.fence > ann.fence]).toEqual([false, true, true]);
    await bob.release();
    await eventually(() => sync.get("lease:report:7") === undefined);
  });

  test("is one client's at a time; others wait in order, and get higher fences", async () => {
    const { url, sync } = await serve();
    const parties = [await join_(url), await join_(url), await join_(url)] as const;
    const [first, second, third] = parties;
    const order: string[] = [];
    const lock = async (party: Party, note: string) => {
      const lease = await party.leases.lock("report:7", { note });
      order.push(note);
      return lease;
    };
    const ann = await lock(first, "ann");
    const waitingBob = lock(second, "bob");
    await queued(sync, 2);
    const waitingCy = lock(third, "cy");
    await queued(sync, 3);
    expect(order).toEqual(["ann"]);
    await ann.release();
    const bob = await waitingBob;
    expect([ann.isHeld, bob.isHeld, order]).toEqual([false, true, ["ann", "bob"]]);
    await bob.release();
    const cy = await waitingCy;
    expect(order).toEqual(["ann", "bob", "cy"]);
    expect([bob.fence > ann.fence, cy.fence > bob.fence]).toEqual([true, true]);
    await cy.release();
    await eventually(() => sync.get("lease:report:7") === undefined);
  });

  test("is to be seen by everyone, with who has it", async () => {
    const { url } = await serve();
    const [ann, bob] = [await join_(url), await join_(url)];
    const lease = await ann.leases.lock("door", { note: "ann", ttlMs: 5_000 });
    const seen = await eventually(() => bob.sync.get("lease:door"));
    const holder: unknown = expect.stringMatching(/^lease-request:/);
    const { fence } = lease;
    expect({ ...seen }).toEqual({ id: "lease:door", holder, fence, ttlMs: 5_000, note: "ann" });
    await lease.release();
    await eventually(() => bob.sync.get("lease:door") === undefined);
  });

  test("of one name has nothing to do with that of another", async () => {
    const { url } = await serve();
    const { leases: ann } = await join_(url);
    const names = ["a", "b", "ü/ 7", "lease:a"];
    const all = await Promise.all(names.map((name) => ann.lock(name)));
    expect(all.map(({ isHeld, name }) => [isHeld, name])).toEqual(
      names.map((name) => [true, name]),
    );
  });

  test("that others have is `locked` after the wait, with when it ends", async () => {
    const { url, sync } = await serve();
    const [ann, bob] = [await join_(url), await join_(url)];
    await ann.leases.lock("door", { ttlMs: 10_000 });
    for (const waitMs of [0, 600]) {
      const error = await bob.leases.lock("door", { waitMs }).then(() => undefined, toSyncError);
      expect(error).toMatchObject({ code: "locked", id: "lease:door", retryable: true });
      expect(error?.retryAfterMs).toBeGreaterThan(5_000);
      expect(error?.retryAfterMs).toBeLessThanOrEqual(10_500);
    }
    await queued(sync, 1); // nothing is left of who has given up
  });

  test("is given to who asks without waiting, if it is free", async () => {
    const { url } = await serve();
    const { leases: ann } = await join_(url);
    expect((await ann.lock("door", { waitMs: 0 })).isHeld).toBe(true);
  });

  test.each([
    ["that are shown next to nothing", { subscribe: [] }],
    ["that show nothing before it is decided", { optimistic: false }],
  ])("can be had by clients %s", async (_what, options) => {
    const { url } = await serve();
    const ann = await join_(url, options);
    const lease = await ann.leases.lock("door");
    await ann.sync.create({ id: "note" });
    await lease.transaction((tx) => tx.update({ id: "note", text: "mine" }));
    await lease.release();
  });

  test("can be had where there are rules, by what the plugin adds to them", async () => {
    const { url } = await serve({ rules: { ...leaseRules, note: { read: true } } });
    const [ann, bob] = [await join_(url), await join_(url)];
    const lease = await ann.leases.lock("door");
    await expect(bob.leases.lock("door", { waitMs: 0 })).rejects.toMatchObject({ code: "locked" });
    await lease.release();
    await (await bob.leases.lock("door")).release();
  });

  test("is not for a client that could not keep it, as it is not live", async () => {
    const { url } = await serve();
    const sync = stage.client(url, { live: explicit });
    const asked = new Leases(sync).lock("door");
    await expect(asked).rejects.toMatchObject({ code: "unsupported" });
    expect(sync.pending).toBe(0);
  });

  test("asked for without a server is `timeout` after the wait and some patience", async () => {
    const sync = stage.client("http://localhost:1", { autoConnect: false });
    const asked = new Leases(sync).lock("door", { waitMs: 0 });
    await expect(asked).rejects.toMatchObject({ code: "timeout" });
  });

  test.each<[what: string, name: unknown, options: object, property: string]>([
    ["no name", "", {}, "name"],
    ["a name that is a number", 7, {}, "name"],
    ["a name with NUL", "a\0b", {}, "name"],
    ["a name that is too long", "x".repeat(251), {}, "name"],
    ["a ttl that is too short", "a", { ttlMs: 999 }, "ttlMs"],
    ["a ttl that is too long", "a", { ttlMs: 600_001 }, "ttlMs"],
    ["a ttl without end", "a", { ttlMs: Infinity }, "ttlMs"],
    ["a negative wait", "a", { waitMs: -1 }, "waitMs"],
    ["a note that is none", "a", { note: 7 }, "note"],
    ["a note that is too long", "a", { note: "x".repeat(257) }, "note"],
  ])("with %s is refused", async (_what, name, options, property) => {
    const { url } = await serve();
    const { leases: ann } = await join_(url);
    const asked = ann.lock(name as string, options);
    await expect(asked).rejects.toMatchObject({ code: "invalid_value", property });
  });
});

describe("a write that names a lease", () => {
  test("is made while the lease is held", async () => {
    const { url, sync } = await serve();
    const { sync: ann, leases: anns } = await join_(url);
    await ann.create({ id: "report" });
    const lease = await anns.lock("report");
    const commits: unknown[] = [];
    sync.on("update", ({ id }, changed) => commits.push([id, changed]));
    await lease.transaction((tx) => tx.update({ id: "report", text: "one" }));
    expect(commits).toEqual([["report", { text: "one" }]]); // of the lease there is no news
  });

  test("is refused as a whole when its lease was lost, be it known there or not", async () => {
    const { url, sync, port } = await serve();
    const network = await stage.network(port);
    const ann = await join_(network.url, TAPPED);
    const bob = await join_(url);
    await bob.sync.create({ id: "report", text: "old" });
    const anns = await ann.leases.lock("report", { ttlMs: 1_000 });
    const waiting = bob.leases.lock("report", { ttlMs: 30_000 });
    await queued(sync, 2);
    network.goDown();
    const bobs = await waiting; // ann was not heard of for long enough
    const late = anns.transaction((tx) => tx.update({ id: "report", text: "ann's" }));
    late.catch(() => undefined);
    await bobs.transaction((tx) => tx.update({ id: "report", text: "bob's" }));
    network.comeUp();
    await expect(late).rejects.toMatchObject({ code: "lease_lost" });
    await expect(anns.lost).resolves.toMatchObject({ code: "lease_lost", id: "lease:report" });
    const known = anns.transaction((tx) => tx.update({ id: "report", text: "ann's" }));
    await expect(known).rejects.toMatchObject({ code: "lease_lost" });
    expect([anns.isHeld, bobs.isHeld, bobs.fence > anns.fence]).toEqual([false, true, true]);
    expect([sync.get("report")?.["text"], ann.sync.get("report")?.["text"]]).toEqual([
      "bob's",
      "bob's",
    ]);
    await anns.release(); // of what one has not any more
    expect(bobs.isHeld).toBe(true);
  });

  test("is refused while one waits", async () => {
    const { url } = await serve();
    const [ann, bob] = [await join_(url), await join_(url)];
    await ann.leases.lock("door");
    void bob.leases.lock("door");
    await queued(bob.sync, 2); // bob knows the own ticket too, and so ann's fence
    const own = [...bob.sync.allObjects().values()].find(
      ({ id, fence }) => id.startsWith("lease-request:") && fence === undefined,
    );
    const { id, ticket } = own as unknown as { id: string; ticket: number };
    const early = bob.sync.update({ id, fence: ticket });
    await expect(early).rejects.toMatchObject({ code: "lease_lost" });
  });
});

test("requests that were refused are forgotten, and leave their client room for others", async () => {
  const { url, sync } = await serve({}, { requestsPerClientMax: 2 });
  let isFull = true;
  sync.check(({ id, session }) => {
    if (isFull && session !== null && id.startsWith("lease-request:")) throw new Error("full");
  });
  sync.on("error", () => undefined);
  const ann = await join_(url);
  const ask = async (n: number): Promise<string> => {
    const request = { id: `lease-request:${String(n)}`, name: "door", ttlMs: 600_000 };
    return ann.sync.create(request).then(
      () => "made",
      (error: unknown) => toSyncError(error).code,
    );
  };
  await ask(1);
  await ask(2);
  expect(await ask(3)).toBe("limit_exceeded"); // for they may still be made
  isFull = false;
  await eventually(async () => (await ask(4)) === "made");
  await eventually(() => ann.sync.get("lease:door"));
}, 60_000);

test("a request that the store takes long to have is granted then, however long that was", async () => {
  const ticks = new Set<() => void>();
  let nowMs = 0;
  const time = {
    now: () => nowMs,
    every: (...[, task]: [number, () => void]) => {
      ticks.add(task);
      return () => ticks.delete(task);
    },
  };
  const store = new KeptStore();
  const { url, sync } = await stage.serve({ store });
  const keeper = new LeaseKeeper(sync.world("default"), time);
  const limits = { world: "default", ttlMaxMs: 600_000, requestsPerClientMax: 1 };
  sync.authorize(new Guard(keeper.requests, limits).authorize);
  sync.check(keeper.check);
  await keeper.begin();
  const ann = await join_(url);
  let go: () => void = () => undefined;
  store.hold = new Promise((resolve) => (go = resolve));
  const made: string[] = [];
  sync.on("create", ({ id }) => made.push(id));
  const before = store.commits;
  const locking = ann.leases.lock("door", { ttlMs: 1_000 });
  await eventually(() => store.commits > before);
  for (let n = 0; n < 100; n++) {
    nowMs += 250;
    for (const tick of ticks) tick();
  }
  expect(ticks.size).toBe(1); // the server's clock goes on for it
  go();
  expect((await locking).fence).toBe(1);
  expect(made.filter((id) => id.startsWith("lease-request:"))).toHaveLength(1);
});

describe("a holder", () => {
  test("that lives is never taken over, be it idle, cut off for a moment, or slow to renew", async () => {
    const { url, sync, port } = await serve();
    const network = await stage.network(port);
    const ann = await join_(network.url, TAPPED);
    const bob = await join_(url);
    const lease = await ann.leases.lock("door", { ttlMs: 1_000 });
    await expect(bob.leases.lock("door", { waitMs: 2_500 })).rejects.toMatchObject({
      code: "locked",
    });
    network.cut();
    await expect(bob.leases.lock("door", { waitMs: 1_500 })).rejects.toMatchObject({
      code: "locked",
    });
    expect(lease.isHeld).toBe(true);
    expect(sync.get("lease:door")?.["fence"]).toBe(lease.fence);
  });

  test("does not lose it because the server stood still", async () => {
    const { url, sync } = await serve();
    const ann = await join_(url);
    const lease = await ann.leases.lock("door", { ttlMs: 1_000 });
    let renewed = 0;
    sync.authorize(() => Boolean(++renewed));
    await eventually(() => renewed > 0); // it was heard of a moment ago
    const until = performance.now() + 2_500;
    while (performance.now() < until); // both: what the client says comes after the server's timers
    const before = renewed;
    await eventually(() => renewed > before + 1);
    expect(sync.get("lease:door")?.["fence"]).toBe(lease.fence);
    expect(lease.isHeld).toBe(true);
  });

  test("that is dead is taken over after its time to live", async () => {
    const { url } = await serve();
    const [ann, bob] = [await join_(url), await join_(url)];
    const anns = await ann.leases.lock("door", { ttlMs: 1_000 });
    const waiting = bob.leases.lock("door");
    await ann.sync.close();
    expect((await waiting).fence).toBeGreaterThan(anns.fence);
    expect(anns.isHeld).toBe(false);
  });

  test("that begins anew, and is the same client by its storage, waits for its former self alone", async () => {
    const { url } = await serve();
    const memory = new SharedMemory();
    const first = await join_(url, { storage: memoryStorage(memory) });
    const former = await first.leases.lock("door", { ttlMs: 1_000 });
    await first.sync.close(); // it releases nothing
    const second = await join_(url, { storage: memoryStorage(memory) });
    const writing = setInterval(() => void second.sync.save({ id: "note" }), 50);
    stage.afterwards(() => clearInterval(writing));
    expect((await second.leases.lock("door")).fence).toBeGreaterThan(former.fence);
  });

  test("whose client is closed, or signs out, hears so, and so does who waits", async () => {
    const { url, sync } = await serve();
    const [ann, bob, cy] = [await join_(url), await join_(url), await join_(url)];
    const anns = await ann.leases.lock("door");
    const waiting = [bob.leases.lock("door"), cy.leases.lock("door")];
    for (const one of waiting) one.catch(() => undefined);
    await queued(sync, 3);
    await cy.sync.signOut();
    await expect(waiting[1]).rejects.toMatchObject({ code: "lease_lost" });
    await Promise.all([ann.sync.close(), bob.sync.close()]);
    await expect(waiting[0]).rejects.toMatchObject({ code: "closed" });
    await expect(anns.lost).resolves.toMatchObject({ code: "closed" });
  });

  test("that has lost it while it waited asks anew", async () => {
    const { url, sync, port } = await serve();
    const network = await stage.network(port);
    const ann = await join_(url);
    const bob = await join_(network.url, TAPPED);
    const anns = await ann.leases.lock("door");
    const waiting = bob.leases.lock("door", { ttlMs: 1_000 });
    await queued(sync, 2);
    network.goDown();
    await queued(sync, 1);
    network.comeUp();
    await queued(sync, 2);
    await anns.release();
    expect((await waiting).isHeld).toBe(true);
  });
});

describe("after a restart of the server", () => {
  let folder: string | undefined;
  afterEach(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true });
    folder = undefined;
  });

  test("a living holder has its lease still, who waits waits, and fences go on growing", async () => {
    folder = mkdtempSync(join(tmpdir(), "object-sync-"));
    const place = join(folder, "worlds.db");
    const first = await serve({ store: new SqliteStore(place) });
    const { port } = first;
    const [ann, bob] = [await join_(urlOf(port)), await join_(urlOf(port))];
    const anns = await ann.leases.lock("door", { ttlMs: 2_000, note: "ann" });
    const waiting = bob.leases.lock("door", { note: "bob" });
    const other = await bob.leases.lock("window");
    await queued(first.sync, 3);
    const before = notes([first.sync.get("lease:door") as object]);
    await first.sync.close();
    await eventually(() => !ann.sync.isConnected());
    const second = await serve({ store: new SqliteStore(place) }, {}, port);
    await Promise.all([ann.sync.whenSynced(), bob.sync.whenSynced()]);
    expect(notes([second.sync.get("lease:door") as object])).toEqual(before);
    await eventually(() => anns.isHeld);
    await anns.transaction((tx) => tx.create({ id: "note" }));
    await anns.release();
    const bobs = await waiting;
    await other.release();
    expect([bobs.fence > anns.fence, other.fence > bobs.fence]).toEqual([true, true]);
    await bobs.release();
    const cy = await (await join_(urlOf(port))).leases.lock("door");
    expect(cy.fence).toBeGreaterThan(other.fence);
  });

  test("a holder that died meanwhile is taken over, a full time to live later", async () => {
    folder = mkdtempSync(join(tmpdir(), "object-sync-"));
    const place = join(folder, "worlds.db");
    const first = await serve({ store: new SqliteStore(place) });
    const ann = await join_(first.url);
    const anns = await ann.leases.lock("door", { ttlMs: 1_000 });
    await ann.sync.close();
    await first.sync.close();
    const second = await serve({ store: new SqliteStore(place) });
    const bob = await join_(second.url);
    await expect(bob.leases.lock("door", { waitMs: 0 })).rejects.toMatchObject({ code: "locked" });
    expect((await bob.leases.lock("door")).fence).toBeGreaterThan(anns.fence);
  });

  test("who has asked, and was not taken note of before it ended, asks anew", async () => {
    folder = mkdtempSync(join(tmpdir(), "object-sync-"));
    const place = join(folder, "worlds.db");
    const first = await stage.serve({ store: new SqliteStore(place) }); // it takes note of nobody
    const { port } = first;
    const ann = await join_(urlOf(port));
    const locking = ann.leases.lock("door");
    await eventually(() => first.sync.allObjects().size === 1);
    await first.sync.close();
    const second = await serve({ store: new SqliteStore(place) }, {}, port);
    const lease = await locking;
    expect(lease.isHeld).toBe(true);
    expect(second.sync.get("lease:door")).toMatchObject({ fence: lease.fence });
    await lease.release();
  });

  test("or beside a server that was deposed, the new one's fences are higher and the former gives none", async () => {
    folder = mkdtempSync(join(tmpdir(), "object-sync-"));
    const place = join(folder, "worlds.db");
    const first = await serve({ store: new SqliteStore(place) });
    first.sync.on("error", () => undefined);
    const network = await stage.network(first.port);
    const [ann, bob] = [await join_(network.url, TAPPED), await join_(first.url)];
    const anns = await ann.leases.lock("door", { ttlMs: 3_000 });
    const second = await serve({ store: new SqliteStore(place) });
    const lateLock = bob.leases.lock("window"); // the former server cannot give it any more
    lateLock.catch(() => undefined);
    network.leadTo(second.port);
    network.cut();
    await eventually(() => ann.sync.isConnected() && anns.isHeld);
    await anns.transaction((tx) => tx.create({ id: "note" }));
    const window = await new Leases(ann.sync).lock("window");
    expect(window.fence).toBeGreaterThan(anns.fence);
    expect(second.sync.get("note")).toBeDefined();
    expect(bob.sync.get("lease:window")).toBeUndefined();
  });
});

describe("a hostile client", () => {
  async function scene() {
    const { url, sync } = await serve();
    const [ann, bob] = [await join_(url), await join_(url)];
    const lease = await ann.leases.lock("door", { note: "ann" });
    await queued(bob.sync, 1);
    const { holder } = (await eventually(() => bob.sync.get("lease:door"))) as unknown as {
      holder: string;
    };
    return { sync, lease, bob: bob.sync, holder, bobs: bob.leases };
  }

  test.each<[what: string, write: (bob: ObjectSync, holder: string) => Promise<unknown>]>([
    ["destroys a lease", (bob) => bob.destroy("lease:door")],
    ["changes a lease", (bob) => bob.update({ id: "lease:door", holder: "me" })],
    ["makes a lease", (bob) => bob.create({ id: "lease:window", holder: "me", fence: 99 })],
    ["moves the counter", (bob) => bob.update({ id: "lease-counter:last", ticket: 0 })],
    ["destroys the counter", (bob) => bob.destroy("lease-counter:last")],
    ["destroys another's request", (bob, holder) => bob.destroy(holder)],
    ["renews another's request", (bob, holder) => bob.update({ id: holder, name: "door" })],
    ["names another's fence", (bob, holder) => bob.update({ id: holder, fence: 1 })],
  ])("that %s is forbidden", async (_what, write) => {
    const { sync, lease, bob, holder } = await scene();
    await expect(write(bob, holder)).rejects.toMatchObject({ code: "forbidden" });
    expect(sync.get("lease:door")).toMatchObject({ holder, fence: lease.fence, note: "ann" });
    expect(lease.isHeld).toBe(true);
  });

  test.each(["fence", "ticket", "owner", "refusedMs", "isExpired", "anything"])(
    "that gives its request a %s is refused",
    async (property) => {
      const { bob, sync } = await scene();
      const forged = bob.create({
        id: "lease-request:forged",
        name: "door",
        ttlMs: 1_000,
        [property]: 1,
      });
      await expect(forged).rejects.toMatchObject({ code: "forbidden_field", property });
      expect(sync.get("lease-request:forged")).toBeUndefined();
    },
  );

  test("that changes its own request is refused", async () => {
    const { bob } = await scene();
    const made = bob.create({ id: "lease-request:own", name: "door", ttlMs: 1_000 });
    const jump = bob.update({ id: "lease-request:own", ticket: 0 });
    const longer = bob.update({ id: "lease-request:own", ttlMs: 500_000 });
    const forged = bob.update({ id: "lease-request:own", fence: 1 });
    await made;
    await expect(jump).rejects.toMatchObject({ code: "forbidden_field" });
    await expect(longer).rejects.toMatchObject({ code: "forbidden_field" });
    await expect(forged).rejects.toMatchObject({ code: "lease_lost" });
  });

  test("that takes the id of another's request is refused, and is not its owner then", async () => {
    const { bob, holder, lease } = await scene();
    const taken = bob.create({ id: holder, name: "door", ttlMs: 1_000 });
    await expect(taken).rejects.toMatchObject({ code: "exists" });
    await expect(bob.destroy(holder)).rejects.toMatchObject({ code: "forbidden" });
    expect(lease.isHeld).toBe(true);
  });

  test("that asks for more than its share is refused", async () => {
    const { url, sync } = await serve({}, { requestsPerClientMax: 3 });
    const ann = await join_(url);
    const made = await Promise.allSettled(
      Array.from({ length: 5 }, (_, i) =>
        ann.sync.create({ id: `lease-request:${String(i)}`, name: "door", ttlMs: 1_000 }),
      ),
    );
    expect(made.map(({ status }) => status)).toEqual([
      ...["fulfilled", "fulfilled", "fulfilled"],
      ...["rejected", "rejected"],
    ]);
    expect(made[4]).toMatchObject({ reason: { code: "limit_exceeded" } });
    await queued(sync, 3);
  });
});

test("an option of the plugin that cannot be used is a bad_option, naming it", () => {
  const wrong = [{ world: 7 }, { ttlMaxMs: 999 }, { requestsPerClientMax: 0 }, { strange: 1 }];
  for (const options of wrong) {
    expect(codeOf(() => leases(options as LeasesOptions))).toBe("bad_option");
  }
});

test("the server and the client of docs/LEASES.md work", async () => {
  const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  stage.afterwards(() => rmSync(folder, { recursive: true }));
  const file = writeExample("docs/LEASES.md", "workshop.mjs", folder);
  const server = await ServerProcess.start(file, /ready on \S+:(\d+)/);
  stage.afterwards(() => server.kill());
  const root = join(import.meta.dirname, "../..");
  const worker = join(root, writeExample("docs/LEASES.md", "worker.mjs", folder));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(root, "test/support/run-from-source.mjs"), worker],
    {
      cwd: root,
      env: {
        ...process.env,
        NODE_OPTIONS: "",
        TS_NODE_PROJECT: join(root, "tsconfig.json"),
        URL: urlOf(server.port),
      },
    },
  );
  expect(stdout).toBe(", and more written under fence 1\n");
}, 60_000);
