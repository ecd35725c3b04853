import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { nanoid } from "nanoid";
import { eventually } from "../support/eventually.ts";
import type { Network } from "../support/network.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, urlOf } from "../support/stage.ts";
import { NO_DISAGREEMENTS, WriteLoad } from "../support/write-load.ts";

/** Two servers on one database, by mistake or because one was thought to be dead: real processes. */

const stage = new Stage();
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

afterEach(() => stage.clear());

const places = {
  sqlite: () => Promise.resolve(join(folder, `${nanoid()}.db`)),
  postgres: () => postgres.emptyPlace(),
};

/** How the first server comes to have a second one beside it, and how clients find that one. */
const ways = {
  "in the midst of its work": async (_first: ServerProcess, second: () => Promise<Network>) => {
    await second();
  },
  "while it stood still": async (first: ServerProcess, second: () => Promise<Network>) => {
    first.pause();
    (await second()).cut(); // nobody hears of it otherwise before a ping is missed
    first.resume();
  },
};

const CLIENTS = 4;
const ACKNOWLEDGED_BETWEEN = 60;

test.each([
  ["sqlite", "in the midst of its work"],
  // Not on SQLite: who stands still in the midst of a transaction keeps the file's lock.
  ["postgres", "in the midst of its work"],
  ["postgres", "while it stood still"],
] as const)(
  "%s: a server that is deposed %s commits nothing and says so; its clients' writes happen once, at the other",
  async (name, how) => {
    const place = await places[name]();
    const start = async (): Promise<ServerProcess> => {
      const server = await ServerProcess.start("test/support/plain-server.ts", /port (\d+)/, 0, {
        STORE: place,
      });
      stage.afterwards(() => server.kill());
      return server;
    };
    const first = await start();
    const network = await stage.network(first.port);
    const stray = await stage.join(urlOf(first.port)); // knows no other server
    const clients = Array.from({ length: CLIENTS }, () => stage.client(network.url));
    const load = new WriteLoad(clients);
    const more = (count: number): Promise<true> => {
      const until = load.acknowledged.size + count;
      return eventually(() => load.acknowledged.size >= until || load.refused.length > 0);
    };
    await more(ACKNOWLEDGED_BETWEEN);

    let second: ServerProcess | undefined;
    await ways[how](first, async () => {
      second = await start();
      network.leadTo(second.port);
      return network;
    });
    let isStrayTold = false;
    stray.create({ id: "stray" }).then(
      () => (isStrayTold = true),
      () => undefined, // it is closed without having heard
    );
    await more(ACKNOWLEDGED_BETWEEN);
    await eventually(() => first.output.includes("deposed"));
    await eventually(() => !stray.isConnected());
    const counts = await load.end();
    expect([load.refused, isStrayTold]).toEqual([[], false]);
    expect(first.output.match(/SyncError.*opened by another server/g)).toHaveLength(1);
    expect(second?.output).not.toContain("SyncError");
    await second?.kill();
    expect(await load.disagreements(place, counts)).toEqual(NO_DISAGREEMENTS);
  },
  90_000,
);
