import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { explicit } from "../../client/explicit/index.ts";
import { dbToCloudDrive, DriveError } from "../../client/plugins/db-to-cloud/index.ts";
import { backup, restore } from "../../server/operations/index.ts";
import { SyncError } from "../../server/index.ts";
import { SqliteArchive, SqliteStore } from "../../server/stores/sqlite/index.ts";
import { CloudDevice, type Doc } from "../support/cloud-device.ts";
import { writeExample } from "../support/doc-example.ts";
import { eventually } from "../support/eventually.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage } from "../support/stage.ts";

/** SEEDS.md, part D, of the bridge: npm's db-to-cloud over a drive on object-sync. */

const stage = new Stage();
afterEach(() => stage.clear());

const LEASE = { leaseMs: 100 };

function folderOf(): string {
  const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  stage.afterwards(() => rmSync(folder, { recursive: true }));
  return folder;
}

function docsOf(device: CloudDevice): Doc[] {
  return [...device.docs.values()].sort((a, b) => (a._id < b._id ? -1 : 1));
}

async function deviceAt(url: string, options = {}, more = {}): Promise<CloudDevice> {
  return new CloudDevice(stage, more).boot(url, options);
}

/** Two devices that have the same, of which the second has pushed more, and the first has more to push. */
async function atOdds(url: string, namespace: string): Promise<[CloudDevice, CloudDevice]> {
  const one = await deviceAt(url, { namespace });
  const other = await deviceAt(url, { namespace });
  for (const id of ["1", "2", "3"]) one.write(id, `first ${id}`);
  await one.sync();
  await other.sync();
  other.write("3", "changed by the other");
  other.write("5", "new on the other");
  await other.sync();
  one.write("1", "changed");
  one.write("4", "new");
  one.remove("2");
  await eventually(() => one.kept.get("object-sync")?.includes('"delete"'));
  return [one, other];
}

const EXPECTED: Doc[] = [
  { _id: "1", _rev: 2, text: "changed" },
  { _id: "3", _rev: 2, text: "changed by the other" },
  { _id: "4", _rev: 1, text: "new" },
  { _id: "5", _rev: 1, text: "new on the other" },
];

test("D 1 (db-to-cloud): killed at every backend operation, before and after it: all converge after a restart, and nothing is lost", async () => {
  const { url } = await stage.serve();
  const [whole] = await atOdds(url, "whole");
  whole.operations = [];
  await whole.sync();
  const { operations } = whole;
  expect(docsOf(whole)).toEqual(EXPECTED);
  expect(operations.length).toBeGreaterThan(8);
  const counts = operations.map((_, index) => index + 1);
  const moments = counts.flatMap((n) => [`${String(n)} before`, `${String(n)} after`]);
  for (const moment of moments) {
    const namespace = moment.replace(" ", "-");
    const [one, other] = await atOdds(url, namespace);
    await one.syncUntil(moment);
    await one.boot(url, { namespace });
    await one.sync();
    await other.sync();
    const late = await deviceAt(url, { namespace });
    await late.sync();
    for (const device of [one, other, late]) {
      expect({ moment, docs: docsOf(device) }).toEqual({ moment, docs: EXPECTED });
      expect(device.disagreements).toEqual([]);
      await device.kill();
    }
  }
}, 120_000);

test("D 2 (db-to-cloud): of two lockers one wins; the other waits, or hears when the lock expires", async () => {
  const { url } = await stage.serve();
  const [one, other] = [
    dbToCloudDrive(await stage.join(url)),
    dbToCloudDrive(await stage.join(url)),
  ];
  const results = await Promise.allSettled([one.acquireLock(), other.acquireLock()]);
  expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const [winner] = results[0].status === "fulfilled" ? [one] : [other];
  const impatient = await deviceAt(url, {}, { retryMaxAttempts: 3 });
  impatient.write("1", "a");
  await expect(impatient.sync()).rejects.toMatchObject({
    name: "LockError",
    code: "EEXIST",
    expire: expect.any(Number),
    message: /the database is locked/i,
  });
  const patient = await deviceAt(url, { leaseMs: 60_000 });
  patient.write("2", "b");
  const waiting = patient.sync();
  await eventually(() => patient.operations.filter((one) => one.startsWith("acquire")).length > 2);
  await winner.releaseLock();
  await waiting;
  await impatient.sync(); // what it could not push is still to be pushed
  await patient.sync();
  expect(docsOf(patient)).toEqual(docsOf(impatient));
  expect(docsOf(patient)).toHaveLength(2);
});

test("D 3 (db-to-cloud): a holder that lives keeps its lock, however long it takes", async () => {
  const { url } = await stage.serve();
  const client = await stage.join(url);
  const [holder, other] = [
    dbToCloudDrive(client, { leaseMs: 600 }),
    dbToCloudDrive(await stage.join(url), { leaseMs: 600 }),
  ];
  await holder.acquireLock();
  const beats = () => {
    const lease = [...client.allObjects().values()].find(({ id }) => id.startsWith("file:lease/"));
    return Number(lease?.["beat"]);
  };
  await eventually(async () => {
    await expect(other.acquireLock()).rejects.toMatchObject({ name: "LockError" });
    return beats() >= 7; // of which three are one lease
  });
  await holder.put("docs/1.json", `{"doc":1}`);
  await holder.releaseLock();
  await other.acquireLock();
  expect(await other.get("docs/1.json")).toBe(`{"doc":1}`);
});

test("D 3 (db-to-cloud): a dead holder is taken over, once; what it writes later is refused", async () => {
  const { url, port } = await stage.serve();
  const network = await stage.network(port);
  const silent = dbToCloudDrive(await stage.join(network.url), { ...LEASE, timeoutMs: 20_000 });
  await silent.acquireLock();
  await silent.put("docs/1.json", `{"doc":"before"}`);
  network.goDown();
  const late = silent.put("docs/1.json", `{"doc":"too late"}`).catch((error: unknown) => error);
  const others = [
    dbToCloudDrive(await stage.join(url), LEASE),
    dbToCloudDrive(await stage.join(url), LEASE),
  ];
  const holders: typeof others = [];
  await eventually(async () => {
    const tries = others.map((drive) => drive.acquireLock().then(() => holders.push(drive)));
    await Promise.allSettled(tries);
    return holders.length > 0;
  });
  expect(holders).toHaveLength(1);
  await holders[0]?.put("docs/1.json", `{"doc":"after"}`);
  network.comeUp();
  expect(await late).toMatchObject({ code: "ELOCKLOST" });
  await expect(silent.put("docs/2.json", `{"doc":2}`)).rejects.toMatchObject({ code: "ELOCKLOST" });
  await silent.releaseLock();
  expect(await silent.get("docs/1.json")).toBe(`{"doc":"after"}`);
  await expect(silent.acquireLock()).rejects.toMatchObject({ name: "LockError" });
});

const IDS = [
  "a/b",
  "ü ∞ 😀",
  "__proto__",
  "\0",
  "\ud800",
  "\\u0000",
  "..",
  "a:b?c#d%2F",
  "1",
  "{}",
];

test("D 4 (db-to-cloud): any id round-trips, through the drive and the package", async () => {
  const { url } = await stage.serve();
  const one = await deviceAt(url);
  const drive = dbToCloudDrive(await stage.join(url));
  for (const id of IDS) one.write(id, `of ${id}`);
  await one.sync();
  expect((await drive.list("docs")).sort()).toEqual(IDS.map((id) => `${id}.json`).sort());
  const other = await deviceAt(url);
  await other.sync();
  expect(docsOf(other)).toEqual(docsOf(one));
  for (const id of IDS) other.remove(id);
  await other.sync();
  await one.sync();
  expect(docsOf(one)).toEqual([]);
  await expect(drive.get(`docs/${"x".repeat(300)}.json`)).rejects.toMatchObject({
    code: "ENAMETOOLONG",
  });
});

test("D 4 (db-to-cloud): a drive is files by their paths, with the codes of a file system", async () => {
  const { url } = await stage.serve();
  const drive = dbToCloudDrive(await stage.join(url));
  const other = dbToCloudDrive(await stage.join(url));
  await expect(drive.get("a.txt")).rejects.toBeInstanceOf(DriveError);
  await expect(drive.get("a.txt")).rejects.toMatchObject({ code: "ENOENT" });
  await drive.put("a.txt", "no JSON");
  await other.put("a.txt", "");
  expect(await drive.get("a.txt")).toBe("");
  await expect(drive.post("a.txt", "b")).rejects.toMatchObject({ code: "EEXIST" });
  const posts = await Promise.allSettled([drive.post("b.txt", "1"), other.post("b.txt", "2")]);
  expect(posts.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  await drive.put("c/d/e.txt", "e");
  expect(await other.list("c")).toEqual(["d/e.txt"]);
  expect(await other.list("nowhere")).toEqual([]);
  await other.delete("c/d/e.txt");
  await drive.delete("c/d/e.txt");
  await drive.post("c/d/e.txt", "again");
  expect(await other.get("c/d/e.txt")).toBe("again");
});

test("D 5 (db-to-cloud): queued, and killed before the sync: it is queued again, whatever was kept", async () => {
  const { url } = await stage.serve();
  const one = await deviceAt(url);
  one.write("1", "kept in the queue");
  await eventually(() => one.kept.get("object-sync")?.includes('"put"'));
  one.write("2", "not even that");
  await one.kill();
  await one.boot(url);
  await one.sync();
  const other = await deviceAt(url);
  await other.sync();
  expect(docsOf(other).map(({ _id }) => _id)).toEqual(["1", "2"]);
});

test("D 6 (db-to-cloud): of put and put, and of put and delete, the application decides", async () => {
  const { url } = await stage.serve();
  const [one, other] = [await deviceAt(url), await deviceAt(url)];
  for (const id of ["1", "2", "3"]) one.write(id, "first");
  await one.sync();
  await other.sync();
  one.write("1", "of one");
  other.write("1", "of the other");
  other.write("1", "of the other, again"); // the higher revision
  one.remove("2");
  other.write("2", "changed");
  other.write("2", "changed again");
  other.remove("3");
  one.write("3", "changed");
  one.write("3", "changed again");
  await one.sync();
  await other.sync();
  await one.sync();
  const expected = [
    { _id: "1", _rev: 3, text: "of the other, again" },
    { _id: "2", _rev: 3, text: "changed again" },
    { _id: "3", _rev: 3, text: "changed again" },
  ];
  expect([docsOf(one), docsOf(other)]).toEqual([expected, expected]);
});

test("D 7 (db-to-cloud): equal revisions with different contents: the application is told, and all converge", async () => {
  const { url } = await stage.serve();
  const [one, other, third] = [await deviceAt(url), await deviceAt(url), await deviceAt(url)];
  one.write("1", "b");
  other.write("1", "a");
  third.write("1", "c");
  for (let round = 0; round < 3; round++) {
    for (const device of [one, other, third]) await device.sync();
  }
  expect(other.disagreements).toEqual(["1"]);
  expect(one.docs.get("1")?.text).toBe("a");
  expect([docsOf(other), docsOf(third)]).toEqual([docsOf(one), docsOf(one)]);
});

test("D 8 (db-to-cloud): a put of a missing document is a warning and uploads nothing; a new device is well", async () => {
  const { url } = await stage.serve();
  const one = await deviceAt(url);
  one.write("1", "a");
  one.cloud.put("missing", 1);
  await one.sync();
  expect(one.warnings).toEqual([expect.stringContaining("docs/missing.json")]);
  const drive = dbToCloudDrive(await stage.join(url));
  expect(await drive.list("docs")).toEqual(["1.json"]);
  const other = await deviceAt(url);
  await other.sync();
  expect(docsOf(other)).toEqual(docsOf(one));
});

test("D 9 (db-to-cloud): 250 changes arrive, once each", async () => {
  const { url } = await stage.serve();
  const [one, other] = [await deviceAt(url), await deviceAt(url)];
  await other.sync();
  for (let i = 0; i < 250; i++) one.write(String(i), `of ${String(i)}`);
  await one.sync();
  other.progress.length = 0;
  await other.sync();
  expect(docsOf(other)).toEqual(docsOf(one));
  expect(other.progress).toHaveLength(252);
  const drive = dbToCloudDrive(await stage.join(url));
  expect(await drive.getMeta()).toEqual({ lastChange: 250 });
  expect((await drive.list("changes")).sort()).toEqual(["0.json", "1.json", "2.json"]);
}, 60_000);

test("D 10 (db-to-cloud): where there is nothing new, nothing is locked and nothing pulled", async () => {
  const { url } = await stage.serve();
  const [one, other] = [await deviceAt(url), await deviceAt(url)];
  one.write("1", "a");
  await one.sync();
  await other.sync();
  other.operations = [];
  other.progress.length = 0;
  await other.cloud.syncNow();
  expect(other.operations).toEqual(["getMeta"]);
  expect(other.progress).toEqual([{ phase: "start" }, { phase: "end" }]);
  one.write("1", "b");
  await one.sync();
  await other.cloud.syncNow();
  expect(docsOf(other)).toEqual(docsOf(one));
});

test("D 11 (db-to-cloud): the events of progress come in exactly this order", async () => {
  const { url } = await stage.serve();
  const [one, other] = [await deviceAt(url), await deviceAt(url)];
  one.write("1", "a");
  await one.sync();
  other.write("2", "b");
  await other.sync();
  const put = (id: string) => ({ _id: id, _rev: 1, action: "put" });
  expect(one.progress).toEqual([
    { phase: "start" },
    { phase: "push", total: 1, loaded: 0, change: put("1") },
    { phase: "end" },
  ]);
  expect(other.progress).toEqual([
    { phase: "start" },
    { phase: "pull", total: 1, loaded: 0, change: { _id: "1", action: "put" } },
    { phase: "push", total: 1, loaded: 0, change: put("2") },
    { phase: "end" },
  ]);
});

test("D 12 (db-to-cloud): a server that was put back to an old state is told as that, and nothing is lost", async () => {
  const folder = folderOf();
  const file = join(folder, "worlds.db");
  const first = await stage.serve({ store: new SqliteStore(file) });
  const { port, url } = first;
  const one = await deviceAt(url);
  one.write("1", "a");
  await one.sync();
  const archives = [new SqliteArchive(file), new SqliteArchive(join(folder, "backup.db"))] as const;
  await backup(...archives);
  one.write("2", "b");
  await one.sync();
  const before = docsOf(one);
  const { lastChange } = JSON.parse(one.kept.get("object-sync") ?? "") as { lastChange: number };
  await one.kill();
  await first.sync.close();
  await restore(archives[1], archives[0], { replace: true });
  for (const archive of archives) archive.close();
  await stage.serve({ store: new SqliteStore(file) }, port);

  await one.boot(url, { lastChange });
  one.write("3", "c");
  await expect(one.sync()).rejects.toMatchObject({ code: "ESTALE" });
  await expect(one.sync()).rejects.toThrow(/it has 1 changes, of 2 that were seen/);
  expect(docsOf(one)).toEqual([...before, { _id: "3", _rev: 1, text: "c" }]);
  // The application decides to begin anew: nothing that this device has is lost.
  await one.kill();
  one.kept.delete("object-sync");
  await one.boot(url);
  await one.sync();
  const other = await deviceAt(url);
  await other.sync();
  expect(docsOf(other)).toEqual(docsOf(one));
  expect(docsOf(other)).toHaveLength(3);
});

test("D 13 (db-to-cloud): another backend gets a clean first sync, without duplicates; and so back again", async () => {
  const [here, there] = [await stage.serve(), await stage.serve()];
  const one = await deviceAt(here.url, { name: "here" });
  one.write("1", "a");
  one.write("2", "b");
  await one.sync();
  const elsewhere = await deviceAt(there.url, { name: "there" });
  elsewhere.write("3", "c");
  await elsewhere.sync();
  await one.kill();
  await one.boot(there.url, { name: "there" });
  await one.sync();
  await elsewhere.sync();
  expect(docsOf(one).map(({ _id }) => _id)).toEqual(["1", "2", "3"]);
  expect(docsOf(elsewhere)).toEqual(docsOf(one));
  const drive = dbToCloudDrive(await stage.join(there.url));
  expect(await drive.getMeta()).toEqual({ lastChange: 3 });
  await one.kill();
  await one.boot(here.url, { name: "here" });
  one.operations = [];
  await one.sync();
  expect(one.operations.filter((operation) => operation.startsWith("put"))).toEqual([]);
});

test("D 14 (db-to-cloud): who is not let in gets an error with a code, and so does who is not heard", async () => {
  const { url } = await stage.serve({
    authenticate: ({ auth }) => {
      if (auth === "right") return "ann";
      throw new SyncError("unauthenticated", "wrong password");
    },
  });
  const refused = dbToCloudDrive(stage.client(url, { auth: "wrong" }));
  await expect(refused.init()).rejects.toMatchObject({ code: "unauthenticated" });
  await expect(refused.get("meta.json")).rejects.toMatchObject({ code: "unauthenticated" });
  await expect(refused.acquireLock()).rejects.toMatchObject({ code: "unauthenticated" });
  const { port } = await stage.serve();
  const network = await stage.network(port);
  const cut = dbToCloudDrive(await stage.join(network.url), { timeoutMs: 50 });
  network.goDown();
  await expect(cut.put("a", "b")).rejects.toMatchObject({ code: "timeout" });
  await expect(cut.get("a")).rejects.toMatchObject({ code: "timeout" });
});

test("times that are longer than a timer takes are long", async () => {
  const { url } = await stage.serve();
  const forever = { leaseMs: 2 ** 40, timeoutMs: 2 ** 40 };
  const drive = dbToCloudDrive(await stage.join(url), forever);
  await drive.acquireLock();
  await drive.put("a", "b");
  expect(await drive.get("a")).toBe("b");
  await drive.releaseLock();
});

test("a client that is not live is no drive", async () => {
  const { url } = await stage.serve();
  expect(() => dbToCloudDrive(stage.client(url, { live: explicit }))).toThrow(
    expect.objectContaining({ code: "bad_option", property: "live" }),
  );
});

test("an option that cannot be is refused, naming it", async () => {
  const client = await stage.join((await stage.serve()).url);
  for (const [options, property] of [
    [{ leaseMs: 0 }, "leaseMs"],
    [{ namespace: "a:b" }, "namespace"],
    [{ lease: 1 }, "lease"],
    [{ lastChange: -1 }, "lastChange"],
  ] as const) {
    expect(() => dbToCloudDrive(client, options as never)).toThrow(
      expect.objectContaining({ code: "bad_option", property }),
    );
  }
});

test("the example in docs/BRIDGES.md runs", async () => {
  const { url, sync } = await stage.serve({ worlds: ["drive"] });
  const file = writeExample("docs/BRIDGES.md", "cloud.mjs", folderOf());
  const run = await ServerProcess.start(file, /synced (\d+)/, 0, { URL: url });
  await run.ended;
  const drive = dbToCloudDrive(await stage.join(url, { world: "drive" }));
  expect(await drive.list("docs")).toEqual(["1.json"]);
  expect(sync.world("drive").get("file:meta.json")).toMatchObject({ content: `{"lastChange":1}` });
});
