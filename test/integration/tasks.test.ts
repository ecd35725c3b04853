import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { explicit } from "../../client/explicit/index.ts";
import type { ObjectSync } from "../../client/index.ts";
import { summaryOf, unsyncedIn } from "../../demo/tasks/page/unsynced.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, urlOf, viewOf } from "../support/stage.ts";

/** What the README says of `npm run tasks`, without a browser: its server, and what counts as unsynced. */

// Each test starts servers from source, beside all others.
jest.setTimeout(120_000);

const TELLS_PORT = /http:\/\/localhost:(\d+)/;
const TASK = { title: "Sweep the stairs", note: "", done: false, at: 1 };

const stage = new Stage();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
});

afterEach(async () => {
  await stage.clear();
  rmSync(folder, { recursive: true });
});

async function start(): Promise<{ server: ServerProcess; device: ObjectSync }> {
  const env = { WORLD: join(folder, "tasks.db") };
  const server = await ServerProcess.start("demo/tasks/server.ts", TELLS_PORT, 0, env);
  stage.afterwards(() => server.kill());
  const device = stage.client(urlOf(server.port), { live: explicit });
  await device.pull();
  return { server, device };
}

test("its list outlives the server, and takes nothing but tasks", async () => {
  const { server, device } = await start();
  const writes = [
    device.create({ id: "task:9", ...TASK }),
    device.create({ id: "task:10", ...TASK, title: "" }),
    device.create({ id: "task:11", ...TASK, title: "x".repeat(1_000) }),
    device.update({ id: "task:1", done: "maybe" }),
    device.update({ id: "task:1", owner: "me" }),
    device.create({ id: "note:1", ...TASK }),
    device.create(TASK),
  ];
  await device.sync();
  const ends = await Promise.allSettled(writes);
  const codes = ends.map((end) =>
    end.status === "rejected" ? (end.reason as { code: string }).code : "accepted",
  );
  expect(codes).toEqual(["accepted", ...Array<string>(6).fill("schema_violation")]);
  const before = viewOf(device);
  expect(Object.keys(before)).toHaveLength(5);
  expect(await server.stop()).toBe(0);
  const again = await start();
  expect(viewOf(again.device)).toEqual(before);
});

test("what counts as unsynced is what the server would find new, changed or deleted", async () => {
  const { device } = await start();
  const unsynced = (): unknown => Object.fromEntries(unsyncedIn(device));
  expect(unsynced()).toEqual({});
  void device.create({ id: "task:8", ...TASK });
  void device.update({ id: "task:8", done: true });
  void device.create({ id: "task:9", ...TASK });
  void device.destroy("task:9");
  void device.update({ id: "task:1", done: true });
  void device.update({ id: "task:2", title: "Water the ferns" });
  void device.destroy("task:2");
  expect(unsynced()).toEqual({ "task:8": "new", "task:1": "changed", "task:2": "deleted" });
  expect(summaryOf(unsyncedIn(device))).toBe("3 unsynced: 1 new, 1 changed, 1 deleted");
  await device.sync();
  expect(unsynced()).toEqual({});
});
