import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { SqliteStore } from "../../server/stores/sqlite/index.ts";
import type { SyncError } from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ServerProcess } from "../support/server-process.ts";
import { next, Stage, urlOf, viewOf } from "../support/stage.ts";
import { NO_DISAGREEMENTS, WriteLoad } from "../support/write-load.ts";

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

test("a world goes on where it was when its server starts again", async () => {
  const first = await stage.serve({ store: new SqliteStore(file) });
  const client = await stage.join(first.url);
  const tree = await client.create({
    id: "tree",
    planted: new Date(0),
    rings: Uint8Array.of(1, 2),
  });
  await client.create({ id: "stone" });
  await client.destroy("stone");
  const away = next(client, "disconnect");
  await first.sync.close();
  await away;
  const late = client.update({ id: "tree", height: 3 });

  const again = await stage.serve({ store: new SqliteStore(file) }, first.port);
  await late;
  expect(client.get("tree")).toBe(tree); // resumed, not begun anew
  const expected = {
    tree: { id: "tree", planted: new Date(0), rings: Uint8Array.of(1, 2), height: 3 },
  };
  expect(viewOf(client)).toEqual(expected);
  expect(viewOf(again.sync)).toEqual(expected);
  expect(viewOf(await stage.join(again.url))).toEqual(expected);
});

test("a server whose world another one has opened commits nothing more, and says so", async () => {
  const before = await stage.serve({ store: new SqliteStore(file) });
  const client = await stage.join(before.url);
  await client.create({ id: "tree" });
  const errors: SyncError[] = [];
  before.sync.on("error", (error) => errors.push(error));
  const reasons: string[] = [];
  client.on("disconnect", (reason) => reasons.push(reason?.code ?? ""));

  const after = await stage.serve({ store: new SqliteStore(file) });
  const own = before.sync.create({ id: "never" });
  const written = client.create({ id: "later" });
  await expect(own).rejects.toMatchObject({ code: "deposed" });
  await eventually(() => reasons.length > 0);
  expect([errors.map(({ code }) => code), reasons[0]]).toEqual([["deposed"], "unavailable"]);
  expect(viewOf(before.sync)).toEqual({ tree: { id: "tree" } });

  // Its clients go on with the other one, wherever they find it.
  await before.sync.close();
  const { port } = before;
  await after.sync.close();
  await stage.serve({ store: new SqliteStore(file) }, port);
  await written;
  expect(viewOf(client)).toEqual({ tree: { id: "tree" }, later: { id: "later" } });
});

test("a server that has nothing to write notices all the same that another one has its world", async () => {
  const limits = { storeCheckMs: 20 };
  const before = await stage.serve({ store: new SqliteStore(file), limits });
  const errors: string[] = [];
  before.sync.on("error", ({ code }) => errors.push(code));
  const client = await stage.join(before.url);
  const away = next(client, "disconnect");
  await stage.serve({ store: new SqliteStore(file), limits });
  await away;
  expect(errors).toEqual(["deposed"]);
});

/** `npm run crash -- --rounds N` runs more of them. */
const ROUNDS = Number(process.env["CRASH_ROUNDS"] ?? 6);
const CLIENTS = 4;
const ACKNOWLEDGED_BETWEEN = 60;

const places: Readonly<Record<string, () => Promise<string>>> = {
  sqlite: () => Promise.resolve(file),
  postgres: async () => {
    const postgres = await TestPostgres.start();
    stage.afterwards(() => postgres.stop());
    return postgres.emptyPlace();
  },
};

test.each(Object.entries(places))(
  "%s: what was acknowledged is there after kill -9 at any moment, and everything is there once",
  async (_name, makePlace) => {
    const place = await makePlace();
    const start = (port: number): Promise<ServerProcess> =>
      ServerProcess.start("test/support/plain-server.ts", /port (\d+)/, port, { STORE: place });
    let server = await start(0);
    const { port } = server;
    stage.afterwards(() => server.kill());
    const clients = Array.from({ length: CLIENTS }, () => stage.client(urlOf(port)));
    const load = new WriteLoad(clients);

    for (let round = 0; round < ROUNDS; round++) {
      // Not a round number of each client's writes: in the midst of things.
      const until = load.acknowledged.size + ACKNOWLEDGED_BETWEEN + ((round * 7) % 13);
      await eventually(() => load.acknowledged.size >= until || load.refused.length > 0);
      await server.kill();
      server = await start(port);
    }
    const counts = await load.end();
    await server.kill();

    expect(load.refused).toEqual([]);
    expect(await load.disagreements(place, counts)).toEqual(NO_DISAGREEMENTS);
  },
  60_000 + ROUNDS * 20_000,
);
