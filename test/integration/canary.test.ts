import { afterEach, describe, expect, test } from "@jest/globals";
import type { ObjectSync } from "../../client/index.ts";
import type { Change } from "../../lib/delta.ts";
import {
  encodeFetch,
  encodeSubscribe,
  topicsToText,
  type DeltaMessage,
} from "../../lib/messages.ts";
import type { ObjectId } from "../../lib/object.ts";
import { writeValue } from "../../lib/value-codec.ts";
import { SyncError, type ServerOptions, type Store, type Topic } from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import {
  answerTo,
  creating,
  destroying,
  mutations,
  one,
  refusalOf,
  updating,
} from "../support/hand-made.ts";
import { SpyScene } from "../support/spy-scene.ts";
import { Stage } from "../support/stage.ts";

/*
 * Canaries: values that are nowhere else, in everything that Eve may not read. Every byte that the
 * server says to her is searched for them, with all that her clients tell and all that is printed.
 */

const stage = new Stage();
afterEach(() => stage.clear());

const PAGES = { pageBytes: 256 };

function ids(client: ObjectSync): string[] {
  return [...client.allObjects().keys()].sort();
}

function isDestroyed({ kind }: Change): boolean {
  return kind === "destroy";
}

describe("what Eve may not read does not reach her", () => {
  test("as it is created, changed, destroyed and created anew; and all of it reaches Ann", async () => {
    const scene = await SpyScene.open(stage);
    const ann = await scene.ann();
    const eve = await scene.eve();
    const other = await scene.eve({ subscribe: [{ namespace: "player" }, { namespace: "card" }] });
    for (let i = 0; i < 5; i++) await scene.plant(i);
    for (let round = 1; round <= 9; round++) await scene.stir(round);
    for (const client of [ann, eve, other]) await scene.reaches(client, 9);
    expect(ids(eve)).toEqual([0, 1, 2, 3, 4].map((i) => `player:${i}`));
    expect(Object.keys(eve.get("player:0") ?? {})).toEqual(["id", "owner", "round", "level"]);
    expect(scene.leaks).toEqual([]);
    const { readableToAnn, toldToAnn } = scene;
    expect(readableToAnn.length).toBeGreaterThan(100);
    expect(readableToAnn.filter((name) => !toldToAnn.includes(name))).toEqual([]);
  });

  test("in a snapshot of many pages, nor in what she missed while she was cut off", async () => {
    const scene = await SpyScene.open(stage, { limits: PAGES });
    for (let i = 0; i < 30; i++) await scene.plant(i);
    const eve = await scene.eve();
    expect(ids(eve)).toHaveLength(30);
    scene.network.goDown();
    await eventually(() => !eve.isConnected());
    await scene.stir(3);
    await scene.sync.destroy("player:7");
    scene.network.comeUp();
    await eventually(() => eve.isConnected() && eve.get("player:7") === undefined);
    await scene.reaches(eve, 3);
    expect(scene.network.taps.at(-1)?.messages.length).toBeGreaterThan(4);
    expect(scene.leaks).toEqual([]);
  });

  test("by polling, where bytes travel as text", async () => {
    const scene = await SpyScene.open(stage, { limits: PAGES });
    for (let i = 0; i < 10; i++) await scene.plant(i);
    const polling = { transports: ["polling"] };
    const ann = await scene.rawAnn({}, polling).isWhole();
    const eve = await scene.rawEve({}, polling).isWhole();
    const { length } = eve.messages;
    await scene.stir(1);
    await eve.until(() => eve.messages.length > length);
    expect(scene.leaks).toEqual([]);
    // The search does see through base64.
    const { readableToAnn } = scene;
    // What was written last: texts are numbered.
    const last =
      readableToAnn
        .filter((name) => name.startsWith("canary"))
        .sort()
        .at(-1) ?? "";
    await ann.until(() => JSON.stringify(ann.messages).includes(last));
    const { toldToAnn } = scene;
    expect(readableToAnn.length).toBeGreaterThan(100);
    expect(readableToAnn.filter((name) => !toldToAnn.includes(name))).toEqual([]);
  });

  test("while she reads nothing, nor when she reads again", async () => {
    const scene = await SpyScene.open(stage, { limits: { waitingBytesMax: 20_000, ...PAGES } });
    for (let i = 0; i < 5; i++) await scene.plant(i);
    await scene.sync.create({ id: "note:1", round: 0 });
    const eve = await scene.eve();
    scene.network.stopDelivering();
    const text = "x".repeat(100_000);
    for (let round = 1; round <= 120; round++) {
      await scene.sync.update({ id: "note:1", round, text: text + String(round) });
      if (round % 40 === 0) await scene.stir(round);
    }
    scene.network.deliverAgain();
    await scene.reaches(eve, 120);
    await eventually(() => eve.get("note:1")?.["round"] === 120);
    // It was not told each of them: it did fall behind.
    expect(scene.bytesHeard).toBeLessThan(100 * text.length);
    expect(scene.leaks).toEqual([]);
  });
});

describe("Eve gets nothing", () => {
  test("by fetching: what is hidden, what was destroyed and what never was look alike", async () => {
    const scene = await SpyScene.open(stage);
    for (let i = 0; i < 4; i++) await scene.plant(i);
    await scene.sync.destroy("card:2");
    for (const subscribe of [undefined, [], [{ namespace: "player" }]]) {
      const eve = await scene.eve({ ...(subscribe && { subscribe }) });
      const found = await eve.fetch(["card:1", "card:2", "card:none", "file:1", "player:1"]);
      scene.note(found);
      expect(found.slice(0, 4)).toEqual([null, null, null, null]);
      expect(found[4]).toEqual({ id: "player:1", owner: "ann", round: 1, level: 1 });
    }
    const raw = await scene.rawEve().isWhole();
    raw.send(encodeFetch({ request: 1, ids: ["card:1", "card:2", "card:3"] as ObjectId[] }));
    expect((await answerTo(raw, 1)).missing).toEqual(["card:1", "card:2", "card:3"]);
    expect(scene.leaks).toEqual([]);
  });

  test("by how a fetch handler takes it: it is asked about what is hidden as about what is not there", async () => {
    const asked: string[][] = [];
    const { sync, url } = await stage.serve({
      handlers: {
        fetch(ids: string[]) {
          asked.push(ids);
          throw new Error("the database is away");
        },
      },
      rules: { card: { read: (identity) => identity === "ann" } },
      authenticate: ({ auth }) => auth,
    });
    sync.on("error", () => undefined);
    await sync.create({ id: "card:1" });
    await sync.create({ id: "card:2" });
    await sync.destroy("card:2");
    const eve = await stage.join(url, { auth: "eve" });
    const codes = ["card:1", "card:2", "card:none"].map((id) =>
      eve.fetch(id).then(
        () => "found",
        (error: unknown) => (error as SyncError).code,
      ),
    );
    expect(await Promise.all(codes)).toEqual([
      "handler_failed",
      "handler_failed",
      "handler_failed",
    ]);
    expect(asked.flat().sort()).toEqual(["card:1", "card:2", "card:none"]);
    const ann = await stage.join(url, { auth: "ann" });
    expect(await ann.fetch("card:1")).toEqual({ id: "card:1" });
  });

  test("by asking for namespaces, ids, channels or queries, at first or later", async () => {
    const scene = await SpyScene.open(stage);
    for (let i = 0; i < 4; i++) await scene.plant(i);
    const { privateName, sync, canaries } = scene;
    const ann = await scene.ann({
      subscribe: [{ query: { [privateName]: canaries.text() } }, { channel: canaries.text() }],
    });
    const places = [...sync.allObjects().values()].flatMap(({ place }) =>
      typeof place === "string" ? [place] : [],
    );
    const topics: Topic[] = [
      { namespace: "card" },
      { namespace: "file" },
      { id: "card:1" },
      { channel: "of:ann" },
      { channel: places[0] ?? "" },
      { query: {} },
      { query: { owner: "ann" } },
      { query: { hand: { $exists: true } } },
      { query: { values: { $ne: 1 } } },
      { query: { [privateName]: sync.get("player:1")?.[privateName] } },
      { query: { $or: [{ [privateName]: { $gte: "" } }, { type: "x" }] } },
    ];
    for (const [request, topic] of topics.entries()) {
      const eve = await scene.eve({ subscribe: [topic] });
      const late = await scene.eve({ subscribe: [] });
      await late.subscribe(topic).ready;
      expect(ids(late)).toEqual(ids(eve));
      expect(ids(eve).filter((id) => !id.startsWith("player:"))).toEqual([]);
      const raw = await scene.rawEve({ topics: topicsToText([]) }).isWhole();
      raw.send(encodeSubscribe(request, [topic]));
      expect((await answerTo(raw, request)).error).toBeUndefined();
    }
    await scene.stir(1);
    await scene.reaches(await scene.eve(), 1);
    expect(ann.isConnected()).toBe(true);
    expect(scene.leaks).toEqual([]);
  });

  test("by a query, which finds the same whatever a property is that is hidden from her", async () => {
    const scene = await SpyScene.open(stage);
    const { privateName, sync } = scene;
    const queries = [
      { [privateName]: { $gte: 5 } },
      { [privateName]: { $lt: 5 } },
      { [privateName]: 7 },
      { [privateName]: { $ne: 7 } },
      { [privateName]: { $exists: false } },
      { [privateName]: { $exists: true } },
      { [privateName]: { $not: { $in: [7, 8] } } },
      { $or: [{ [privateName]: 7 }, { kind: "npc" }] },
    ];
    const shown: unknown[] = [];
    for (const [i, secret] of [undefined, 3, 7].entries()) {
      const marker = `note:${i}`;
      await sync.create({ id: "player:1", owner: "ann" });
      await sync.update({ id: "player:1", [privateName]: secret });
      const first = await scene.eve();
      await eventually(() => first.get("player:1"));
      const clients = await Promise.all(
        queries.map((query) => scene.eve({ subscribe: [{ query }, { id: marker }] })),
      );
      const before = clients.map(ids);
      // And as it changes behind her back.
      for (const value of [7, 1, undefined, 9]) {
        await sync.update({ id: "player:1", [privateName]: value });
      }
      await sync.create({ id: marker });
      await Promise.all(clients.map((eve) => eventually(() => eve.get(marker))));
      const after = clients.map((eve) => ids(eve).filter((id) => id !== marker));
      shown.push([before, after]);
      await sync.destroy(marker);
      await sync.destroy("player:1");
    }
    const [none, player] = [[], ["player:1"]];
    const found = [none, none, none, player, player, none, player, none];
    expect(shown).toEqual([1, 2, 3].map(() => [found, found]));
  });

  test("by a query about what nobody may read of any object", async () => {
    const rules = { player: { read: true, properties: { seed: { read: false } } } };
    const scene = await SpyScene.open(stage, { rules });
    const query = { $or: [{ type: "npc" }, { seed: { $gte: 5 } }] };
    const refused = { code: "forbidden", property: "seed" };
    const eve = await scene.eve({ subscribe: [] });
    await expect(eve.subscribe({ query }).ready).rejects.toMatchObject(refused);
    const raw = scene.rawEve({ topics: topicsToText([{ query }]) });
    await raw.until(() => raw.isOver);
    expect(raw.connectError?.data).toMatchObject(refused);
    await eve.subscribe({ query: { type: "npc" } }).ready;
  });

  test("by writing to what is hidden, by its id or by any handle: it is as if it never was", async () => {
    const scene = await SpyScene.open(stage);
    for (let i = 0; i < 10; i++) await scene.plant(i);
    await scene.sync.destroy("card:2");
    const eve = await scene.rawEve().isWhole();
    let n = 0;
    const refusals = async (...contents: Parameters<typeof mutations>[1][]): Promise<unknown[]> => {
      eve.send(mutations(n + 1, ...contents));
      const all = [];
      for (const _ of contents) all.push(await refusalOf(eve, ++n));
      return all.map((refusal) => JSON.stringify(refusal).replaceAll(/"card:\w+|card:\w+/g, "ID"));
    };
    // Hidden, hidden and destroyed, and never there.
    const targets = ["card:1", "card:2", "card:none"];
    for (const write of [(id: string) => updating(id, "owner", one), destroying]) {
      const answers = await refusals(...targets.map(write));
      expect(new Set(answers).size).toBe(1);
      expect(answers[0]).toContain("not_found");
    }
    // A name that is taken, and one that is free and not hers either.
    const anns = (writer: Parameters<typeof one>[0]): void => writeValue(writer, "ann");
    const created = await refusals(...targets.map((id) => creating(id, "owner", anns)));
    expect(new Set(created).size).toBe(1);
    expect(created[0]).toContain("forbidden");
    const taken = await refusals(creating("card:1", "owner", (w) => writeValue(w, "eve")));
    expect(taken).toEqual([created[0]]);

    const shown = new Set(
      eve.messages.flatMap((message) =>
        message.kind === "delta" ? message.delta.changes.map(({ handle }) => handle) : [],
      ),
    );
    const handles = Array.from({ length: 80 }, (_, handle) => handle);
    const hidden = handles.filter((handle) => !shown.has(handle));
    expect(hidden.length).toBeGreaterThan(60);
    const answers = [
      ...(await refusals(...hidden.map((handle) => updating(handle, "round", one)))),
      ...(await refusals(...hidden.map((handle) => destroying(handle)))),
    ];
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain("gone");
    expect(scene.leaks).toEqual([]);
  });

  test("from what is wrong with her writes to what she sees a part of", async () => {
    const scene = await SpyScene.open(stage, { limits: { objectBytesMax: 10_000 } });
    await scene.plant(1);
    const { privateName, canaries, sync } = scene;
    await sync.update({ id: "player:1", hand: `${canaries.text()}${"x".repeat(6_000)}` });
    const last = canaries.text();
    sync.check(({ id, object }) => {
      if (object["level"] !== 13) return;
      const message = `${privateName} is ${last}`;
      throw new SyncError("schema_violation", message, { id, property: privateName });
    });
    const eve = await scene.eve();
    const refusals = await Promise.all(
      [
        eve.update({ id: "player:1", text: "y".repeat(5_000) }),
        eve.update({ id: "player:1", hand: 1 }),
        eve.update({ id: "player:1", level: 13 }),
        eve.create({ id: "player:1", owner: "eve" }),
      ].map((write) => write.catch((error: unknown) => error)),
    );
    scene.note(refusals);
    expect(refusals.map((error) => (error as SyncError).code)).toEqual([
      "too_large",
      "forbidden_field",
      "schema_violation",
      "exists",
    ]);
    expect(refusals[2]).toMatchObject({ id: "player:1" });
    expect(scene.leaks).toEqual([]);
  });

  test("from handlers that fail over what only they know", async () => {
    let word = "";
    const scene = await SpyScene.open(stage, {
      handlers: {
        fetch: (asked) => asked.map((id) => ({ id, [word]: () => word })),
        update: () => {
          throw new Error(word);
        },
        create: () => ({ id: "\0", [word]: word }),
      },
    });
    word = scene.canaries.text();
    const errors: unknown[] = [];
    scene.sync.on("error", (error) => errors.push(error));
    const eve = await scene.eve();
    await expect(eve.fetch("note:1")).rejects.toMatchObject({ code: "handler_failed" });
    await expect(eve.create({ id: "note:2" })).rejects.toMatchObject({ code: "handler_failed" });
    await expect(eve.update({ id: "note:3" })).rejects.toMatchObject({ code: "handler_failed" });
    expect(scene.leaks).toEqual([]);
    expect(scene.canaries.in([Buffer.from(JSON.stringify(errors.map(String)))])).toEqual([]);
    expect(errors.length).toBeGreaterThan(0);
  });

  test("as Ann, without Ann's password; nor with her own and Ann's name", async () => {
    const scene = await SpyScene.open(stage);
    const text = scene.canaries.text();
    const ann = await scene.rawAnn({ clientId: "a-client-of-anns" }).isWhole();
    ann.send(mutations(1, creating(`card:${text}`, "owner", one)));
    expect(await refusalOf(ann, 1)).toMatchObject({ code: "forbidden" });
    for (const [auth, code] of [
      ["ann", "unauthenticated"],
      ["eve", "forbidden"],
    ]) {
      const eve = scene.rawEve({ clientId: "a-client-of-anns", auth });
      await eve.until(() => eve.isOver);
      expect(eve.connectError?.data).toMatchObject({ code });
    }
    expect(ann.isOver).toBe(false);
    expect(scene.leaks).toEqual([]);
    expect(scene.toldToAnn).toContain(text);
  });
});

describe("what is revoked", () => {
  /** Eve may read the files at first. */
  async function openFiles(options: ServerOptions = {}): Promise<SpyScene> {
    const scene = await SpyScene.open(stage, options);
    scene.cleared.add("eve");
    const { canaries, sync } = scene;
    for (let i = 0; i < 20; i++) {
      await sync.create({ id: `file:${i}`, owner: "ann", text: canaries.text() });
    }
    await sync.create({ id: "player:0", owner: "ann", hand: canaries.text() });
    return scene;
  }

  /** She may not any more; and all of it changes. Gives which canaries of that came to her. */
  async function revoke(scene: SpyScene, round: number): Promise<() => string[]> {
    const before = new Set(scene.canaries.names);
    scene.cleared.delete("eve");
    await scene.sync.revoke();
    await scene.stir(round);
    return () => scene.leaks.filter((name) => !before.has(name));
  }

  test("leaves a client that is connected, and nothing newer comes", async () => {
    const scene = await openFiles();
    const eve = await scene.eve();
    const part = await scene.eve({ subscribe: [{ namespace: "file" }, { namespace: "player" }] });
    expect([ids(eve).length, ids(part).length]).toEqual([21, 21]);
    const newer = await revoke(scene, 1);
    for (const client of [eve, part]) {
      await scene.reaches(client, 1);
      expect(ids(client)).toEqual(["player:0"]);
    }
    expect(newer()).toEqual([]);
  });

  test("leaves a client that was away, and nothing newer comes", async () => {
    const scene = await openFiles();
    const eve = await scene.eve();
    scene.network.goDown();
    await eventually(() => !eve.isConnected());
    const newer = await revoke(scene, 1);
    expect(ids(eve)).toHaveLength(21);
    scene.network.comeUp();
    await scene.reaches(eve, 1);
    expect(ids(eve)).toEqual(["player:0"]);
    expect(newer()).toEqual([]);
  });

  test("leaves a client for which much is waiting, and nothing newer comes", async () => {
    const scene = await openFiles({ limits: { waitingBytesMax: 50_000, ...PAGES } });
    const eve = await scene.eve();
    scene.network.stopDelivering();
    for (let round = 1; round <= 100; round++) {
      await scene.sync.update({ id: "file:1", text: "x".repeat(100_000) + String(round) });
    }
    const newer = await revoke(scene, 101);
    scene.network.deliverAgain();
    await scene.reaches(eve, 101);
    expect(ids(eve)).toEqual(["player:0"]);
    expect(newer()).toEqual([]);
  });

  test("is in no page that comes after, to her or to a client of hers that is new", async () => {
    const scene = await openFiles({ limits: { waitingBytesMax: 50_000, ...PAGES } });
    for (let i = 0; i < 300; i++) {
      await scene.sync.create({ id: `note:${i}`, text: "x".repeat(60_000) });
    }
    // The files are in the first pages, and leave in one before the last.
    const pages: DeltaMessage[] = [];
    scene.network.onMessage = ({ message }) => {
      if (message.kind !== "delta") return;
      pages.push(message);
      if (pages.length === 4) scene.network.stopDelivering();
    };
    const joining = scene.eve();
    await eventually(() => pages.length >= 4);
    const newer = await revoke(scene, 1);
    const elsewhere = await scene.eve({}, scene.elsewhere);
    expect(ids(elsewhere)).toHaveLength(301);
    expect(scene.leaksElsewhere).toEqual([]);
    scene.network.deliverAgain();
    const eve = await joining;
    const purge = pages.findIndex((page) => page.delta.changes.some(isDestroyed));
    expect(purge).toBeGreaterThan(4);
    expect(purge).toBeLessThanOrEqual(pages.findIndex(({ isWhole }) => isWhole));
    await scene.reaches(eve, 1);
    expect(ids(eve)).toEqual(ids(elsewhere));
    expect(newer()).toEqual([]);
  });

  test("cannot be named by a handle that another client of hers was told", async () => {
    const scene = await openFiles({ flush: 0, limits: { waitingBytesMax: 20_000 } });
    await scene.sync.create({ id: `file:${scene.canaries.text()}`, owner: "ann" });
    const eve = await scene.rawEve({ clientId: "eve-the-first" }).isWhole();
    // One that is behind: for its sake what has left is remembered.
    scene.network.stopDelivering();
    for (let round = 1; round <= 120; round++) {
      await scene.sync.update({ id: "player:0", text: "x".repeat(100_000) + String(round) });
    }
    await revoke(scene, 1);
    const raw = scene.rawEve({ clientId: "eve-the-second" }, {}, scene.elsewhere);
    await raw.isWhole();
    const handles = Array.from({ length: 40 }, (_, handle) => handle);
    raw.send(mutations(1, ...handles.map((handle) => updating(handle, "text", one))));
    await refusalOf(raw, handles.length);
    expect(eve.isOver).toBe(false);
    expect(scene.leaksElsewhere).toEqual([]);
  });
});

describe("what a store has not taken", () => {
  /** A store in memory that can be made to wait, and to refuse. */
  function openRefusing(): {
    store: Store;
    refuse: (error: Error) => void;
    isAsked: () => boolean;
  } {
    let reject: ((error: Error) => void) | undefined;
    let isArmed = false;
    const store: Store = {
      capabilities: { durable: false },
      load: (_world, epoch) => ({
        ...{
          epoch,
          term: 1,
          seq: 0,
          horizon: 0,
          nextHandle: 1,
          ledgerHorizon: 0,
          schemaVersion: 1,
        },
        objects: [],
        decided: [],
      }),
      commit: () => {
        if (!isArmed) return undefined;
        return new Promise((_resolve, refuse) => (reject = refuse));
      },
      close: () => undefined,
    };
    return {
      store,
      isAsked: () => {
        isArmed = true;
        return reject !== undefined;
      },
      refuse: (error) => {
        isArmed = false;
        reject?.(error);
      },
    };
  }

  test.each([
    ["refuses it", new Error("the disk is full")],
    ["has another server", new SyncError("deposed", "another server has the world")],
  ])(
    "reaches nobody when the store %s: not who was there, nor who came meanwhile",
    async (_what, error) => {
      const { store, refuse, isAsked } = openRefusing();
      const scene = await SpyScene.open(stage, { store });
      const { canaries, sync } = scene;
      sync.on("error", () => undefined);
      await sync.create({ id: "card:1", owner: "ann", text: canaries.text() });
      await sync.create({ id: "note:1" });
      const there = await scene.eve();
      isAsked();
      // Would it stand, Eve could read both.
      const writes = [
        sync.update({ id: "card:1", owner: "eve" }),
        sync.create({ id: `card:${canaries.text()}`, owner: "eve", text: canaries.text() }),
      ].map((write) => write.catch((reason: unknown) => (reason as SyncError).code));
      await eventually(isAsked);
      // Of whom no view was made before.
      const raw = scene.rawEve({ topics: topicsToText([{ namespace: "card" }, { id: "note:1" }]) });
      await raw.until(() => raw.messages.some(({ kind }) => kind === "welcome"));
      refuse(error);
      if (error instanceof SyncError) {
        expect(await raw.goodbye()).toBe("unavailable");
      } else {
        expect(await Promise.all(writes)).toEqual(["unavailable", "unavailable"]);
        await raw.isWhole();
        await sync.update({ id: "note:1", round: 1 });
        await eventually(() => there.get("note:1")?.["round"] === 1);
      }
      expect(ids(there)).toEqual(["note:1"]);
      expect(scene.leaks).toEqual([]);
    },
  );

  test("reaches nobody when the server is closed over it", async () => {
    const { store, isAsked } = openRefusing();
    const scene = await SpyScene.open(stage, { store, limits: { drainTimeoutMs: 50 } });
    await scene.sync.create({ id: "card:1", owner: "ann", text: scene.canaries.text() });
    const eve = await scene.eve();
    isAsked();
    const write = scene.sync.update({ id: "card:1", owner: "eve" }).catch(() => undefined);
    await eventually(isAsked);
    const raw = scene.rawEve();
    await raw.until(() => raw.messages.some(({ kind }) => kind === "welcome"));
    await scene.sync.close();
    await write;
    expect(await raw.goodbye()).toBe("unavailable");
    expect(ids(eve)).toEqual([]);
    expect(scene.leaks).toEqual([]);
  });
});
