import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { writeExample } from "../support/doc-example.ts";
import { eventually } from "../support/eventually.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, urlOf, viewOf } from "../support/stage.ts";

/** docs/PERMISSIONS.md: the server that it shows, as a process of its own. */

const stage = new Stage();
let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  const example = writeExample("docs/PERMISSIONS.md", "cards.mjs", folder);
  server = await ServerProcess.start(example, /ready on \S+:(\d+)/);
}, 60_000);

afterAll(async () => {
  await server.kill();
  rmSync(folder, { recursive: true });
});

afterEach(() => stage.clear());

test("the server of the guide keeps cards and whispers from those whom they do not concern", async () => {
  const url = urlOf(server.port);
  const [ann, bob, eve] = await Promise.all(
    ["ann", "bob", "eve"].map((name) => stage.join(url, { auth: { name } })),
  );
  if (ann === undefined || bob === undefined || eve === undefined) throw new Error("nobody came");
  expect(ann.get("player:ann")).toEqual({
    id: "player:ann",
    owner: "ann",
    hand: ["queen"],
    score: 0,
  });
  expect(bob.get("player:ann")).toEqual({ id: "player:ann", owner: "ann", score: 0 });

  await bob.create({ id: "whisper:1", from: "bob", to: "ann", text: "psst" });
  await eventually(() => ann.get("whisper:1"));
  await expect(bob.create({ id: "whisper:2", from: "ann", to: "bob" })).rejects.toMatchObject({
    code: "forbidden",
  });
  await expect(ann.update({ id: "player:ann", score: 9 })).rejects.toMatchObject({
    code: "forbidden_field",
    property: "score",
  });
  await expect(eve.update({ id: "player:ann", hand: [] })).rejects.toMatchObject({
    code: "forbidden",
  });
  await ann.update({ id: "player:ann", mood: "good" });
  await eventually(() => eve.get("player:ann")?.["mood"] === "good");
  expect(viewOf(eve)).toEqual({
    "player:ann": { id: "player:ann", owner: "ann", score: 0, mood: "good" },
  });
});
