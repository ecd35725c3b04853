import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { PostgresArchive } from "../../server/stores/postgres/index.ts";
import { SqliteArchive, SqliteStore } from "../../server/stores/sqlite/index.ts";
import { buildCommand, COMMAND, objectSync, removeCommand } from "../support/command.ts";
import { writeExample } from "../support/doc-example.ts";
import { openDatabase } from "../../server/stores/sqlite/database.ts";
import { fillArena } from "../support/filled-store.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, urlOf } from "../support/stage.ts";

/** The command as people call it, and docs/OPERATIONS.md, all of whose commands are run here. */

/** For who runs sources in another folder. */
const FROM_SOURCE = { TS_NODE_PROJECT: join(import.meta.dirname, "../../tsconfig.json") };

const stage = new Stage();
let folder: string;
let file: string;

beforeAll(buildCommand);

afterAll(removeCommand);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  file = join(folder, "worlds.db");
});

afterEach(async () => {
  await stage.clear();
  rmSync(folder, { recursive: true });
});

async function fill(): Promise<void> {
  const store = new SqliteStore(file);
  await fillArena(store);
  store.close();
}

test("whoever reads what a command prints may have had enough", async () => {
  const env = { ...process.env, NODE_OPTIONS: "", NODE_NO_WARNINGS: "1" };
  const child = spawn(process.execPath, [COMMAND, "accounts", "--help"], { env });
  child.stdout.destroy();
  let said = "";
  child.stderr.on("data", (chunk) => (said += String(chunk)));
  await once(child, "close");
  expect([child.exitCode, said]).toEqual([0, ""]);
});

test("docs/OPERATIONS.md: every command does what it says, in this order", async () => {
  const database = await TestPostgres.start();
  stage.afterwards(() => database.stop());
  const DATABASE_URL = await database.emptyPlace();
  const page = readFileSync(new URL("../../docs/OPERATIONS.md", import.meta.url), "utf8");
  const script = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, lines]) => lines).join("");
  expect(script.match(/^npx object-sync /gm)).toHaveLength(script.trim().split("\n").length);
  // The worlds that the page begins with.
  const example = writeExample("docs/OPERATIONS.md", "drained.mjs", folder);
  const server = await startIn(folder, example);
  const client = await stage.join(urlOf(server.port));
  await client.create({ id: "tree:1", height: 3, planted: new Date(0) });
  expect(await server.stop()).toBe(0);

  writeExample("docs/OPERATIONS.md", "program.mjs", folder);
  const runner = join(import.meta.dirname, "../support/run-from-source.mjs");
  const ran = await shell(`${script}node '${runner}' program.mjs\n`, { DATABASE_URL });
  expect(ran).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^(exported 1 objects.*\n){2}$/),
  });
  expect(
    ran.stdout.match(/^(backed up|restored|imported|a new epoch of) .*: 1 object /gm),
  ).toHaveLength(8);
  expect(
    readdirSync(folder)
      .filter((name) => !/^(bin|drained|program)/.test(name))
      .sort(),
  ).toEqual([
    "copy.db",
    "default.jsonl",
    "monday.db",
    "moving.db",
    "second.jsonl",
    "tuesday.db",
    "worlds.db",
  ]);
  const copy = new SqliteArchive(join(folder, "copy.db"));
  const postgres = new PostgresArchive(DATABASE_URL);
  const idsOf = (objects: Iterable<{ id: string }>): string[] =>
    Array.from(objects, ({ id }) => id);
  expect(copy.copy().map(({ name, objects }) => [name, idsOf(objects)])).toEqual([
    ["default", ["tree:1"]],
    ["second", ["tree:1"]],
  ]);
  expect((await postgres.copy()).map(({ objects }) => idsOf(objects))).toEqual([["tree:1"]]);
  copy.close();
  await postgres.close();
}, 180_000);

async function startIn(cwd: string, example: string): Promise<ServerProcess> {
  const server = await ServerProcess.start(example, /ready on \S+:(\d+)/, 0, FROM_SOURCE, cwd);
  stage.afterwards(() => server.kill());
  return server;
}

/** Runs a script in the folder, where `npx object-sync` is the command from source. */
async function shell(
  script: string,
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const command = [process.execPath, COMMAND].map((part) => `'${part}'`).join(" ");
  writeFileSync(join(bin, "npx"), `#!/bin/sh\nshift\nexec ${command} "$@"\n`, { mode: 0o755 });
  const child = spawn("sh", ["-e", "-c", script], {
    cwd: folder,
    env: {
      ...process.env,
      ...env,
      ...FROM_SOURCE,
      PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      NODE_OPTIONS: "",
      NODE_NO_WARNINGS: "1",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (said.stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (said.stderr += String(chunk)));
  await once(child, "close");
  return { code: child.exitCode, ...said };
}

test("what is not understood ends with 2, and what is refused with 1, its code and a remedy", async () => {
  await fill();
  const before = readFileSync(file);
  const results = await Promise.all([
    objectSync(["exprot", file]),
    objectSync(["export"]),
    objectSync(["export", join(folder, "nowhere.db")]),
    objectSync(["export", file]),
    objectSync(["import", file, "-"], '{"format":"object-sync","version":1,"world":"arena"}\n'),
    objectSync(["backup", file, file]),
    objectSync(["import", file, join(folder, "nowhere.jsonl")]),
  ]);
  expect(results.map(({ code }) => code)).toEqual([2, 2, 1, 1, 1, 1, 1]);
  expect(results.map(({ stdout }) => stdout).join("")).toBe("");
  const tells = [
    /Did you mean export/,
    /missing required argument 'store'.*\n.*--help tells more/,
    /^object-sync: not_found: there is no file .*nowhere\.db\nobject-sync: nothing was changed\n$/,
    /no world "default": it has "arena"/,
    /exists: there is something in the world "arena" already \(--replace replaces it\)/,
    /there is a file .*worlds\.db already: choose another name/,
    /ENOENT.*nowhere\.jsonl.*see whether the path is right/,
  ];
  for (const [i, { stderr }] of results.entries()) expect(stderr).toMatch(tells[i] ?? "");
  expect(readFileSync(file).equals(before)).toBe(true);
  expect(readdirSync(folder).filter((name) => !name.startsWith("worlds.db-"))).toEqual([
    "worlds.db",
  ]);
}, 60_000);

test("a backup of a damaged or newer store is refused, and leaves no file behind", async () => {
  await fill();
  const newer = join(folder, "newer.db");
  new SqliteStore(newer).close();
  for (const [path, sql] of [
    [file, "UPDATE objects SET revision = 99"],
    [newer, "PRAGMA user_version = 99"],
  ] as const) {
    const database = openDatabase(path);
    database.exec(`${sql}; PRAGMA wal_checkpoint(TRUNCATE)`);
    database.close();
  }
  const [damaged, later] = await Promise.all([
    objectSync(["backup", file, join(folder, "a.db")]),
    objectSync(["restore", newer, join(folder, "b.db")]),
  ]);
  expect(damaged).toMatchObject({ code: 1, stdout: "" });
  expect(damaged.stderr).toMatch(/store_corrupt: the world "arena" is damaged.*restore a backup/);
  expect(later.stderr).toMatch(/later version \(99\): update object-sync/);
  expect(readdirSync(folder).filter((name) => /^[ab]/.test(name))).toEqual([]);
}, 60_000);

test("help tells every command, and the version is that of the package", async () => {
  const [help, version] = await Promise.all([objectSync(["--help"]), objectSync(["--version"])]);
  for (const name of ["export", "import", "backup", "restore", "new-epoch"]) {
    expect(help.stdout).toMatch(new RegExp(`^  ${name} .*<store>`, "m"));
  }
  expect(help).toMatchObject({ code: 0, stderr: "" });
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  expect(version.stdout).toBe(`${(JSON.parse(text) as { version: string }).version}\n`);
}, 60_000);
