import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { ObjectSync, ObjectSyncOptions } from "../../client/index.ts";
import { explicit } from "../../client/explicit/index.ts";
import { persist } from "../../client/keeping/persist.ts";
import { fileStorage } from "../../client/offline/file.ts";
import { memoryStorage, SharedMemory } from "../../client/offline/memory.ts";
import { SyncError, type Credentials, type ServerOptions } from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import { HeldStorage } from "../support/held-storage.ts";
import { recordEvents, Stage, viewOf } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

/** Names are credentials here; "anyone" has no identity. */
function authenticate({ auth }: Credentials): unknown {
  if (typeof auth !== "string") throw new SyncError("unauthenticated", "who?");
  return auth === "anyone" ? undefined : { id: auth };
}

const serve = (options: ServerOptions = {}) => stage.serve({ authenticate, ...options });

type Storage = NonNullable<ObjectSyncOptions["storage"]>;

/** A place that outlives its clients, as the storage of a new one, and all that is in it. */
interface Place {
  readonly storage: () => Storage;
  readonly text: () => string;
}

function memoryPlace(): Place {
  const memory = new SharedMemory();
  return {
    storage: () => memoryStorage(memory),
    text: () => JSON.stringify([...memory.entries]),
  };
}

function filePlace(): Place {
  const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  stage.afterwards(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "kept");
  return {
    storage: () => fileStorage(path),
    text: () =>
      readdirSync(folder)
        .map((name) => readFileSync(join(folder, name), "latin1"))
        .join(""),
  };
}

const PLACES: [string, () => Place][] = [
  ["a memory", memoryPlace],
  ["a file", filePlace],
];

/** All that a client has ever shown, as text. */
function everShown(sync: ObjectSync): () => string {
  const shown: unknown[] = [];
  sync.on("add", (object) => shown.push({ ...object }));
  return () => JSON.stringify(shown);
}

describe("signOut", () => {
  test("drops the view, the credentials and what is undecided, and the next user begins anew", async () => {
    const { sync, url } = await serve();
    await sync.create({ id: "tree" });
    const client = await stage.join(url, { auth: "ann" });
    const events = recordEvents(client);
    client.disconnect();
    const write = client.update({ id: "tree", height: 2 });
    const fetched = client.fetch("tree");
    await client.signOut();
    expect(events).toEqual(["update tree height", "remove tree"]);
    await expect(write).rejects.toMatchObject({ code: "signed_out", retryable: false });
    await expect(fetched).rejects.toMatchObject({ code: "signed_out" });
    expect([client.status, client.pending, viewOf(client)]).toEqual(["offline", 0, {}]);

    client.setAuth("bob");
    expect(client.status).toBe("offline");
    client.connect();
    await client.whenSynced();
    expect(viewOf(client)).toEqual({ tree: { id: "tree" } });
    await client.update({ id: "tree", owner: "bob" });
    expect(sync.get("tree")).toEqual({ id: "tree", owner: "bob" });
  });

  test("leaves nothing to connect with", async () => {
    const { url } = await serve();
    const client = await stage.join(url, { auth: () => "ann" });
    await client.signOut();
    client.connect();
    await expect(client.whenSynced()).rejects.toMatchObject({ code: "unauthenticated" });
  });

  test("lets a client go on as nobody, where the server allows it", async () => {
    const { url } = await stage.serve();
    const client = await stage.join(url, { auth: "ann" });
    await client.signOut();
    client.connect();
    await client.create({ id: "tree" });
    expect(client.status).toBe("synced");
  });

  test.each(PLACES)("leaves nothing of the user in %s", async (_name, open) => {
    const place = open();
    const { sync, url } = await serve();
    await sync.create({ id: "diary", text: "the secret of ann" });
    const client = await stage.join(url, { auth: "ann", storage: place.storage() });
    await client.create({ id: "tree" }).reached("stored");
    client.disconnect();
    const write = client.update({ id: "diary", text: "another secret" });
    await write.reached("stored");
    expect(place.text().includes("another secret")).toBe(true);

    await client.signOut();
    await expect(write).rejects.toMatchObject({ code: "signed_out" });
    await client.close();
    const next = stage.client(url, { storage: place.storage(), autoConnect: false });
    await new Promise<void>((resolve) => next.once("restored", resolve));
    expect([viewOf(next), next.pending]).toEqual([{}, 0]);
    await next.close();
    expect(place.text().includes("secret")).toBe(false);
  });

  test.each(PLACES)("the next user's writes are kept in %s as before", async (_name, open) => {
    const place = open();
    const { sync, url } = await serve();
    const client = await stage.join(url, { auth: "ann", storage: place.storage() });
    await client.create({ id: "tree" });
    await client.signOut();
    client.setAuth("bob");
    await client.create({ id: "house" }).reached("stored");
    await client.close();
    const next = stage.client(url, { auth: "bob", storage: place.storage() });
    await eventually(() => sync.get("house"));
    await next.whenSynced();
    expect(viewOf(next)).toEqual({ tree: { id: "tree" }, house: { id: "house" } });
  });

  test("also drops what other clients of the user have left behind", async () => {
    const place = memoryPlace();
    const { sync, url } = await serve();
    const first = stage.client(url, { storage: place.storage(), autoConnect: false });
    const second = stage.client(url, { storage: place.storage(), autoConnect: false });
    await first.create({ id: "a", text: "secret" }).reached("stored");
    await second.create({ id: "b", text: "secret" }).reached("stored");
    await Promise.all([first.close(), second.close()]);
    const third = stage.client(url, { storage: place.storage(), autoConnect: false });
    const rejected: string[] = [];
    third.on("reject", (error) => rejected.push(error.code));
    await third.signOut();
    expect(rejected.length).toBeGreaterThan(0);
    expect(new Set(rejected)).toEqual(new Set(["signed_out"]));
    expect(place.text()).not.toContain("secret");
    third.setAuth("bob");
    third.connect();
    await third.whenSynced();
    expect(viewOf(sync)).toEqual({});
  });

  test.each(["signOut", "reset"] as const)(
    "%s tells of a write that it came to nothing when the storage has it no more",
    async (end) => {
      const memory = new SharedMemory();
      const held = new HeldStorage(memory);
      const storage = persist(() => held);
      const client = stage.client("http://localhost:9", { storage, live: explicit });
      stage.afterwards(() => held.release());
      const isKept = (): boolean => JSON.stringify([...memory.entries]).includes("secret");
      const told: unknown[] = [];
      const write = client.create({ id: "a", text: "secret" }, (error) => {
        told.push(error?.code, isKept());
      });
      await write.reached("stored");
      write.catch(() => undefined);
      held.hold();
      const ending = client[end]();
      const go = await held.next(); // a crash here would leave it to the next client
      const before = [isKept(), client.pending, told.length];
      go();
      held.release();
      await ending;
      expect(before).toEqual([true, 0, 0]);
      expect(told).toEqual([end === "reset" ? "discarded" : "signed_out", false]);
      await expect(write).rejects.toBeInstanceOf(SyncError);
    },
  );

  test("a storage that cannot remove what it has says so", async () => {
    const storage: Storage = { open: () => Promise.reject(new Error("blocked")) };
    const client = stage.client("http://localhost:9", { storage, autoConnect: false });
    await expect(client.signOut()).rejects.toMatchObject({ code: "storage_failed" });
  });

  test("of a client that is closed does nothing", async () => {
    const client = stage.client("http://localhost:9", { autoConnect: false });
    await client.close();
    await client.signOut();
    expect(client.status).toBe("closed");
  });
});

describe("another user on the same device, without a sign-out before", () => {
  test.each(PLACES)(
    "sees and sends nothing of the former one, after a reload from %s",
    async (_name, open) => {
      const place = open();
      const { sync, url } = await serve();
      await sync.create({ id: "diary" });
      const ann = await stage.join(url, { auth: "ann", storage: place.storage() });
      ann.disconnect(); // nothing was ever decided for this client: no server knows whose it is
      await ann.create({ id: "note", text: "ann's" }).reached("stored");
      await ann.close();
      await sync.destroy("diary");

      const bob = stage.client(url, { auth: "bob", storage: place.storage() });
      const rejected: string[] = [];
      bob.on("reject", (error) => rejected.push(error.code));
      await bob.whenSynced();
      expect(viewOf(bob)).toEqual({});
      expect([rejected, bob.pending]).toEqual([["signed_out"], 0]);
      expect(viewOf(sync)).toEqual({});
      await bob.create({ id: "tree" });
      await bob.close();

      const again = stage.client(url, {
        auth: "bob",
        storage: place.storage(),
        autoConnect: false,
      });
      const shown = everShown(again);
      await eventually(() => again.get("tree"));
      expect(shown()).not.toContain("ann");
    },
  );

  test("has nothing left of what the former one kept to themselves, in whatever tab", async () => {
    const { url } = await serve();
    const memory = new SharedMemory();
    const options = {
      storage: memoryStorage(memory),
      namespaces: { draft: { sync: false } },
    } as const;
    const tabs = [1, 2, 3].map(() => stage.client(url, { ...options, auth: "ann" }));
    for (const [i, tab] of tabs.entries()) {
      await tab.whenSynced();
      await tab.create({ id: "draft:1", text: "of ann" });
      await tab.create({ id: `draft:tab ${String(i)}`, text: "of ann" });
    }
    await Promise.all(tabs.map((tab) => tab.close()));
    const bob = await stage.join(url, { ...options, auth: "bob" });
    await eventually(() => ![...memory.entries.values()].join().includes("of ann"));
    expect(viewOf(bob)).toEqual({});
  });

  test("has nothing left of that also if their client goes to the server only when it is told to", async () => {
    const { url } = await serve();
    const memory = new SharedMemory();
    const options = {
      live: explicit,
      storage: memoryStorage(memory),
      namespaces: { draft: { sync: false } },
    } as const;
    const tabs = [1, 2, 3].map(() => stage.client(url, { ...options, auth: "ann" }));
    for (const tab of tabs) {
      await tab.sync();
      await tab.create({ id: "draft:1", text: "of ann" });
    }
    await Promise.all(tabs.map((tab) => tab.close()));
    const bob = stage.client(url, { ...options, auth: "bob" });
    await expect(bob.sync()).rejects.toMatchObject({ code: "unavailable" }); // it is another client from now on
    await bob.sync();
    await eventually(() => ![...memory.entries.values()].join().includes("of ann"));
    expect(viewOf(bob)).toEqual({});
  });

  test("nor where the server knows whose writes they are", async () => {
    const { sync, url } = await serve();
    const client = await stage.join(url, { auth: "ann" });
    await client.create({ id: "tree" });
    client.disconnect();
    const write = client.update({ id: "tree", of: "ann" });
    client.setAuth("bob");
    client.connect();
    await expect(write).rejects.toMatchObject({ code: "signed_out" });
    await client.update({ id: "tree", of: "bob" });
    expect(sync.get("tree")).toEqual({ id: "tree", of: "bob" });
  });

  test("nor a client that comes back as nobody", async () => {
    const { sync, url } = await serve();
    const client = await stage.join(url, { auth: "ann" });
    client.disconnect();
    const write = client.create({ id: "tree" });
    client.setAuth("anyone");
    client.connect();
    await expect(write).rejects.toMatchObject({ code: "signed_out" });
    await client.whenSynced();
    expect(viewOf(sync)).toEqual({});
  });

  test("who was nobody and signs in goes on with what it has", async () => {
    const { sync, url } = await serve();
    const client = await stage.join(url, { auth: "anyone" });
    await client.create({ id: "tree" });
    client.disconnect();
    const write = client.create({ id: "house" });
    client.setAuth("ann");
    client.connect();
    await write;
    expect([...sync.allObjects().keys()]).toEqual(["tree", "house"]);
  });
});

describe("sync.endSessions", () => {
  test("sends every client of an identity away, in all worlds, and nobody else", async () => {
    const { sync, url } = await serve({ worlds: ["forest"] });
    const ann = await stage.join(url, { auth: "ann" });
    const there = await stage.join(url, { auth: "ann", world: "forest" });
    const bob = await stage.join(url, { auth: "bob" });
    expect(sync.endSessions("ann")).toBe(2);
    await eventually(() => [ann, there].every(({ status }) => status === "offline"));
    await expect(ann.whenSynced()).rejects.toMatchObject({ code: "unauthenticated" });
    expect(bob.status).toBe("synced");
    expect(sync.endSessions("ann")).toBe(0);
    ann.connect(); // whether its credentials are still good is for `authenticate` to say
    await ann.whenSynced();
  });

  test("what waits until handlers hear of it is not written any more, and is the client's again", async () => {
    let release = (): void => undefined;
    const asked: unknown[] = [];
    const held = new Promise<void>((resolve) => (release = resolve));
    const { sync, url } = await serve({
      handlers: {
        create: async ({ id }) => {
          asked.push(id);
          if (id === "first") await held;
        },
      },
    });
    const [ann, bob] = [
      await stage.join(url, { auth: "ann" }),
      await stage.join(url, { auth: "bob" }),
    ];
    const first = ann.create({ id: "first" });
    const second = ann.create({ id: "second" });
    await eventually(() => asked.includes("first"));
    sync.endSessions("ann");
    release();
    await eventually(() => sync.get("first")); // the application's database has it
    await bob.create({ id: "third" });
    expect([asked, ann.pending]).toEqual([["first", "third"], 2]);
    expect(sync.get("second")).toBeUndefined();
    ann.connect();
    await Promise.all([first, second]);
    expect(asked).toEqual(["first", "third", "second"]);
  });

  test("nor what a fetch handler is still asked about", async () => {
    let release = (): void => undefined;
    let isAsked = false;
    const updated: string[] = [];
    const held = new Promise<void>((resolve) => (release = resolve));
    const { sync, url } = await serve({
      rules: { "*": { read: true, update: () => true } },
      handlers: {
        fetch: async (ids) => {
          isAsked = true;
          await held;
          return ids.map((id) => ({ id }));
        },
        update: ({ id }) => void updated.push(id),
      },
    });
    const ann = await stage.join(url, { auth: "ann" });
    const write = ann.update({ id: "tree", height: 1 });
    await eventually(() => isAsked);
    sync.endSessions("ann");
    release();
    await eventually(() => sync.get("tree"));
    await sync.update({ id: "tree", kind: "oak" }); // after all that has come before, of the same
    expect(updated).toEqual(["tree"]);
    expect(sync.get("tree")).toEqual({ id: "tree", kind: "oak" });
    ann.connect();
    await write;
    expect(sync.get("tree")).toEqual({ id: "tree", kind: "oak", height: 1 });
  });
});

describe("sessionsPerIdentityMax", () => {
  test("an identity has so many sessions, and others theirs", async () => {
    const { url } = await serve({ limits: { sessionsPerIdentityMax: 2 } });
    const first = await stage.join(url, { auth: "ann" });
    await stage.join(url, { auth: "ann" });
    const third = stage.client(url, { auth: "ann" });
    const reason = await new Promise((resolve) => {
      third.on("status", (_status, why) => why !== undefined && resolve(why));
    });
    expect(reason).toMatchObject({ code: "unavailable", retryAfterMs: 5_000 });
    await stage.join(url, { auth: "bob" });
    await Promise.all([1, 2, 3].map(() => stage.join(url, { auth: "anyone" })));
    first.setAuth("ann"); // its own place
    await first.whenSynced();
    await first.close();
    third.connect();
    await eventually(() => {
      if (third.status === "connecting") third.connect();
      return third.status === "synced";
    });
  });
});
