import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { afterEach, expect, test } from "@jest/globals";
import initSqlJs from "sql.js";
import type { HostedWorld, ObjectSyncServer } from "../../server/index.ts";
import { persistenceSync } from "../../server/plugins/persistence-sync/index.ts";
import { Stage } from "../support/stage.ts";
import { Page } from "./page.ts";
import { webSqlOver } from "./web-sql.ts";

/**
 * SEEDS.md, B 19: the published client of persistence.sync.js (npm persistencejs) and its own test for
 * browsers, as they are, against our bridge. Two lines of the client do not run anywhere, and are mended as it is loaded.
 */

const stage = new Stage();
afterEach(() => stage.clear());

const published = dirname(createRequire(import.meta.url).resolve("persistencejs/package.json"));
const MENDED = { "existingItems.concat(": "existingItems = existingItems.concat(" };
const SCENARIOS = 12;
const ASSERTIONS = 63;

const newId = (): string => randomUUID().replaceAll("-", "").toUpperCase();

function resetWorld(world: HostedWorld): Promise<unknown> {
  return world.transaction((steps) => {
    for (const id of world.allObjects().keys()) steps.destroy(id);
    const project = newId();
    steps.create({ id: `project:${project}`, name: "Main project" });
    for (let i = 0; i < 25; i++) {
      steps.create({ id: `task:${newId()}`, name: `Task ${String(i)}`, done: false, project });
    }
  });
}

function markAll(world: HostedWorld, done: boolean): Promise<unknown> {
  const ids = [...world.allObjects().keys()].filter((id) => id.startsWith("task:"));
  return world.transaction((steps) => {
    for (const id of ids) steps.update({ id, done }); // of what is so already nothing changes
  });
}

/** What the published test wants of its server besides the protocol. */
function serveTheRest(sync: ObjectSyncServer): void {
  const world = sync.world("default");
  const actions: Record<string, () => Promise<unknown>> = {
    "/reset": () => resetWorld(world),
    "/markAllDone": () => markAll(world, true),
    "/markAllUndone": () => markAll(world, false),
  };
  for (const [path, act] of Object.entries(actions)) {
    sync.http(path, async (_request, response) => {
      await act();
      response.end(JSON.stringify({ status: "ok" }));
    });
  }
}

test("B 19: the published client's own 63 assertions, in 12 scenarios, pass against the bridge", async () => {
  const { sync, url } = await stage.serve();
  const resources = Object.fromEntries(
    ["project", "task", "tag"].map((namespace) => [`/${namespace}Updates`, { namespace }]),
  );
  sync.use(persistenceSync({ resources }));
  serveTheRest(sync);

  const { Database } = await initSqlJs();
  const database = new Database();
  stage.afterwards(() => database.close());
  const fail = (error: Error): void => page.fail(error);
  const page = new Page(url, { group: [], openDatabase: webSqlOver(database, fail) });
  for (const name of ["persistence", "persistence.store.sql", "persistence.store.websql"]) {
    page.load(join(published, "lib", `${name}.js`));
  }
  page.load(join(published, "lib/persistence.sync.js"), MENDED);
  page.load(join(published, "test/browser/test.sync.js"));
  const scenarios = await page.run();

  const assertions = scenarios.flatMap(({ name, assertions }) =>
    assertions.map((assertion) => ({ name, ...assertion })),
  );
  expect(assertions.filter(({ isTrue }) => !isTrue)).toEqual([]);
  expect(scenarios).toHaveLength(SCENARIOS);
  expect(assertions).toHaveLength(ASSERTIONS);
  for (const { expected, assertions: made } of scenarios) {
    expect(made).toHaveLength(expected ?? made.length);
  }
}, 60_000);
