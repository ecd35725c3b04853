import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ObjectSyncServer, type SyncError } from "../../../server/index.ts";
import { exportWorld, importWorld } from "../../../server/operations/index.ts";
import { SqliteArchive, SqliteStore } from "../../../server/stores/sqlite/index.ts";
import { viewOf } from "../../support/stage.ts";

let folder: string;
let file: string;
let archive: SqliteArchive;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  file = join(folder, "worlds.db");
  archive = new SqliteArchive(file);
});

afterEach(() => {
  archive.close();
  rmSync(folder, { recursive: true });
});

const HEADER = '{"format":"object-sync","version":1,"world":"default"}';

async function refusal(lines: readonly string[]): Promise<Pick<SyncError, "code" | "message">> {
  try {
    await importWorld(archive, lines);
  } catch (error) {
    const { code, message } = error as SyncError;
    return { code, message };
  }
  throw new Error("it was imported");
}

test("what is exported is imported with every value, in the same order, as a world of its own", async () => {
  const first = new ObjectSyncServer({ store: new SqliteStore(file), open: true });
  await first.create({ id: "tree", planted: new Date(7), rings: Uint8Array.of(1, 2), $date: "no" });
  await first.create({ id: "gone" });
  await first.create({ id: "list", of: [1, { $bytes: "x" }, null], "": { deep: [new Date(0)] } });
  await first.destroy("gone");
  await first.update({ id: "tree", height: -0.5 });
  const expected = viewOf(first);
  const lines = [...(await exportWorld(archive))];
  await first.close();
  expect(JSON.parse(lines[0] ?? "")).toEqual({
    ...{ format: "object-sync", version: 1, world: "default", seq: 5, objects: 2 },
    schemaVersion: 1,
    epoch: archive.copy()[0]?.epoch,
  });
  expect(lines.slice(1).map((line) => (JSON.parse(line) as { id: string }).id)).toEqual([
    "list",
    "tree",
  ]);

  const other = join(folder, "other.db");
  const target = new SqliteArchive(other);
  expect(await importWorld(target, lines)).toMatchObject({ world: "default", objects: 2, seq: 2 });
  expect(target.copy()[0]?.epoch).not.toContain(archive.copy()[0]?.epoch);
  target.close();
  const second = new ObjectSyncServer({ store: new SqliteStore(other), open: true });
  expect(viewOf(second)).toEqual(expected);
  await second.create({ id: "gone" });
  await second.close();
});

test("lines that people write need no more than a header and ids; empty ones are passed over", async () => {
  const lines = [HEADER, "", ' {"id": "a"} ', '{"id":"b","x":[]}', ""];
  expect(await importWorld(archive, lines, { world: "arena" })).toMatchObject({
    world: "arena",
    objects: 2,
  });
  expect(archive.copy()[0]).toMatchObject({ name: "arena", nextHandle: 3, decided: [] });
});

test.each([
  ["no file at all", [], "invalid_payload", /empty/],
  ["no header", ['{"id":"a"}'], "invalid_payload", /^line 1: it must begin with/],
  [
    "a header without a world",
    ['{"format":"object-sync","version":1}'],
    "invalid_payload",
    /names/,
  ],
  ["a header without a version", ['{"format":"object-sync"}'], "invalid_payload", /no version/],
  [
    "a later version",
    ['{"format":"object-sync","version":2,"world":"default"}'],
    "unsupported",
    /^line 1: .*later version \(2\): update/,
  ],
  [
    "what is no JSON",
    [HEADER, '{"id":"a"}', '{"id":'],
    "invalid_payload",
    /^line 3 cannot be read/,
  ],
  ["what is no object", [HEADER, "", "[]"], "invalid_payload", /^line 3 cannot be read/],
  ["an object without an id", [HEADER, '{"x":1}'], "invalid_id", /^line 2: /],
  ["an id that is none", [HEADER, '{"id":7}'], "invalid_id", /^line 2: .*write "7"/],
  ["the same id twice", [HEADER, '{"id":"a"}', '{"id":"a"}'], "exists", /^line 3: /],
  ["a value that is none", [HEADER, '{"id":"a","x":1e400}'], "invalid_value", /^line 2: x/],
  ["a date that is none", [HEADER, '{"id":"a","x":{"$date":"?"}}'], "invalid_payload", /no date/],
  ["a reserved name", [HEADER, '{"id":"a","__proto__":{}}'], "reserved_key", /^line 2: /],
  ["a reserved key", [HEADER, '{"id":"a","x":{"__proto__":1}}'], "reserved_key", /^line 2: /],
  [
    "nesting without end",
    [HEADER, `{"id":"a","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
    "invalid_payload",
    /^line 2 cannot be read/,
  ],
  [
    "nesting too deep",
    [HEADER, `{"id":"a","x":${"[".repeat(40)}${"]".repeat(40)}}`],
    "too_deep",
    /2/,
  ],
  [
    "a file that was cut",
    ['{"format":"object-sync","version":1,"world":"default","objects":2}', '{"id":"a"}'],
    "invalid_payload",
    /tells of 2 objects, and 1 are there/,
  ],
] as const)(
  "%s is refused with its line, and no store is made",
  async (_what, lines, code, tells) => {
    expect(await refusal(lines)).toEqual({ code, message: expect.stringMatching(tells) });
    expect(existsSync(file)).toBe(false);
  },
);

test("a file that cannot be imported leaves a store as it is, byte by byte", async () => {
  await importWorld(archive, [HEADER, '{"id":"old"}']);
  archive.close();
  const before = readFileSync(file);
  expect(await refusal([HEADER, '{"id":"new"}'])).toMatchObject({ code: "exists" });
  const bad = importWorld(archive, [HEADER, '{"id":"new"}', "?"], { replace: true });
  await expect(bad).rejects.toMatchObject({ code: "invalid_payload" });
  archive.close();
  expect(readFileSync(file).equals(before)).toBe(true);
  await importWorld(archive, [HEADER, '{"id":"new"}'], { replace: true });
  expect([...(archive.copy()[0]?.objects ?? [])].map(({ id }) => id)).toEqual(["new"]);
});

test("a world that is not there is not found, and the message names those that are", async () => {
  await expect(exportWorld(archive)).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringContaining("it has none"),
  });
  await importWorld(archive, [HEADER], { world: "arena" });
  await expect(exportWorld(archive)).rejects.toMatchObject({
    message: expect.stringContaining('it has "arena"'),
  });
});

test("what was imported comes to clients in pages, not as one", async () => {
  const text = "x".repeat(2_000);
  const objects = Array.from({ length: 200 }, (_, i) => JSON.stringify({ id: `o:${i}`, text }));
  await importWorld(archive, [HEADER, ...objects]);
  const revisions = [...(archive.copy()[0]?.objects ?? [])].map(({ revision }) => revision);
  expect(new Set(revisions).size).toBe(200);
});
