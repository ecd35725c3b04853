import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Leases } from "../../client/plugins/leases/index.ts";
import type { SyncError } from "../../client/index.ts";
import { leases } from "../../server/plugins/leases/index.ts";
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

/** A client in a process of its own, which has the lease "work" and writes with it. */
async function locker(url: string): Promise<ServerProcess> {
  const env = { URL: url };
  const made = await ServerProcess.start("test/support/locker.ts", /fence (\d+)/, 0, env);
  stage.afterwards(() => made.kill());
  await eventually(() => made.output.includes("working"));
  return made;
}

test("D2: of two lockers one wins; the other waits, and is then told `locked` and when that ends", async () => {
  const { sync, url } = await stage.serve();
  sync.use(leases());
  const clients = [await stage.join(url), await stage.join(url)];
  const lock = (waitMs?: number) => (client: (typeof clients)[number]) =>
    new Leases(client).lock("work", { ttlMs: 5_000, ...(waitMs !== undefined && { waitMs }) });
  const [first, second] = await Promise.allSettled(clients.map(lock(1_000)));
  expect([first?.status, second?.status]).toEqual(["fulfilled", "rejected"]);
  const { reason } = second as { reason: SyncError };
  expect(reason).toMatchObject({ code: "locked", id: "lease:work", retryable: true });
  expect(reason.retryAfterMs).toBeGreaterThan(1_000);
  expect(reason.retryAfterMs).toBeLessThan(6_000);

  const [winner] = first?.status === "fulfilled" ? [first.value] : [];
  const waiting = clients.slice(1).map(lock());
  await winner?.release();
  expect((await waiting[0])?.isHeld).toBe(true);
});

test("D3: a dead holder is taken over, a live one never, and one that only seemed dead can write no more", async () => {
  const { sync, url } = await stage.serve();
  sync.use(leases());
  await sync.create({ id: "work" });
  const client = await stage.join(url);
  const waits = new Leases(client);
  const living = await locker(url);
  // For three times its time to live.
  await expect(waits.lock("work", { waitMs: 3_000 })).rejects.toMatchObject({ code: "locked" });
  expect(sync.get("lease:work")?.["fence"]).toBe(living.port);

  living.pause();
  const lease = await waits.lock("work");
  expect(lease.fence).toBeGreaterThan(living.port);
  await lease.transaction((tx) => tx.update({ id: "work", by: lease.fence }));
  living.resume();
  await eventually(() => living.output.includes("told"));
  await eventually(() => living.output.includes("refused"));
  expect(living.output).toContain("refused lease_lost, held: false");
  expect(living.output).toContain("told lease_lost");
  expect(sync.get("work")?.["by"]).toBe(lease.fence);
  await lease.release();

  const killed = await locker(url);
  await killed.kill();
  const taken = await waits.lock("work");
  expect([killed.port > lease.fence, taken.fence > killed.port]).toEqual([true, true]);
}, 60_000);

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
