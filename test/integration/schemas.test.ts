import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { z } from "zod";
import { schemas } from "../../schema/index.ts";
import { writeExample } from "../support/doc-example.ts";
import { eventually } from "../support/eventually.ts";
import { ServerProcess } from "../support/server-process.ts";
import { recordEvents, Stage, urlOf, viewOf } from "../support/stage.ts";

/** Schemas on a server and on its clients, and what docs/SCHEMAS.md shows of them. */

const stage = new Stage();
afterEach(() => stage.clear());

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const checked = schemas({ player: z.strictObject({ name: z.string(), level: z.int().min(1) }) });
const ADA = { id: "player:ada", name: "Ada", level: 1 };
const WRONG_LEVEL = { code: "schema_violation", id: "player:ada", property: "level" };

test("of two updates that fit one by one, the one that comes second is refused if they do not together", async () => {
  const { sync, url } = await stage.serve();
  const range = z.object({ min: z.number(), max: z.number() });
  sync.use(schemas({ range: range.refine(({ min, max }) => min <= max, "min is beyond max") }));
  await sync.create({ id: "range:1", min: 3, max: 5 });
  const [ann, bob] = [await stage.join(url), await stage.join(url)];
  const outcomes = await Promise.allSettled([
    ann.update({ id: "range:1", min: 5 }),
    bob.update({ id: "range:1", max: 4 }),
  ]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const { min, max } = sync.get("range:1") as unknown as { min: number; max: number };
  expect(min).toBeLessThanOrEqual(max);
});

test("a client that checks refuses by itself, before anything shows or is sent", async () => {
  const { sync, port } = await stage.serve();
  const network = await stage.network(port);
  const client = await stage.join(network.url, { check: checked.check });
  await client.create(ADA);
  network.cut();
  const events = recordEvents(client);
  const rejected: string[] = [];
  client.on("reject", ({ code }, { operations }) => rejected.push(`${code} ${operations[0]?.id}`));
  const call = new Promise((resolve) => {
    void client.update({ id: "player:ada", level: 0 }, (error) => resolve(error));
  });
  expect(await call).toMatchObject(WRONG_LEVEL);
  expect(events).toEqual([]);
  expect(rejected).toEqual(["schema_violation player:ada"]);
  expect(client.pending).toBe(0);
  expect(viewOf(sync)).toEqual({ "player:ada": ADA });
});

test("the error is the same, whoever checks", async () => {
  const { sync, url } = await stage.serve();
  sync.use(checked);
  await sync.create(ADA);
  const [checking, plain] = [
    await stage.join(url, { check: checked.check }),
    await stage.join(url),
  ];
  const problems = await Promise.all(
    [checking, plain, sync].map(async (writer) => {
      const error: unknown = await writer
        .update({ id: "player:ada", level: 0 })
        .catch((reason: unknown) => reason);
      return { ...(error as object), message: (error as Error).message };
    }),
  );
  expect(problems[0]).toMatchObject(WRONG_LEVEL);
  expect(problems[1]).toEqual(problems[0]);
  expect(problems[2]).toEqual(problems[0]);
});

test("what a client's check is, must be a function", async () => {
  const { url } = await stage.serve();
  expect(() => stage.client(url, { check: {} as never })).toThrow(
    expect.objectContaining({ code: "bad_option", property: "check" }),
  );
});

test.each(["zod.mjs", "json.mjs"])("the server of docs/SCHEMAS.md works (%s)", async (name) => {
  const file = writeExample("docs/SCHEMAS.md", name, folder);
  const server = await ServerProcess.start(file, /ready on \S+:(\d+)/);
  stage.afterwards(() => server.kill());
  const client = await stage.join(urlOf(server.port));
  await client.create(ADA);
  await expect(client.update({ id: "player:ada", level: 0 })).rejects.toMatchObject(WRONG_LEVEL);
  await expect(client.create({ id: "player:eve", level: 1 })).rejects.toMatchObject({
    code: "schema_violation",
    id: "player:eve",
    property: "name",
  });
  await expect(client.create({ id: "tree:1" })).rejects.toMatchObject({ id: "tree:1" });
  expect(viewOf(client)).toEqual({ "player:ada": ADA });
});

test("the client of docs/SCHEMAS.md checks before it sends", async () => {
  const { sync, url } = await stage.serve();
  writeExample("docs/SCHEMAS.md", "schemas.mjs", folder);
  const file = writeExample("docs/SCHEMAS.md", "client.mjs", folder);
  const client = await ServerProcess.start(file, /pending (\d+)/, 0, { URL: url });
  stage.afterwards(() => client.kill());
  await eventually(() => client.output.includes("pending 0"));
  expect(client.output).toMatch(/^schema_violation player:ada level$/m);
  expect(sync.get("player:ada")).toEqual(ADA);
});
