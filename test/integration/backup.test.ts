import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { nanoid } from "nanoid";
import type { ObjectSync } from "../../client/index.ts";
import { backup, restore } from "../../server/operations/index.ts";
import { SqliteArchive, SqliteStore } from "../../server/stores/sqlite/index.ts";
import { buildCommand, objectSync, removeCommand } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, urlOf, viewOf } from "../support/stage.ts";
import { storeAt } from "../support/store-at.ts";

/** Backups of real stores that real servers have open, and what clients make of it when one is put back. */

const stage = new Stage();
let postgres: TestPostgres;
let folder: string;

beforeAll(async () => {
  buildCommand();
  postgres = await TestPostgres.start();
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
}, 120_000);

afterAll(async () => {
  removeCommand();
  await postgres.stop();
  rmSync(folder, { recursive: true });
});

afterEach(() => stage.clear());

const places = {
  sqlite: () => Promise.resolve(join(folder, `${nanoid()}.db`)),
  postgres: () => postgres.emptyPlace(),
};

const CLIENTS = 3;
const ACKNOWLEDGED_BETWEEN = 40;

async function start(place: string, port = 0): Promise<ServerProcess> {
  const env = { STORE: place };
  const server = await ServerProcess.start("test/support/plain-server.ts", /port (\d+)/, port, env);
  stage.afterwards(() => server.kill());
  return server;
}

/** Clients that create one object after another, and note which of them they were told to be there. */
class Creators {
  readonly acknowledged = new Set<string>();
  readonly written = new Set<string>();
  readonly refused: string[] = [];
  readonly #working: Promise<unknown>;
  #isOver = false;

  constructor(clients: readonly ObjectSync[]) {
    this.#working = Promise.all(clients.map((client, index) => this.#work(client, index)));
  }

  async more(count: number): Promise<void> {
    const until = this.acknowledged.size + count;
    await eventually(() => this.acknowledged.size >= until || this.refused.length > 0);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#working;
  }

  async #work(client: ObjectSync, index: number): Promise<void> {
    client.on("reject", ({ code }) => this.refused.push(code));
    for (let count = 1; !this.#isOver; count++) {
      const id = `object:${index}:${count}`;
      this.written.add(id);
      await client.create({ id, count });
      this.acknowledged.add(id);
    }
  }
}

async function idsAt(place: string): Promise<Set<string>> {
  const store = storeAt(place);
  const { objects } = await store.load("default", "");
  await store.close();
  return new Set(Array.from(objects, ({ id }) => id));
}

test.each(["sqlite", "postgres"] as const)(
  "%s: a backup that is made while clients write is put back, and they send what it lacks, once",
  async (name) => {
    const place = await places[name]();
    const file = join(folder, `${nanoid()}.db`);
    let server = await start(place);
    const { port } = server;
    const clients = Array.from({ length: CLIENTS }, () => stage.client(urlOf(port)));
    const load = new Creators(clients);
    const network = await stage.network(port);
    const [early, late] = [await stage.join(network.url), await stage.join(network.url)];
    const away = await stage.join(urlOf(port));
    network.stopDelivering();
    // The server decides these, and its answers do not arrive.
    const known = early.create({ id: "early" });
    await eventually(() => clients[0]?.get("early"));
    await load.more(ACKNOWLEDGED_BETWEEN);

    const before = new Set(load.acknowledged);
    const made = await objectSync(["backup", place, file]);
    expect([made.code, made.stderr]).toEqual([0, ""]);
    const lacking = late.create({ id: "late" });
    await eventually(() => clients[0]?.get("late"));
    away.disconnect();
    const offline = away.create({ id: "offline" });
    await load.more(ACKNOWLEDGED_BETWEEN);

    await server.kill();
    const after = new Set(load.acknowledged);
    const restored = await objectSync(["restore", file, place, "--replace"]);
    expect([restored.code, restored.stderr]).toEqual([0, ""]);
    expect(await idsAt(place)).not.toContain("late");
    server = await start(place, port);
    network.cut();
    network.deliverAgain();
    await Promise.all([known, lacking]); // neither is refused as `exists`
    // Only when the world is as far again as this one has seen it: by `seq` alone it could go on.
    await eventually(() => (clients[0]?.allObjects().size ?? 0) > away.allObjects().size);
    away.connect();
    await offline;
    await load.more(ACKNOWLEDGED_BETWEEN);
    await load.end();

    for (const client of [...clients, early, late, away]) {
      await eventually(() => client.allObjects().size === away.allObjects().size);
      expect(viewOf(client)).toEqual(viewOf(away));
    }
    await server.kill();
    const kept = await idsAt(place);
    expect(load.refused).toEqual([]);
    expect([...kept].sort()).toEqual(Object.keys(viewOf(away)).sort());
    const others = ["early", "late", "offline"];
    expect([...kept].filter((id) => !load.written.has(id) && !others.includes(id))).toEqual([]);
    // What can be lost is what clients were told of between the backup and the end, and no more.
    const missing = [...load.acknowledged, ...others].filter((id) => !kept.has(id));
    expect(missing.filter((id) => before.has(id) || !after.has(id))).toEqual([]);
    expect(missing).not.toEqual([]);
  },
  120_000,
);

test("sqlite: who puts back a copied file begins a new epoch, and clients send what it lacks", async () => {
  const place = await places.sqlite();
  const copy = `${place}.copy`;
  const first = await start(place);
  const { port } = first;
  const client = await stage.join(urlOf(port));
  await client.create({ id: "before" });
  expect(await first.stop()).toBe(0);
  copyFileSync(place, copy);
  const second = await start(place, port);
  await client.create({ id: "lost" });
  await second.kill();
  const undecided = client.create({ id: "undecided" });

  for (const end of ["", "-wal", "-shm"]) rmSync(place + end, { force: true });
  copyFileSync(copy, place);
  const renewed = await objectSync(["new-epoch", place]);
  expect(renewed).toMatchObject({ code: 0, stderr: "" });
  expect(renewed.stdout).toMatch(
    /^a new epoch of the world "default": 1 object at seq 1, epoch \S+\.\S+\n$/,
  );
  const third = await start(place, port);
  await undecided;
  expect(Object.keys(viewOf(client))).toEqual(["before", "undecided"]);
  await third.kill();
  expect([...(await idsAt(place))]).toEqual(["before", "undecided"]);
}, 60_000);

test("a server whose store is restored beneath it commits nothing more", async () => {
  const place = await places.sqlite();
  const file = `${place}.backup`;
  const server = await start(place);
  const client = await stage.join(urlOf(server.port));
  await client.create({ id: "before" });
  expect((await objectSync(["backup", place, file])).code).toBe(0);
  await client.create({ id: "lost" });
  expect((await objectSync(["restore", file, place, "--replace"])).code).toBe(0);

  const undecided = client.create({ id: "undecided" });
  await eventually(() => server.output.includes("deposed"));
  expect([...(await idsAt(place))]).toEqual(["before"]);
  await server.kill();
  await start(place, server.port);
  await undecided;
  expect(Object.keys(viewOf(client))).toEqual(["before", "undecided"]);
}, 60_000);

test("a client that the backup does not know, as its ledger has forgotten some, is asked what it wants", async () => {
  const place = await places.sqlite();
  const [archive, copy] = [new SqliteArchive(place), new SqliteArchive(`${place}.backup`)];
  stage.afterwards(() => [archive, copy].forEach((one) => one.close()));
  const limits = { ledgerClientsMax: 1 };
  const first = await stage.serve({ store: new SqliteStore(place), limits });
  for (const id of ["ann", "bob"]) {
    const client = await stage.join(first.url);
    await client.create({ id });
    await client.close();
  }
  let round = 0;
  await eventually(async () => {
    await first.sync.update({ id: "ann", round: ++round }); // forgetting goes with a batch
    return archive.copy().some(({ ledgerHorizon }) => ledgerHorizon > 0);
  });
  await backup(archive, copy);
  const network = await stage.network(first.port);
  const late = await stage.join(network.url);
  const asked: (() => void)[] = [];
  late.on("uncertain", (write) => asked.push(() => write.retry()));
  network.stopDelivering();
  const created = late.create({ id: "late" });
  await eventually(() => first.sync.get("late"));
  network.goDown();
  await first.sync.close();
  await restore(copy, archive, { replace: true });
  const second = await stage.serve({ store: new SqliteStore(place), limits }, first.port);
  network.deliverAgain();
  network.comeUp();
  const retry = await eventually(() => asked[0]);
  expect(second.sync.get("late")).toBeUndefined();
  retry();
  await created;
  expect(Object.keys(viewOf(second.sync)).sort()).toEqual(["ann", "bob", "late"]);
});
