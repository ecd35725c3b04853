import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { writeExample } from "../support/doc-example.ts";
import { eventually } from "../support/eventually.ts";
import { LockedTable, TestPostgres } from "../support/postgres.ts";
import { ServerProcess } from "../support/server-process.ts";
import { recordEvents, Stage, urlOf, viewOf } from "../support/stage.ts";

/** docs/OWN-DATABASE.md: the server that it shows, as a process of its own on a real PostgreSQL. */

const stage = new Stage();
let postgres: TestPostgres;
let folder: string;
let example: string;
let place: string;
let server: ServerProcess;

const start = (port = 0): Promise<ServerProcess> =>
  ServerProcess.start(example, /ready on \S+:(\d+)/, port, { DATABASE_URL: place });
const query = (sql: string): Promise<Record<string, unknown>[]> => postgres.query(sql, place);
const rows = (): Promise<Record<string, unknown>[]> => query("SELECT * FROM todos ORDER BY id");

beforeAll(async () => {
  postgres = await TestPostgres.start();
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  example = writeExample("docs/OWN-DATABASE.md", "todos.mjs", folder);
}, 120_000);

afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true });
});

beforeEach(async () => {
  place = await postgres.emptyPlace();
  server = await start();
  stage.afterwards(() => server.kill());
}, 60_000);

afterEach(() => stage.clear());

test("the table gives the ids, takes every write, and holds no second copy elsewhere", async () => {
  const [ann, bob] = [await stage.join(urlOf(server.port)), await stage.join(urlOf(server.port))];
  const milk = await ann.create({ text: "milk" });
  expect(milk).toEqual({ id: "todo:1", text: "milk", done: false });
  await ann.create({ text: "bread" });
  await eventually(() => bob.get("todo:2"));
  await bob.update({ id: "todo:1", done: true });
  await bob.destroy("todo:2");
  expect(await rows()).toEqual([{ id: 1, text: "milk", done: true }]);
  await eventually(() => milk["done"] === true);
  expect(viewOf(ann)).toEqual({ "todo:1": { id: "todo:1", text: "milk", done: true } });
  expect(await query("SELECT * FROM object_sync_objects")).toEqual([]);
  expect(await query("SELECT * FROM object_sync_decisions")).not.toEqual([]);
});

test("a write that breaks a rule of the table is refused with the rule's name, and rolled back", async () => {
  const client = await stage.join(urlOf(server.port));
  await client.create({ text: "milk" });
  const refused = (message: string) => ({ code: "refused", message });
  await expect(client.create({ text: "" })).rejects.toMatchObject(refused("a todo needs a text"));
  await expect(client.create({ done: true })).rejects.toMatchObject(refused("text is missing"));
  await expect(client.update({ id: "todo:1", text: "" })).rejects.toMatchObject(
    refused("a todo needs a text"),
  );
  await expect(client.update({ id: "todo:1", color: "red" })).rejects.toMatchObject(
    refused("a todo has no color"),
  );
  expect(viewOf(client)).toEqual({ "todo:1": { id: "todo:1", text: "milk", done: false } });
  expect(await rows()).toEqual([{ id: 1, text: "milk", done: false }]);
  expect(await query("SELECT count(*) FROM todo_steps")).toEqual([{ count: "1" }]);
});

test("rows that others insert, change and delete reach everyone, by fetch or by themselves", async () => {
  const client = await stage.join(urlOf(server.port));
  await client.create({ text: "milk" });
  const events = recordEvents(client);
  await query("UPDATE todos SET done = true WHERE id = 1");
  await eventually(() => client.get("todo:1")?.["done"] === true);
  await query("DELETE FROM todos WHERE id = 1");
  await eventually(() => client.get("todo:1") === undefined);
  await query("INSERT INTO todos (text) VALUES ('bread')");
  await eventually(() => client.get("todo:2"));
  expect(events).toEqual([
    "update todo:1 done",
    ...["destroy todo:1", "remove todo:1"],
    ...["create todo:2", "add todo:2"],
  ]);
  // Of this one nobody tells: somebody has to ask.
  await query("ALTER TABLE todos DISABLE TRIGGER tell_of_todo");
  await query("INSERT INTO todos (text) VALUES ('eggs')");
  expect(await client.fetch(["todo:3", "todo:4"])).toEqual([
    { id: "todo:3", text: "eggs", done: false },
    null,
  ]);
  await client.update({ id: "todo:3", done: true });
  expect((await rows()).at(-1)).toEqual({ id: 3, text: "eggs", done: true });
});

test("after kill -9 and a restart the world is what the table holds, and references stay", async () => {
  const client = await stage.join(urlOf(server.port));
  const milk = await client.create({ text: "milk" });
  await client.create({ text: "bread" });
  await server.kill();
  await eventually(() => !client.isConnected());
  await query("UPDATE todos SET text = 'oat milk' WHERE id = 1");
  await query("DELETE FROM todos WHERE id = 2");
  const offline = client.create({ text: "eggs" });
  server = await start(server.port);
  expect(await offline).toEqual({ id: "todo:3", text: "eggs", done: false });
  expect(client.get("todo:1")).toBe(milk);
  const all = {
    "todo:1": { id: "todo:1", text: "oat milk", done: false },
    "todo:3": { id: "todo:3", text: "eggs", done: false },
  };
  expect(viewOf(client)).toEqual(all);
  expect(viewOf(await stage.join(urlOf(server.port)))).toEqual(all);
}, 90_000);

const writes = {
  create: "INSERT INTO todos",
  update: "UPDATE todos SET",
  destroy: "DELETE FROM todos",
};

test.each(Object.keys(writes))(
  "killed after the table has a %s and before the ledger does, the write is done once and told so",
  async (kind) => {
    const { port } = server;
    const [client, other] = [await stage.join(urlOf(port)), await stage.join(urlOf(port))];
    await client.create({ text: "milk" });
    await query("CREATE TABLE touched (kind text)");
    await query(`
      CREATE FUNCTION note_touch() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO touched VALUES (TG_OP); RETURN NULL; END $$;
      CREATE TRIGGER note_touch AFTER INSERT OR UPDATE OR DELETE ON todos
        FOR EACH ROW EXECUTE FUNCTION note_touch()`);
    const ledger = await LockedTable.lock(place, "object_sync_worlds");
    stage.afterwards(() => ledger.release());
    let told = 0;
    const write =
      kind === "create"
        ? client.create({ text: "bread" }, () => (told += 1))
        : kind === "update"
          ? client.update({ id: "todo:1", text: "oat milk" }, () => (told += 1))
          : client.destroy("todo:1", () => (told += 1));

    await eventually(async () => (await query("SELECT * FROM touched")).length > 0);
    await eventually(() => ledger.isWaitedFor());
    await server.kill();
    await ledger.endWaiting(); // or the database would keep the batch of the dead server
    await ledger.release();
    expect(told).toBe(0);
    // What was done is not what the client would do now: it must not be done over this.
    if (kind === "update") await query("UPDATE todos SET text = 'soy milk', done = true");
    await query("DELETE FROM touched");
    server = await start(port);

    const decided = await write;
    await client.whenSynced();
    await other.whenSynced();
    expect(told).toBe(1);
    expect(await query("SELECT * FROM touched")).toEqual([]);
    const expected = {
      create: [
        { id: "todo:1", text: "milk", done: false },
        { id: "todo:2", text: "bread", done: false },
      ],
      update: [{ id: "todo:1", text: "soy milk", done: true }],
      destroy: [],
    }[kind];
    if (kind === "create") expect(decided).toEqual({ id: "todo:2", text: "bread", done: false });
    const all = Object.fromEntries((expected ?? []).map((todo) => [todo.id, todo]));
    await eventually(() => other.allObjects().size === expected?.length);
    expect([viewOf(client), viewOf(other)]).toEqual([all, all]);
    const numbered = (expected ?? []).map((todo) => ({ ...todo, id: Number(todo.id.slice(5)) }));
    expect(await rows()).toEqual(numbered);
  },
  90_000,
);
