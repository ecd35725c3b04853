import { isDeepStrictEqual } from "node:util";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ObjectSyncServer } from "../../server/index.ts";
import { grid } from "../../server/plugins/grid/index.ts";
import { eventually } from "../support/eventually.ts";
import { recordEvents, Stage } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

async function serveGrid() {
  const sync = new ObjectSyncServer({ authenticate: ({ auth }) => auth });
  stage.afterwards(() => sync.close());
  sync.use(
    grid({
      namespaces: ["player"],
      cellSize: 10,
      radius: 10,
      margin: 2,
      follow: ({ identity }) => (typeof identity === "string" ? `player:${identity}` : undefined),
      besides: () => [{ namespace: "chat" }],
    }),
  );
  const port = await sync.listen(0);
  return { sync, url: `http://localhost:${String(port)}` };
}

async function comesTo(look: () => unknown, expected: unknown): Promise<void> {
  await eventually(() => isDeepStrictEqual(look(), expected), look);
}

const ids = (client: { allObjects: () => ReadonlyMap<string, unknown> }): string[] =>
  [...client.allObjects().keys()].sort();

describe("the grid", () => {
  test("shows who is near, as one moves and as others do", async () => {
    const { sync, url } = await serveGrid();
    await sync.create({ id: "player:ann", x: 5, y: 5 });
    await sync.create({ id: "player:near", x: 15, y: 5 });
    await sync.create({ id: "player:far", x: 95, y: 5 });
    await sync.create({ id: "chat:1", text: "hello" });
    const ann = await stage.join(url, { auth: "ann" });
    expect(ids(ann)).toEqual(["chat:1", "player:ann", "player:near"]);

    const seen = recordEvents(ann);
    await sync.update({ id: "player:far", x: 16 });
    await comesTo(() => ids(ann), ["chat:1", "player:ann", "player:far", "player:near"]);
    await sync.update({ id: "player:far", x: 95 });
    await comesTo(() => ids(ann), ["chat:1", "player:ann", "player:near"]);
    await ann.update({ id: "player:ann", x: 95 });
    await comesTo(() => ids(ann), ["chat:1", "player:ann", "player:far"]);
    expect(seen).toEqual([
      "add player:far",
      "remove player:far",
      "update player:ann x",
      "remove player:near",
      "add player:far",
    ]);
  });

  test("a client sees nobody until there is one that it follows, and nobody once it is gone", async () => {
    const { sync, url } = await serveGrid();
    await sync.create({ id: "player:near", x: 1, y: 1 });
    const ann = await stage.join(url, { auth: "ann" });
    const spectator = await stage.join(url);
    expect([ids(ann), ids(spectator)]).toEqual([[], []]);
    await sync.create({ id: "player:ann", x: 2, y: 2 });
    await comesTo(() => ids(ann), ["player:ann", "player:near"]);
    await sync.destroy("player:ann");
    await comesTo(() => ids(ann), []);
    expect(ids(spectator)).toEqual([]);
  });

  test("who walks along a border does not make others come and go", async () => {
    const { sync, url } = await serveGrid();
    await sync.create({ id: "player:ann", x: 5, y: 5 });
    await sync.create({ id: "player:bob", x: 29, y: 5 });
    const ann = await stage.join(url, { auth: "ann" });
    const seen = recordEvents(ann);
    for (const x of [31, 29, 31, 29, 30]) await sync.update({ id: "player:bob", x });
    await comesTo(() => ann.get("player:bob")?.["x"], 30);
    expect(seen.filter((line) => !line.startsWith("update"))).toEqual([]);
  });

  test("clients cannot ask for what is out of sight", async () => {
    const { sync, url } = await serveGrid();
    await sync.create({ id: "player:ann", x: 5, y: 5 });
    await sync.create({ id: "player:far", x: 500, y: 5 });
    const ann = await stage.join(url, { auth: "ann", subscribe: [{ namespace: "player" }] });
    expect(ids(ann)).toEqual(["player:ann"]);
    expect(await ann.fetch(["player:far", "player:ann"])).toMatchObject([null, { x: 5 }]);
    await expect(ann.subscribe({ channel: "cell:50:0" }).ready).rejects.toMatchObject({
      code: "forbidden",
    });
    expect(ids(ann)).toEqual(["player:ann"]);
  });
});
