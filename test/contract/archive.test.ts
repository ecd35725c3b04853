import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { nanoid } from "nanoid";
import type { Store } from "../../server/index.ts";
import type { Archive, WorldCopy } from "../../server/operations/index.ts";
import { backup, restore } from "../../server/operations/index.ts";
import { PostgresArchive, PostgresStore } from "../../server/stores/postgres/index.ts";
import { SqliteArchive, SqliteStore } from "../../server/stores/sqlite/index.ts";
import { fillArena } from "../support/filled-store.ts";
import { TestPostgres } from "../support/postgres.ts";

let postgres: TestPostgres;
let folder: string;

beforeAll(async () => {
  postgres = await TestPostgres.start();
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
}, 120_000);

afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true });
});

interface Medium {
  store(): Store;
  archive(): Archive;
}

const media: Readonly<Record<string, () => Promise<Medium>>> = {
  sqlite: () => {
    const file = join(folder, `${nanoid()}.db`);
    return Promise.resolve({
      store: () => new SqliteStore(file),
      archive: () => new SqliteArchive(file),
    });
  },
  postgres: async () => {
    const url = await postgres.emptyPlace();
    return { store: () => new PostgresStore(url), archive: () => new PostgresArchive(url) };
  },
};

/** A batch of nothing, by which a server finds out whether it may commit. */
function nothing(term: number, expectedSeq: number) {
  return {
    ...{
      term,
      expectedSeq,
      seq: expectedSeq,
      nextHandle: 4,
      horizon: 0,
      ledgerHorizon: 0,
      schemaVersion: 1,
    },
    ...{ objects: () => [], decided: [], settled: () => [], forgotten: [] },
  };
}

const OTHER: WorldCopy = {
  ...{
    name: "arena",
    epoch: "other",
    seq: 9,
    horizon: 4,
    nextHandle: 7,
    ledgerHorizon: 3,
    schemaVersion: 1,
  },
  objects: [],
  decided: [],
};

describe.each(Object.entries(media))("%s", (_name, makeMedium) => {
  test("a copy is what the next server would open, and opens nothing", async () => {
    const medium = await makeMedium();
    const [store, archive] = [medium.store(), medium.archive()];
    await fillArena(store);
    const copies = await archive.copy();
    await store.commit("arena", nothing(1, 3)); // it still may
    const { term, ...world } = await store.load("arena", "none");
    expect([term, copies]).toEqual([2, [{ name: "arena", ...world }]]);
    expect(await archive.copy(["arena", "elsewhere"])).toEqual(copies);
    expect(await archive.copy(["elsewhere"])).toEqual([]);
    await store.close();
    await archive.close();
  });

  test("what is put in the place of a world is all that there is of it, and deposes its server", async () => {
    const medium = await makeMedium();
    const [store, archive] = [medium.store(), medium.archive()];
    await fillArena(store);
    await archive.put([OTHER], true);
    await expect(store.commit("arena", nothing(1, 3))).rejects.toMatchObject({ code: "deposed" });
    await expect(store.commit("arena", nothing(1, 9))).rejects.toMatchObject({ code: "deposed" });
    expect(await archive.copy()).toEqual([OTHER]);
    await store.close();
    await archive.close();
  });

  test("a world that has had a commit is not replaced unasked, and then neither is another", async () => {
    const medium = await makeMedium();
    const [store, archive] = [medium.store(), medium.archive()];
    await store.load("empty", "old");
    await fillArena(store);
    const before = await archive.copy();
    const worlds = [{ ...OTHER, name: "empty" }, OTHER];
    await expect((async () => archive.put(worlds, false))()).rejects.toMatchObject({
      code: "exists",
      message: expect.stringContaining('"arena"'),
    });
    expect(await archive.copy()).toEqual(before);
    await archive.put(worlds.slice(0, 1), false);
    expect((await archive.copy(["empty"]))[0]?.epoch).toBe("other");
    await store.close();
    await archive.close();
  });

  test("a new epoch deposes the world's server, and leaves everything else", async () => {
    const medium = await makeMedium();
    const [store, archive] = [medium.store(), medium.archive()];
    await fillArena(store);
    const [before] = await archive.copy();
    const epochs = new Map([
      ["arena", "ledger.2"],
      ["elsewhere", "x"],
    ]);
    await expect((async () => archive.setEpochs(epochs))()).rejects.toMatchObject({
      code: "not_found",
    });
    expect(await archive.copy()).toEqual([before]);
    epochs.delete("elsewhere");
    await archive.setEpochs(epochs);
    expect(await archive.copy()).toEqual([{ ...before, epoch: "ledger.2" }]);
    await expect(store.commit("arena", nothing(1, 3))).rejects.toMatchObject({ code: "deposed" });
    await store.close();
    await archive.close();
  });

  test("a backup has every world with its ledger, and goes into any store", async () => {
    const medium = await makeMedium();
    const [store, from] = [medium.store(), medium.archive()];
    await fillArena(store);
    await store.load("second", "second");
    const file = new SqliteArchive(join(folder, `${nanoid()}.db`));
    await backup(from, file);
    expect(file.copy()).toEqual(await from.copy());

    for (const make of Object.values(media)) {
      const to = (await make()).archive();
      await to.put([{ ...OTHER, name: "later" }], false);
      await expect(restore(file, to)).rejects.toMatchObject({ code: "exists" });
      await restore(file, to, { replace: true });
      const restored = await to.copy();
      const [arena, later, second] = restored;
      expect(restored.map(({ name }) => name)).toEqual(["arena", "later", "second"]);
      const [kept] = await from.copy(["arena"]);
      expect(arena).toEqual({ ...kept, epoch: expect.stringMatching(/^ledger\.[\w-]{21}$/) });
      expect(second?.epoch).toMatch(/^second\.[\w-]{21}$/);
      expect(later).toMatchObject({ seq: 0, nextHandle: 1, objects: [], decided: [] });
      expect(later?.epoch).not.toContain("other");
      await to.close();
    }
    await store.close();
    await from.close();
    file.close();
  });
});
