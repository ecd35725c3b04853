import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { ServerProcess } from "../support/server-process.ts";
import { next, Stage, urlOf } from "../support/stage.ts";

/** What the README says of `npm start`, without a browser: its server, in a folder of its own. */

const TELLS_PORT = /http:\/\/localhost:(\d+)/;

const stage = new Stage();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
});

afterEach(async () => {
  await stage.clear();
  rmSync(folder, { recursive: true });
});

async function start(port = 0, env: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await ServerProcess.start("demo/server.ts", TELLS_PORT, port, env, folder);
  stage.afterwards(() => server.kill());
  return server;
}

test("the meadow is kept in arena.db in the working folder; players are not", async () => {
  const first = await start();
  const client = await stage.join(urlOf(first.port));
  const size = client.allObjects().size;
  expect(size).toBeGreaterThan(300);
  await client.create({ id: "flower:mine", x: 1, y: 1 });
  await client.create({ id: "player:me", x: 1, y: 1 });
  const away = next(client, "disconnect");
  expect(await first.stop()).toBe(0);
  await away;
  expect(readdirSync(folder)).toContain("arena.db");

  await start(first.port);
  await next(client, "synced");
  expect(client.get("flower:mine")).toBeDefined();
  expect(client.get("player:me")).toBeUndefined();
  expect(client.allObjects().size).toBe(size + 1);
});

test("WORLD names another file, and a player goes when it leaves", async () => {
  const { port } = await start(0, { WORLD: join(folder, "other.db") });
  expect(readdirSync(folder)).toContain("other.db");
  expect(readdirSync(folder)).not.toContain("arena.db");
  const [ann, bob] = await Promise.all([stage.join(urlOf(port)), stage.join(urlOf(port))]);
  await ann.create({ id: "player:ann", x: 1, y: 1 });
  await eventually(() => bob.get("player:ann") !== undefined);
  await ann.close();
  await eventually(() => bob.get("player:ann") === undefined);
});

test("a second server that finds the port taken leaves the first one its world", async () => {
  const first = await start();
  const client = await stage.join(urlOf(first.port));
  await expect(start(first.port)).rejects.toThrow("is taken");
  await client.create({ id: "flower:after", x: 1, y: 1 });
});
