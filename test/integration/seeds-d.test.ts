import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, urlOf, viewOf } from "../support/stage.ts";
import { NO_DISAGREEMENTS, WriteLoad } from "../support/write-load.ts";

/** SEEDS.md, part D: what db-to-cloud set out to do. */

const stage = new Stage();
let folder: string;
let place: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  place = join(folder, "worlds.db");
});

afterEach(async () => {
  await stage.clear();
  rmSync(folder, { recursive: true });
});

async function start(port: number, dieAt = ""): Promise<ServerProcess> {
  const env = { STORE: place, DIE_AT: dieAt };
  const server = await ServerProcess.start(
    "test/support/doomed-server.ts",
    /port (\d+)/,
    port,
    env,
  );
  stage.afterwards(() => server.kill());
  return server;
}

const operations = ["load 1", "commit 1", "commit 2", "commit 3"];
const moments = operations.flatMap((operation) => [`${operation} before`, `${operation} after`]);

test("D1: killed at every operation of its store, before it and after it: all converge after a restart, and nothing is lost", async () => {
  const first = await start(0);
  const { port } = first;
  const clients = Array.from({ length: 3 }, () => stage.client(urlOf(port)));
  const load = new WriteLoad(clients);
  await eventually(() => load.acknowledged.size > 0);
  await first.kill();
  for (const moment of moments) {
    const life = start(port, moment);
    if (moment.startsWith("load")) await expect(life).rejects.toThrow("did not start");
    else await (await life).ended; // the clients come back, and their writes bring it there
  }
  const last = await start(port);
  const counts = await load.end();
  expect(load.refused).toEqual([]);
  const views = [...clients, await stage.join(urlOf(port))];
  const size = load.acknowledged.size + counts.length;
  await eventually(() => views.every((client) => client.allObjects().size === size));
  const [expected] = views.map(viewOf);
  for (const client of views) expect(viewOf(client)).toEqual(expected);
  await last.kill();
  expect(await load.disagreements(place, counts)).toEqual(NO_DISAGREEMENTS);
}, 120_000);

test("D5: what is queued when the connection has gone and the server crashes is queued still, and synced once", async () => {
  const first = await start(0);
  const { port } = first;
  const network = await stage.network(port);
  const [client, other] = [await stage.join(network.url), await stage.join(urlOf(port))];
  await client.create({ id: "kept", text: "before" });
  network.goDown();
  await eventually(() => !client.isConnected());
  const queued = [
    client.update({ id: "kept", text: "after" }),
    client.create({ id: "new" }),
    client.destroy("new"),
    client.create({ id: "newer" }),
  ];
  await first.kill();
  const again = await start(port);
  await other.whenSynced();
  expect([client.pending, viewOf(other)]).toEqual([4, { kept: { id: "kept", text: "before" } }]);

  // It crashes once more when it has the queue, and before it can say so.
  await again.kill();
  const third = await start(port, "commit 1 after");
  network.comeUp();
  await third.ended;
  expect(client.pending).toBe(4);
  await start(port);
  await Promise.all(queued);
  expect(client.pending).toBe(0);
  const all = { kept: { id: "kept", text: "after" }, newer: { id: "newer" } };
  await eventually(() => other.get("newer"));
  expect([viewOf(client), viewOf(other)]).toEqual([all, all]);
}, 60_000);
