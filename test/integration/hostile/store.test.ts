import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { persist } from "../../../client/offline/own.ts";
import { memoryStorage } from "../../../client/storage/memory.ts";
import type { ClientStorage } from "../../../client/storage/storage.ts";
import { ledgerOnly, MemoryStore, ObjectSyncServer, type Store } from "../../../server/index.ts";
import { openDatabase } from "../../../server/stores/sqlite/database.ts";
import { SqliteStore } from "../../../server/stores/sqlite/index.ts";
import { mapMedium } from "../../../server/testing/index.ts";
import { Stage, viewOf } from "../../support/stage.ts";

/*
 * What a store may have or be, and the error code that it gets. Each test is named after its row. Each kind of
 * damage is tried in `corrupt-store` and, in PostgreSQL, in `postgres-store`, as are later versions of the
 * tables; SQL in values and names is one of the checks that every store must pass.
 */

const stage = new Stage();
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  file = join(folder, "worlds.db");
});

afterEach(async () => {
  await stage.clear();
  rmSync(folder, { recursive: true });
});

function change(sql: string): void {
  const database = openDatabase(file);
  database.exec(sql);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)"); // another connection may linger
  database.close();
}

/** A server that is closed before the file is looked at. */
async function withServer(use: (sync: ObjectSyncServer) => Promise<void>): Promise<void> {
  const worlds = ["forest"];
  const sync = new ObjectSyncServer({ store: new SqliteStore(file), worlds });
  await use(sync);
  await sync.close();
}

describe("corrupt record or gap in seq `store_corrupt`", () => {
  test.each<[what: string, damage: string, repair: string]>([
    [
      "a record",
      `UPDATE objects SET properties = '{' || properties WHERE id = 'oak'`,
      `UPDATE objects SET properties = substr(properties, 2) WHERE id = 'oak'`,
    ],
    [
      "a gap: an object is ahead of its world",
      `UPDATE worlds SET seq = seq - 1 WHERE name = 'forest'`,
      `UPDATE worlds SET seq = seq + 1 WHERE name = 'forest'`,
    ],
  ])(
    "%s; nothing is changed, other worlds go on, and once it is mended all is there",
    async (_what, damage, repair) => {
      await withServer(async (sync) => {
        await sync.create({ id: "tree" });
        await sync.world("forest").create({ id: "oak", height: 3 });
        await sync.world("forest").create({ id: "elm" });
      });
      change(damage);
      const store = new SqliteStore(file);
      const open = (): unknown => new ObjectSyncServer({ store, worlds: ["forest"] });
      expect(open).toThrow(expect.objectContaining({ code: "store_corrupt" }));
      store.close();
      // The other world was opened before; what is in it is what was.
      const others = await stage.serve({ store: new SqliteStore(file) });
      const client = await stage.join(others.url);
      expect(viewOf(client)).toEqual({ tree: { id: "tree" } });
      const refused = stage.client(others.url, { world: "forest" });
      await expect(refused.whenSynced()).rejects.toMatchObject({ code: "unknown_world" });
      await others.sync.close();

      change(repair);
      await withServer(async (sync) => {
        const forest = sync.world("forest");
        expect(viewOf(forest)).toEqual({ oak: { id: "oak", height: 3 }, elm: { id: "elm" } });
        await forest.create({ id: "ash" });
      });
    },
  );
});

test("newer schema: refused, left as it is, and all is there for who knows it", async () => {
  await withServer(async (sync) => {
    await sync.create({ id: "tree" });
  });
  const database = openDatabase(file);
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as {
    user_version: number;
  };
  database.close();
  change("PRAGMA user_version = 99");
  const before = readFileSync(file);
  expect(() => new SqliteStore(file)).toThrow(
    expect.objectContaining({
      code: "bad_option",
      message: expect.stringMatching(/later version/),
    }),
  );
  expect(readFileSync(file).equals(before)).toBe(true);
  change(`PRAGMA user_version = ${version}`);
  await withServer(async (sync) => {
    expect(viewOf(sync)).toEqual({ tree: { id: "tree" } });
    await sync.create({ id: "stone" });
  });
});

const EMPTY = {
  ...{ epoch: "e", term: 1, seq: 0, horizon: 0, nextHandle: 1, ledgerHorizon: 0, schemaVersion: 1 },
  objects: [],
  decided: [],
};

/** A store with something else in place of some of its parts. */
function storeWith(parts: object): Store {
  const store = new MemoryStore();
  return {
    capabilities: store.capabilities,
    load: (world: string, epoch: string) => store.load(world, epoch),
    commit: store.commit.bind(store),
    close: () => store.close(),
    ...parts,
  };
}

describe("wrong adapter `store_contract`", () => {
  const PARTS: readonly (readonly [what: string, parts: object, property: string])[] = [
    ["without load", { load: undefined }, "load"],
    ["whose commit is no function", { commit: true }, "commit"],
    ["without close", { close: null }, "close"],
    ["without capabilities", { capabilities: undefined }, "capabilities"],
    ["whose capabilities say nothing", { capabilities: {} }, "capabilities"],
  ];
  const WORLDS: readonly (readonly [what: string, world: unknown])[] = [
    ["nothing", undefined],
    ["null", null],
    ["a list", []],
    ["an object of nothing", {}],
    ["no epoch", { ...EMPTY, epoch: undefined }],
    ["a seq that is a text", { ...EMPTY, seq: "7" }],
    ["a term that is none", { ...EMPTY, term: NaN }],
    ["no version of the schema", { ...EMPTY, schemaVersion: undefined }],
    ["objects that are no list", { ...EMPTY, objects: {} }],
    ["objects as the rows of a table", { ...EMPTY, objects: [{ id: "a", data: "{}" }] }],
    ["an object of nothing at all", { ...EMPTY, objects: [null] }],
    ["no decisions", { ...EMPTY, decided: undefined }],
    ["decisions of another form", { ...EMPTY, decided: [{ client: "ann", n: 1 }] }],
  ];

  test.each(PARTS)("a store %s, at start, naming it", (_what, parts, property) => {
    const contract = expect.objectContaining({ code: "store_contract", property });
    const store = storeWith(parts);
    expect(() => new ObjectSyncServer({ store })).toThrow(contract);
    expect(() => ledgerOnly(store)).toThrow(contract);
  });

  test.each(WORLDS)("a store whose load gives %s, at start, naming load", async (_what, world) => {
    const contract = { code: "store_contract", property: "load" };
    const atOnce = storeWith({ load: () => world });
    expect(() => new ObjectSyncServer({ store: atOnce })).toThrow(
      expect.objectContaining(contract),
    );
    const later = storeWith({ load: () => Promise.resolve(world) });
    const sync = new ObjectSyncServer({ store: later });
    stage.afterwards(() => sync.close());
    await expect(sync.listen(0)).rejects.toMatchObject(contract);
  });

  test("a store within a ledgerOnly, naming load", async () => {
    const inner = storeWith({ load: () => ({ ...EMPTY, decided: [{ n: 1 }] }) });
    const sync = new ObjectSyncServer({ store: ledgerOnly(inner) });
    stage.afterwards(() => sync.close());
    const contract = { code: "store_contract", property: "load" };
    await expect(sync.listen(0)).rejects.toMatchObject(contract);
  });

  test("clients hear `unavailable` of it, and the application what it is", async () => {
    const { http, url } = await stage.http();
    const store = storeWith({ load: () => Promise.resolve({}) });
    const sync = new ObjectSyncServer({ store });
    stage.afterwards(() => sync.close());
    const errors: unknown[] = [];
    sync.on("error", (error) => errors.push(error));
    sync.attach(http);
    const client = stage.client(url);
    const reason = await new Promise((resolve) => {
      client.on("status", (_status, why) => why !== undefined && resolve(why));
    });
    expect(reason).toMatchObject({ code: "unavailable", message: "the world is not open" });
    expect(errors).toMatchObject([{ code: "store_contract", property: "load" }]);
  });

  test("a store that keeps its contract is none: as simple as can be, with lists that are read once", async () => {
    const inner = await mapMedium().open();
    const store: Store = {
      capabilities: inner.capabilities,
      load: async (world, epoch) => {
        const stored = await inner.load(world, epoch);
        return { ...stored, objects: readOnce(stored.objects), decided: readOnce(stored.decided) };
      },
      commit: (world, batch) => inner.commit(world, batch),
      close: () => undefined,
    };
    for (const ids of [["a"], ["a", "b"]]) {
      const { sync } = await stage.serve({ store });
      await sync.create({ id: ids.at(-1) ?? "" });
      expect([...sync.allObjects().keys()]).toEqual(ids);
      await sync.close();
    }
  });

  test.each<[what: string, storage: unknown, property: string]>([
    ["that is nothing", undefined, "read"],
    ["that is the browser's own", { getItem: () => null, setItem: () => undefined }, "read"],
    ["without write", { ...memoryLike(), write: undefined }, "write"],
    ["without lock", { ...memoryLike(), lock: undefined }, "lock"],
    ["without close", { ...memoryLike(), close: undefined }, "close"],
    ["that reads a map", { ...memoryLike(), read: () => Promise.resolve(new Map()) }, "read"],
    ["that reads nothing", { ...memoryLike(), read: () => Promise.resolve(null) }, "read"],
    ["that reads keys only", { ...memoryLike(), read: () => Promise.resolve(["a"]) }, "read"],
    ["that locks with true", { ...memoryLike(), lock: () => Promise.resolve(true) }, "lock"],
  ])(
    "a client's storage %s, at start, naming it; the client goes on without",
    async (_what, storage, property) => {
      const { sync, url } = await stage.serve();
      const client = stage.client(url, { storage: persist(() => storage as ClientStorage) });
      const errors: unknown[] = [];
      client.on("error", (error) => errors.push(error));
      await client.whenSynced();
      await client.create({ id: "tree" });
      expect(errors).toMatchObject([{ code: "store_contract", property }]);
      expect(viewOf(sync)).toEqual({ tree: { id: "tree" } });
    },
  );
});

function* readOnce<Item>(list: Iterable<Item>): Iterable<Item> {
  yield* list;
}

function memoryLike(): ClientStorage {
  const storage = memoryStorage();
  return {
    read: (prefix) => storage.read(prefix),
    write: (changes) => storage.write(changes),
    lock: (name) => storage.lock(name),
    close: () => storage.close(),
  };
}

test("SQL metacharacters: data, as the name of a world, an id, a property's name and its value", async () => {
  const evil = [
    `'); DROP TABLE objects; --`,
    `" OR 1=1 --`,
    "a%_b",
    "\\'; VACUUM; '",
    "?1 $1 :a @b",
    "`x`",
    "/* */ ; COMMIT; BEGIN",
  ];
  const expected = Object.fromEntries(
    evil.map((text) => [text, { id: text, [text]: text, list: [text, { [text]: text }] }]),
  );
  for (const life of [1, 2]) {
    const { sync, url } = await stage.serve({ store: new SqliteStore(file), worlds: evil });
    for (const world of evil) {
      const client = await stage.join(url, { world });
      if (life === 1) for (const object of Object.values(expected)) await client.create(object);
      expect(viewOf(client)).toEqual(expected);
      await client.close();
    }
    expect(sync.allObjects().size).toBe(0);
    await sync.close();
  }
});
