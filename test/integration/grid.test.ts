import { isDeepStrictEqual } from "node:util";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ObjectSyncServer, silently, type ServerOptions } from "../../server/index.ts";
import { grid, type GridOptions, type RadiusOf } from "../../server/plugins/grid/index.ts";
import { eventually } from "../support/eventually.ts";
import { KeptStore } from "../support/kept-store.ts";
import { recordEvents, Stage } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

async function serveGrid(own: Partial<GridOptions> = {}, options: ServerOptions = {}) {
  const sync = new ObjectSyncServer({ authenticate: ({ auth }) => auth, ...options });
  stage.afterwards(() => sync.close());
  await sync.world("default").opened();
  sync.use(
    grid({
      namespaces: ["player"],
      cellSize: 10,
      radius: 10,
      margin: 2,
      follow: ({ identity }) => (typeof identity === "string" ? `player:${identity}` : undefined),
      besides: () => [{ namespace: "chat" }],
      ...own,
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
  test("begun while the store is at work, ends with a world that closes meanwhile", async () => {
    const store = new KeptStore();
    const sync = new ObjectSyncServer({
      store,
      limits: { drainTimeoutMs: 10, storeTimeoutMs: 20 },
    });
    await sync.world("default").opened();
    let release = (): void => undefined;
    store.hold = new Promise((resolve) => (release = resolve));
    const write = sync.create({ id: "player:ann", x: 5, y: 5 });
    write.catch(() => undefined);
    await eventually(() => store.commits > 0);
    sync.use(grid({ namespaces: ["player"], cellSize: 10, radius: 10, follow: () => undefined }));
    await sync.close();
    release();
    await expect(write).rejects.toMatchObject({ code: "unavailable" });
    await new Promise(setImmediate); // by then a rejection that nobody handles has failed the test
  });

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

const bySight: RadiusOf = ({ sight }) => sight as number;

/** Somebody every ten, in the middle of cells 0 to 9. */
async function crowd(sync: ObjectSyncServer): Promise<void> {
  await sync.transaction((tx) => {
    for (let i = 0; i < 10; i++) tx.create({ id: `player:at-${i}`, x: 10 * i + 5, y: 5 });
  });
}

/** The first and the last of the crowd that a client is shown. */
function span(client: { allObjects: () => ReadonlyMap<string, unknown> }): string {
  const shown = ids(client).filter((id) => id.startsWith("player:at-"));
  return `${shown.at(0)?.at(-1) ?? ""}-${shown.at(-1)?.at(-1) ?? ""}`;
}

describe("a radius per client", () => {
  const perClient = { radius: bySight, radiusMax: 36 };

  test("follows what its own object says, at once and for it alone", async () => {
    const { sync, url } = await serveGrid(perClient);
    await crowd(sync);
    await sync.create({ id: "player:ann", x: 45, y: 5, sight: 1 });
    await sync.create({ id: "player:bob", x: 45, y: 5, sight: 15 });
    const ann = await stage.join(url, { auth: "ann" });
    const bob = await stage.join(url, { auth: "bob" });
    expect([span(ann), span(bob)]).toEqual(["3-5", "2-6"]);

    const seen = recordEvents(ann);
    await sync.update({ id: "player:ann", sight: 25 });
    await comesTo(() => span(ann), "1-7");
    await sync.update({ id: "player:ann", sight: 1 });
    await comesTo(() => span(ann), "3-5");
    expect(span(bob)).toBe("2-6");
    expect(seen.filter((line) => line.endsWith("player:ann"))).toEqual([]); // it never leaves
  });

  test("is told whose it is", async () => {
    const radius: RadiusOf = (_object, { identity }) => (identity === "ann" ? 1 : 25);
    const { sync, url } = await serveGrid({ radius, radiusMax: 25 });
    await crowd(sync);
    for (const name of ["ann", "bob"]) await sync.create({ id: `player:${name}`, x: 45, y: 5 });
    const [ann, bob] = [
      await stage.join(url, { auth: "ann" }),
      await stage.join(url, { auth: "bob" }),
    ];
    expect([span(ann), span(bob)]).toEqual(["3-5", "1-7"]);
  });

  test("that wavers, or is left behind by a step along a border, makes nobody come and go", async () => {
    const { sync, url } = await serveGrid(perClient);
    await crowd(sync);
    await sync.create({ id: "player:ann", x: 45, y: 5, sight: 15 });
    const ann = await stage.join(url, { auth: "ann" });
    const seen = recordEvents(ann);
    const comings = (): string[] => seen.filter((line) => !line.startsWith("update"));
    await sync.update({ id: "player:ann", sight: 17 }); // with both margins, a third cell
    await comesTo(() => span(ann), "1-7");
    const entered = comings();
    for (const sight of [16, 17, 15, 17, 15]) await sync.update({ id: "player:ann", sight });
    for (const x of [51, 49, 51, 49]) await sync.update({ id: "player:ann", x });
    await comesTo(() => ann.get("player:ann")?.["x"], 49);
    expect([comings(), span(ann)]).toEqual([entered, "1-7"]);
    await sync.update({ id: "player:ann", sight: 14 }); // a margin less
    await comesTo(() => span(ann), "2-6");
  });

  test("is no more than radiusMax, whatever its client writes", async () => {
    const { sync, url } = await serveGrid(perClient);
    await crowd(sync);
    await sync.create({ id: "player:ann", x: 45, y: 5, sight: 1 });
    const ann = await stage.join(url, { auth: "ann" });
    await ann.update({ id: "player:ann", sight: Number.MAX_SAFE_INTEGER });
    await comesTo(() => span(ann), "0-8");
  });

  test("that is none is told once, and shows what is nearest", async () => {
    const { sync, url } = await serveGrid(perClient);
    const errors: string[] = [];
    sync.world("default").on("error", ({ code, id }) => errors.push(`${code} ${String(id)}`));
    await crowd(sync);
    await sync.create({ id: "player:ann", x: 45, y: 5, sight: 25 });
    const ann = await stage.join(url, { auth: "ann" });
    for (const sight of ["far", -1, null]) await sync.update({ id: "player:ann", sight });
    await comesTo(() => span(ann), "3-5");
    expect(errors).toEqual(["handler_failed player:ann"]);
    await sync.update({ id: "player:ann", sight: 25 });
    await comesTo(() => span(ann), "1-7");
    await sync.update({ id: "player:ann", sight: undefined });
    await comesTo(() => span(ann), "3-5");
    expect(errors).toHaveLength(2);
  });

  test.each([
    ["radius", { radius: "far" as never }],
    ["radius", { radius: 1_000 }], // 40,401 cells
    ["radiusMax", { radius: bySight }],
    ["radiusMax", { radius: bySight, radiusMax: NaN }],
    ["radiusMax", { radius: bySight, radiusMax: 1_000 }],
    ["radiusMax", { radius: 10, radiusMax: 20 }],
  ])("is refused where it could not be: %s, %j", (property, own) => {
    const given = { namespaces: ["player"], cellSize: 10, radius: 10, follow: () => undefined };
    const refused = expect.objectContaining({ code: "bad_option", property }) as never;
    expect(() => grid({ ...given, ...own })).toThrow(refused);
  });
});

describe("whom a client follows", () => {
  test("is followed as well when it is moved silently", async () => {
    const update = (object: object): unknown => silently(object);
    const { sync, url } = await serveGrid({}, { handlers: { update } as never });
    await sync.create({ id: "player:ann", x: 5, y: 5 });
    await sync.create({ id: "player:near", x: 15, y: 5 });
    await sync.create({ id: "player:far", x: 95, y: 5 });
    const ann = await stage.join(url, { auth: "ann" });
    const told: string[] = [];
    sync.world("default").on("update", ({ id }) => told.push(id));
    await ann.update({ id: "player:ann", x: 95 });
    await comesTo(() => ids(ann), ["player:ann", "player:far"]);
    expect(told).toEqual([]); // it was silent
  });

  test("is followed from when a fetch handler has brought it in", async () => {
    const fetch = (wanted: readonly string[]): object[] =>
      wanted.filter((id) => id === "player:ann").map((id) => ({ id, x: 5, y: 5 }));
    const { sync, url } = await serveGrid({}, { handlers: { fetch } });
    await sync.create({ id: "player:near", x: 15, y: 5 });
    const ann = await stage.join(url, { auth: "ann" });
    expect(ids(ann)).toEqual([]);
    await sync.fetch("player:ann");
    await comesTo(() => ids(ann), ["player:ann", "player:near"]);
  });

  test("is where the store has it, when it has refused a move that was under way as the client came", async () => {
    const store = new KeptStore();
    const { sync, url } = await serveGrid({}, { store });
    sync.world("default").on("error", () => undefined);
    await sync.create({ id: "player:ann", x: 5, y: 5 });
    await sync.create({ id: "player:near", x: 15, y: 5 });
    await sync.create({ id: "player:far", x: 95, y: 5 });
    let release = (): void => undefined;
    store.hold = new Promise((resolve) => (release = resolve));
    store.refuses = true;
    const { commits } = store;
    const moving = sync.update({ id: "player:ann", x: 95 });
    await comesTo(() => store.commits, commits + 1);
    const ann = stage.client(url, { auth: "ann" });
    let isHere = false;
    sync.world("default").on("connect", () => (isHere = true));
    await comesTo(() => isHere, true);
    release();
    await expect(moving).rejects.toMatchObject({ code: "unavailable" });
    store.refuses = false;
    await comesTo(() => ids(ann), ["player:ann", "player:near"]);
  });

  test("is asked once for each session, and of one that is over nothing is", async () => {
    const followed: unknown[] = [];
    const asked: unknown[] = [];
    const { sync, url } = await serveGrid({
      follow: ({ identity }) => {
        followed.push(identity);
        return followed.length === 1 ? "player:ann" : undefined; // it has left the game
      },
      radius: (_object, { identity }) => {
        asked.push(identity);
        return 10;
      },
      radiusMax: 10,
    });
    await sync.create({ id: "player:ann", x: 5, y: 5 });
    const ann = await stage.join(url, { auth: "ann" });
    const gone = new Promise<void>((resolve) => {
      sync.world("default").on("disconnect", () => resolve());
    });
    await ann.close();
    await gone;
    const before = asked.length;
    await sync.update({ id: "player:ann", x: 95 });
    expect([followed, before, asked.length]).toEqual([["ann"], 1, 1]);
  });
});
