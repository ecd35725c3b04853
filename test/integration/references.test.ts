import { afterEach, expect, test } from "@jest/globals";
import { explicit } from "../../client/explicit/index.ts";
import type { ObjectSync, ObjectSyncOptions } from "../../client/index.ts";
import type { Handlers } from "../../server/index.ts";
import { Stage } from "../support/stage.ts";

/** An application's database gives ids, and clients refer to what they have just created. */

const stage = new Stage();
afterEach(() => stage.clear());

const references = { task: ["project"], tagged: ["task", "tags"] };

interface Scene {
  readonly rows: Map<string, object>;
  readonly sync: ObjectSync;
  readonly objects: () => readonly unknown[];
}

/** A database that gives a row its id as the row comes. */
async function scene(options: ObjectSyncOptions = {}): Promise<Scene> {
  const rows = new Map<string, object>();
  const handlers: Handlers = {
    create(given) {
      const { id = `${"name" in given ? "project" : "task"}:${rows.size + 1}`, ...row } = given;
      rows.set(id, row);
      return { ...row, id };
    },
    update({ id, ...row }) {
      rows.set(id, row);
    },
  };
  const { sync: server, url } = await stage.serve({ handlers, references });
  const sync = stage.client(url, { references, ...options });
  return { rows, sync, objects: () => [...server.allObjects().values()] };
}

const HOME = { id: "project:1", name: "home" };
const MILK = { id: "task:2", title: "milk", project: "project:1" };
const LINK = { id: "tagged:1", task: "task:2", tags: ["task:2", "tag:a"] };

function fromRows(rows: ReadonlyMap<string, object>): readonly object[] {
  return [...rows].map(([id, row]) => ({ id, ...row }));
}

test("what one transaction creates refers to each other by the ids that a handler gives", async () => {
  const { rows, sync, objects } = await scene();
  await sync.transaction((tx) => {
    const project = tx.create({ name: "home" });
    const task = tx.create({ title: "milk", project });
    tx.create({ id: "tagged:1", task, tags: [task, "tag:a"] });
  });
  expect(objects()).toEqual([HOME, MILK, LINK]);
  expect(fromRows(rows)).toEqual([HOME, MILK, LINK]);
  expect(new Set(sync.allObjects().values())).toEqual(new Set([HOME, MILK, LINK]));
});

test("what refers to something undecided, and has no id yet itself, follows", async () => {
  const { rows, sync, objects } = await scene();
  const project = idOf(sync.create({ name: "home" }), sync);
  const task = idOf(sync.create({ title: "milk", project }), sync);
  await sync.create({ id: "tagged:1", task, tags: [task, "tag:a"] });
  expect(objects()).toEqual([HOME, MILK, LINK]);
  expect(fromRows(rows)).toEqual([HOME, MILK, LINK]);
});

test("what was created and only later made to refer is not sent before what it refers to", async () => {
  const { rows, sync, objects } = await scene({ live: explicit });
  const task = idOf(sync.create({ title: "milk" }), sync);
  const project = idOf(sync.create({ name: "home" }), sync);
  void sync.update({ id: task, project });
  await sync.sync();
  const both = [
    { id: "task:1", title: "milk", project: "project:2" },
    { id: "project:2", name: "home" },
  ];
  expect(objects()).toEqual(both);
  expect(fromRows(rows)).toEqual(both);
});

/** The provisional id of what was created last. */
function idOf(_write: Promise<unknown>, sync: ObjectSync): string {
  return [...sync.allObjects().keys()].at(-1) ?? "";
}
