import { isDeepStrictEqual } from "node:util";
import { afterEach, describe, expect, test } from "@jest/globals";
import { memoryStorage, SharedMemory } from "../../client/offline/memory.ts";
import {
  keepAlive,
  keepBoth,
  mergeProperties,
  preferLocal,
  preferRemote,
  resolveWith,
  type ConflictResolver,
} from "../../client/conflicts/index.ts";
import { explicit } from "../../client/explicit/index.ts";
import type {
  Conflict,
  ConflictHandler,
  ObjectSync,
  ObjectSyncOptions,
  SyncError,
} from "../../client/index.ts";
import { ObjectSyncServer, type ServerOptions } from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import { KeptStore } from "../support/kept-store.ts";
import { Stage, TAPPED, viewOf, type Served } from "../support/stage.ts";

/** Where conflicts are detected, a write about what somebody else has written meanwhile is decided by its writer. */

const stage = new Stage();
afterEach(() => stage.clear());

const TREE = { id: "tree:1", height: 1, kind: "oak" };

/** What a client sees, by id. */
function objectsOf(sync: ObjectSync): unknown[] {
  const view = viewOf(sync);
  return Object.keys(view)
    .sort()
    .map((id) => view[id]);
}

interface Scene extends Served {
  /** Goes offline, while the other writes. */
  readonly away: ObjectSync;
  readonly here: ObjectSync;
  /** What `away` was asked about. */
  readonly asked: Conflict[];
  /** Comes back, and has everything decided. */
  readonly settle: () => Promise<void>;
}

/** The same handler, of which is noted what it is asked. */
function watched(handler: ConflictHandler, asked: Conflict[]): ConflictHandler {
  const watching: ConflictHandler = (conflict) => {
    asked.push(conflict);
    return handler(conflict);
  };
  return Object.assign(watching, { wantsEqual: handler.wantsEqual === true });
}

const adding = mergeProperties(
  ({ base, mine, theirs }) => Number(theirs) + (Number(mine) - Number(base)),
);

async function scene(
  handler: ConflictHandler | undefined,
  options: ServerOptions = {},
  client: ObjectSyncOptions = {},
): Promise<Scene> {
  const served = await stage.serve({ conflicts: "detect", ...options });
  const asked: Conflict[] = [];
  const onConflict = handler && {
    onConflict: resolveWith(watched(handler, asked)),
  };
  const away = stage.client(served.url, { ...client, ...onConflict });
  const here = stage.client(served.url, client);
  await Promise.all([away.whenSynced(), here.whenSynced()]);
  await here.create(TREE);
  await eventually(() => away.get("tree:1"));
  away.disconnect();
  const settle = async (): Promise<void> => {
    away.connect();
    await away.whenSynced();
    await eventually(() => away.pending === 0);
    await eventually(() => isDeepStrictEqual(objectsOf(here), objectsOf(away)));
  };
  return { ...served, away, here, asked, settle };
}

test("different properties do not collide", async () => {
  const { away, here, asked, settle } = await scene(preferLocal);
  const write = away.update({ id: "tree:1", height: 2 });
  await here.update({ id: "tree:1", kind: "elm" });
  await settle();
  await write;
  expect(asked).toEqual([]);
  expect(objectsOf(here)).toEqual([{ id: "tree:1", height: 2, kind: "elm" }]);
});

test("the same property is asked about, and nothing else, with base, mine and theirs", async () => {
  const { away, here, asked, settle } = await scene(preferLocal);
  const write = away.update({ id: "tree:1", height: 2, kind: "ash" });
  await here.update({ id: "tree:1", height: 3, age: 9 });
  await settle();
  await write;
  expect(asked).toEqual([
    {
      id: "tree:1",
      collisions: [{ id: "tree:1", property: "height", base: 1, mine: 2, theirs: 3 }],
      base: { id: "tree:1", height: 1, kind: "oak", age: 9 },
      mine: { id: "tree:1", height: 2, kind: "ash", age: 9 },
      theirs: { id: "tree:1", height: 3, kind: "oak", age: 9 },
    },
  ]);
  expect(objectsOf(here)).toEqual([{ id: "tree:1", height: 2, kind: "ash", age: 9 }]);
});

test("what is left to the others stays theirs, what does not collide is kept", async () => {
  const { away, here, settle } = await scene(preferRemote);
  const write = away.update({ id: "tree:1", height: 2, kind: "ash" });
  await here.update({ id: "tree:1", height: 3 });
  await settle();
  await write;
  expect(objectsOf(here)).toEqual([{ id: "tree:1", height: 3, kind: "ash" }]);
});

test("a property that this side has removed is gone for who gives `mine`", async () => {
  const { away, here, asked, settle } = await scene(preferLocal);
  const write = away.update({ id: "tree:1", height: undefined });
  await here.update({ id: "tree:1", height: 3 });
  await settle();
  await write;
  expect(Object.entries(asked[0]?.mine ?? {})).toContainEqual(["height", undefined]);
  expect(objectsOf(here)).toEqual([{ id: "tree:1", kind: "oak" }]);
});

test("a property that both sides have added is gone for who gives `base`", async () => {
  const { away, here, settle } = await scene(({ base }) => base);
  const write = away.update({ id: "tree:1", age: 2 });
  await here.update({ id: "tree:1", age: 3 });
  await settle();
  await write;
  expect(objectsOf(here)).toEqual([TREE]);
});

test.each<[what: string, handler: ConflictHandler, expected: object[]]>([
  ["null destroys it", () => null, []],
  [
    "under another id it is another object, and what did not collide is written",
    () => ({ id: "tree:2", height: 7 }),
    [
      { ...TREE, height: 3, kind: "ash" },
      { id: "tree:2", height: 7 },
    ],
  ],
])("of what collides %s", async (_what, handler, expected) => {
  const { away, here, asked, settle } = await scene(handler);
  const write = away.update({ id: "tree:1", height: 2, kind: "ash" });
  await here.update({ id: "tree:1", height: 3 });
  await settle();
  await write;
  expect(objectsOf(here)).toEqual(expected);
  expect(asked).toHaveLength(1);
});

test("a write of which nothing is left is rejected as a conflict, and nothing is written", async () => {
  const { sync, away, here, settle } = await scene(preferRemote);
  const write = away.update({ id: "tree:1", height: 2 });
  await here.update({ id: "tree:1", height: 3 });
  let updates = 0;
  sync.on("update", () => updates++);
  await settle();
  await expect(write).rejects.toMatchObject({
    code: "conflict",
    id: "tree:1",
    property: "height",
    collisions: [{ id: "tree:1", property: "height", base: 1, mine: 2, theirs: 3 }],
  });
  expect(updates).toBe(0);
});

test.each([
  ["without `onConflict`", undefined, {}],
  ["without a handler, in both versions", resolveWith(), { mine: 2, theirs: 3 }],
])("%s the error has what collides, and the view is the server's", async (_, onConflict, both) => {
  const { away, here, settle } = await scene(undefined, {}, { onConflict });
  const write = away.update({ id: "tree:1", height: 2 });
  const error = write.catch((cause: unknown) => cause);
  await here.update({ id: "tree:1", height: 3 });
  await settle();
  expect(await error).toMatchObject({
    code: "conflict",
    collisions: [{ id: "tree:1", property: "height", ...both }],
  });
  expect(away.get("tree:1")).toMatchObject({ height: 3 });
});

test.each([
  ["by itself", adding],
  ["within keepAlive", keepAlive(adding)],
  ["within keepBoth", keepBoth((id) => `${id}-too`, adding)],
])("two who have added the same are both counted, by mergeProperties %s", async (_, handler) => {
  const { away, here, asked, settle } = await scene(handler);
  const writes = [2, 3].map((height) => away.update({ id: "tree:1", height }));
  await here.update({ id: "tree:1", height: 2 });
  await settle();
  await Promise.all(writes);
  expect(asked[0]?.collisions).toEqual([
    { id: "tree:1", property: "height", base: 1, mine: 2, theirs: 2 },
  ]);
  expect(objectsOf(here)).toEqual([{ ...TREE, height: 4 }]);
});

test("what was decided about equal values and met with the same again is asked about again", async () => {
  const meddling: ConflictHandler = async (conflict) => {
    if (asked.length === 1) await here.update({ id: "tree:1", height: 3 });
    return adding(conflict);
  };
  const { away, here, asked, settle } = await scene(Object.assign(meddling, { wantsEqual: true }));
  const write = away.update({ id: "tree:1", height: 2 });
  await here.update({ id: "tree:1", height: 2 });
  await settle();
  await write;
  expect(asked.map(({ collisions }) => collisions)).toEqual([
    [{ id: "tree:1", property: "height", base: 1, mine: 2, theirs: 2 }],
    [{ id: "tree:1", property: "height", base: 2, mine: 3, theirs: 3 }],
  ]);
  expect(objectsOf(here)).toEqual([{ ...TREE, height: 4 }]);
});

test("who does not want equal values is asked only about what is different", async () => {
  const { away, here, asked, settle } = await scene(preferRemote);
  const write = away.update({ id: "tree:1", height: 2, kind: "ash", age: 9 });
  await here.update({ id: "tree:1", height: 2, kind: "elm" });
  await settle();
  await write;
  expect(asked.map(({ collisions }) => collisions)).toEqual([
    [{ id: "tree:1", property: "kind", base: "oak", mine: "ash", theirs: "elm" }],
  ]);
  expect(objectsOf(here)).toEqual([{ id: "tree:1", height: 2, kind: "elm", age: 9 }]);
});

test.each([
  ["a handler that does not want it", resolveWith(preferRemote)],
  ["no handler", resolveWith()],
  ["a merge that leaves it so", resolveWith(mergeProperties(({ mine }) => mine))],
])("a write of what others have written already is accepted, with %s", async (_, onConflict) => {
  const { sync, away, here, settle } = await scene(undefined, {}, { onConflict });
  const write = away.update({ id: "tree:1", done: true });
  await here.update({ id: "tree:1", done: true });
  let updates = 0;
  sync.on("update", () => updates++);
  await settle();
  await write;
  expect(updates).toBe(0);
});

test("a write of what others have written already is a conflict without `onConflict`", async () => {
  const { away, here, settle } = await scene(undefined);
  const error = away.update({ id: "tree:1", done: true }).catch((cause: unknown) => cause);
  await here.update({ id: "tree:1", done: true });
  await settle();
  expect(await error).toMatchObject({
    code: "conflict",
    collisions: [{ id: "tree:1", property: "done" }],
  });
});

test("a person may take their time: the write shows until then, and what others write meanwhile is asked about again", async () => {
  const decide: ((value: number) => void)[] = [];
  const { sync, away, here, asked, settle } = await scene(async ({ theirs }) => {
    const height = await new Promise<number>((resolve) => decide.push(resolve));
    return { ...theirs, height };
  });
  const write = away.update({ id: "tree:1", height: 2 });
  await here.update({ id: "tree:1", height: 3 });
  const settling = settle();
  await eventually(() => decide.length === 1);
  expect(away.get("tree:1")).toMatchObject({ height: 2 });
  expect(away.pending).toBe(1);
  await here.update({ id: "tree:1", height: 4 });
  decide[0]?.(30);
  await eventually(() => decide.length === 2);
  decide[1]?.(40);
  await write;
  await settling;
  expect(asked.map(({ collisions }) => collisions[0]?.theirs)).toEqual([3, 4]);
  expect(sync.get("tree:1")).toMatchObject({ height: 40 });
});

test("what this client has itself written of the same while it was asked is asked about as well", async () => {
  const decide: ((value: number) => void)[] = [];
  const handler: ConflictHandler = async ({ theirs }) => {
    const height = await new Promise<number>((resolve) => decide.push(resolve));
    return { ...theirs, height };
  };
  // What waits does not show: who writes meanwhile does not write upon it.
  const { sync, away, here, asked, settle } = await scene(handler, {}, { optimistic: false });
  const write = away.update({ id: "tree:1", height: 2 });
  await here.update({ id: "tree:1", height: 3 });
  const settling = settle();
  await eventually(() => decide.length === 1);
  await away.update({ id: "tree:1", height: 4 });
  decide[0]?.(30);
  await eventually(() => decide.length === 2);
  expect(sync.get("tree:1")).toMatchObject({ height: 4 });
  decide[1]?.(40);
  await write;
  await settling;
  expect(asked.map(({ collisions }) => collisions[0]?.theirs)).toEqual([3, 4]);
  expect(sync.get("tree:1")).toMatchObject({ height: 40 });
});

test("what others destroy while it is decided about may come back whole", async () => {
  const decide: (() => void)[] = [];
  const { sync, away, here, asked, settle } = await scene(async ({ mine }) => {
    await new Promise<void>((resolve) => decide.push(resolve));
    return mine;
  });
  const write = away.update({ id: "tree:1", height: 2 });
  await here.update({ id: "tree:1", height: 3 });
  const settling = settle();
  await eventually(() => decide.length === 1);
  await here.destroy("tree:1");
  await here.create({ id: "tree:2" });
  await eventually(() => away.get("tree:2")); // and has heard that the other is gone
  decide[0]?.();
  await eventually(() => decide.length === 2);
  const base = { id: "tree:1", height: 3, kind: "oak" };
  expect(asked[1]).toMatchObject({ base, mine: { ...base, height: 2 }, theirs: null });
  decide[1]?.();
  await write;
  await settling;
  expect(sync.get("tree:1")).toEqual({ ...base, height: 2 });
});

test("one's own writes do not collide with each other, however many are on their way", async () => {
  const { away, here, asked, settle } = await scene(preferRemote);
  const writes = Array.from({ length: 50 }, (_, i) => away.update({ id: "tree:1", height: i }));
  await settle();
  const more = Array.from({ length: 50 }, (_, i) => away.update({ id: "tree:1", height: -i }));
  await Promise.all([...writes, ...more]);
  await settle();
  expect(asked).toEqual([]);
  expect(objectsOf(here)).toEqual([{ id: "tree:1", height: -49, kind: "oak" }]);
});

test("a chain of writes that begins with a conflict is decided once", async () => {
  const { away, here, asked, settle } = await scene(preferLocal);
  const writes = [2, 3, 4].map((height) => away.update({ id: "tree:1", height }));
  await here.update({ id: "tree:1", height: 9 });
  await settle();
  await Promise.all(writes);
  expect(asked.map(({ collisions }) => collisions)).toEqual([
    [{ id: "tree:1", property: "height", base: 1, mine: 2, theirs: 9 }],
  ]);
  expect(objectsOf(here)).toEqual([{ id: "tree:1", height: 4, kind: "oak" }]);
});

test("who decides upon a write of their own that is on its way has not seen what others have made of the same", async () => {
  const handler: ConflictHandler = ({ mine, theirs }) => ({
    ...theirs,
    height: Number(mine?.["height"]),
    kind: "yew",
  });
  // The first is refused while the second still waits to be sent, and shows.
  const limits = { mutationsInFlightMax: 1 };
  const { away, here, asked, settle } = await scene(handler, { limits }, { limits });
  const writes = [
    away.update({ id: "tree:1", height: 2 }),
    away.update({ id: "tree:1", kind: "ash" }),
  ];
  await here.update({ id: "tree:1", height: 3, kind: "elm" });
  await settle();
  await Promise.all(writes);
  const shown = asked.map(({ theirs }) => theirs?.["kind"]);
  expect(shown[0]).toBe("ash");
  expect(shown).toContain("elm");
});

test("what a later write of one's own has done is not undone by an older one that was decided after it", async () => {
  const { away, here, asked, settle } = await scene(preferLocal);
  const writes = [
    away.update({ id: "tree:1", height: 2, kind: "ash" }),
    away.update({ id: "tree:1", kind: "elm" }),
  ];
  await here.update({ id: "tree:1", height: 3 });
  await settle();
  await Promise.all(writes);
  expect(asked.map(({ collisions }) => collisions)).toEqual([
    [{ id: "tree:1", property: "height", base: 1, mine: 2, theirs: 3 }],
  ]);
  expect(objectsOf(here)).toEqual([{ id: "tree:1", height: 2, kind: "elm" }]);
});

test("what is left of a write that waits shows upon what a later one has done", async () => {
  const decide: (() => void)[] = [];
  const { away, here, settle } = await scene(async ({ mine }) => {
    await new Promise<void>((resolve) => decide.push(resolve));
    return mine;
  });
  await here.create({ id: "tree:2", height: 1 });
  away.connect();
  await eventually(() => away.get("tree:2"));
  away.disconnect();
  const write = away.transaction((tx) => {
    tx.update({ id: "tree:1", height: 2, kind: "ash" });
    tx.update({ id: "tree:2", height: 2 });
  });
  void away.update({ id: "tree:1", kind: "elm" });
  void away.destroy("tree:2");
  await here.update({ id: "tree:1", height: 3 });
  const settling = settle();
  await eventually(() => decide.length === 1);
  expect(objectsOf(away)).toEqual([{ id: "tree:1", height: 2, kind: "elm" }]);
  decide[0]?.();
  await write;
  await settling;
  expect(objectsOf(here)).toEqual([{ id: "tree:1", height: 2, kind: "elm" }]);
});

test("an update of what was destroyed meanwhile may bring it back, whole", async () => {
  const { away, here, asked, settle } = await scene(keepAlive(preferRemote));
  const write = away.update({ id: "tree:1", height: 2 });
  await here.destroy("tree:1");
  await settle();
  await write;
  expect(asked).toMatchObject([{ id: "tree:1", base: TREE, theirs: null }]);
  expect(objectsOf(here)).toEqual([{ ...TREE, height: 2 }]);
});

test("who is shown a part cannot tell what was destroyed meanwhile from what is hidden, and brings back what they wrote", async () => {
  const { away, here, asked, settle } = await scene(
    keepAlive(preferLocal),
    {},
    { subscribe: [{ namespace: "tree" }] },
  );
  const write = away.update({ id: "tree:1", height: 2 });
  await here.destroy("tree:1");
  await settle();
  await write;
  expect(asked).toMatchObject([{ base: null, mine: { height: 2 }, theirs: null }]);
  expect(objectsOf(here)).toEqual([{ id: "tree:1", height: 2 }]);
});

test("destroying what was changed meanwhile may be dropped", async () => {
  const { away, here, asked, settle } = await scene(keepAlive(preferLocal));
  const write = away.destroy("tree:1");
  await here.update({ id: "tree:1", height: 7 });
  await settle();
  await expect(write).rejects.toMatchObject({ code: "conflict", id: "tree:1" });
  expect(asked).toMatchObject([{ base: TREE, mine: null, theirs: { ...TREE, height: 7 } }]);
  expect(objectsOf(here)).toEqual([{ ...TREE, height: 7 }]);
});

test.each([
  ["preferLocal", preferLocal, { height: 5, leaves: 7 }, 1],
  ["preferRemote", preferRemote, { ...TREE, height: 3, leaves: 7 }, 2],
  ["keepAlive(preferLocal)", keepAlive(preferLocal), { ...TREE, height: 5, leaves: 7 }, 2],
])(
  "what is created in the place of what others have changed is asked about, and not lost: %s",
  async (_name, handler, expected, questions) => {
    const { away, here, asked, settle } = await scene(handler);
    const writes = [
      away.destroy("tree:1"),
      away.create({ id: "tree:1", height: 5 }),
      away.update({ id: "tree:1", leaves: 7 }),
    ];
    await here.update({ id: "tree:1", height: 3 });
    await settle();
    await Promise.allSettled(writes);
    expect(objectsOf(here)).toEqual([{ ...expected, id: "tree:1" }]);
    expect(asked).toHaveLength(questions);
  },
);

test("what both have destroyed is gone", async () => {
  const { away, here, asked, settle } = await scene(preferLocal);
  const write = away.destroy("tree:1");
  await here.destroy("tree:1");
  await settle();
  await write;
  expect(asked).toEqual([]);
  expect(objectsOf(here)).toEqual([]);
});

test("two objects of one id both survive, the local one under another, and what refers to it follows", async () => {
  const references = { leaf: ["tree"] };
  const { away, here, asked, settle } = await scene(
    keepBoth((id) => `${id}-too`),
    { references },
    { references },
  );
  const writes = [
    away.create({ id: "tree:2", kind: "mine" }),
    away.create({ id: "leaf:1", tree: "tree:2" }),
    away.update({ id: "tree:2", height: 5 }),
  ];
  await here.create({ id: "tree:2", kind: "theirs" });
  await settle();
  await Promise.all(writes);
  expect(asked).toHaveLength(1);
  expect(objectsOf(here)).toEqual([
    { id: "leaf:1", tree: "tree:2-too" },
    TREE,
    { id: "tree:2", kind: "theirs" },
    { id: "tree:2-too", kind: "mine", height: 5 },
  ]);
});

test("what never leaves the device follows an object that gets another id", async () => {
  const references = { note: ["tree"] };
  const namespaces = { note: { sync: false } } as const;
  const handler = keepBoth((id) => `${id}-too`);
  const { sync, away, here } = await scene(handler, {}, { references, namespaces });
  const write = away.create({ id: "tree:2", kind: "mine" });
  await away.create({ id: "note:1", tree: "tree:2" });
  await here.create({ id: "tree:2", kind: "theirs" });
  away.connect();
  await write;
  expect(away.get("note:1")).toEqual({ id: "note:1", tree: "tree:2-too" });
  expect(away.get("tree:2-too")).toEqual({ id: "tree:2-too", kind: "mine" });
  expect(sync.get("note:1")).toBeUndefined();
});

test.each(["note:1", "news:1"])(
  "nothing is decided to be what is not pushed, as %s",
  async (given) => {
    const namespaces = { note: { sync: false }, news: { sync: "pull" } } as const;
    let id = given;
    const { sync, away, here } = await scene(({ mine }) => ({ ...mine, id }), {}, { namespaces });
    const errors: SyncError[] = [];
    away.on("error", (error) => errors.push(error));
    const write = away.create({ id: "tree:2", kind: "mine" });
    await here.create({ id: "tree:2", kind: "theirs" });
    away.connect();
    await eventually(() => errors.length === 1);
    expect(errors[0]).toMatchObject({ code: "handler_failed", id: "tree:2" });
    expect(errors[0]?.cause).toMatchObject({ code: "forbidden", id: given });
    away.disconnect();
    id = "tree:3";
    away.connect();
    await write;
    expect([...sync.allObjects().keys()]).toEqual(["tree:1", "tree:2", "tree:3"]);
  },
);

test("a child is not created upon a parent that is only pulled, and was destroyed unseen", async () => {
  const references = { leaf: ["tree"] };
  const namespaces = { tree: { sync: "pull" } } as const;
  const { url, here, sync } = await scene(undefined, { references });
  const onConflict = resolveWith(keepAlive(preferLocal));
  const away = await stage.join(url, { references, namespaces, onConflict });
  away.disconnect();
  const write = away.create({ id: "leaf:1", tree: "tree:1" });
  await here.destroy("tree:1");
  away.connect();
  await expect(write).rejects.toMatchObject({ code: "conflict", id: "tree:1" });
  expect(sync.allObjects().size).toBe(0);
});

test.each([
  ["without a handler", undefined],
  ["with one", keepAlive(preferRemote)],
])("what is only pushed is no conflict, and holds: %s", async (_name, handler) => {
  const { sync, url, here } = await scene(undefined);
  const asked: Conflict[] = [];
  const away = await stage.join(url, {
    namespaces: { log: { sync: "push" } },
    onConflict: resolveWith(handler && watched(handler, asked)),
  });
  await away.create({ id: "log:1", lines: 1, kind: "short" });
  away.disconnect();
  const write = away.update({ id: "log:1", lines: 2 });
  await here.update({ id: "log:1", lines: 9, kind: "long" });
  away.connect();
  await write;
  expect(away.get("log:1")).toEqual({ id: "log:1", lines: 2, kind: "short" });
  expect(sync.get("log:1")).toEqual({ id: "log:1", lines: 2, kind: "long" });
  expect(asked).toEqual([]);
});

test("a parent that was destroyed comes back for a child that refers to it", async () => {
  const references = { leaf: ["tree"] };
  const { away, here, settle } = await scene(
    keepAlive(preferLocal),
    { references },
    { references },
  );
  const write = away.create({ id: "leaf:1", tree: "tree:1" });
  await here.destroy("tree:1");
  await settle();
  await write;
  expect(objectsOf(here)).toEqual([{ id: "leaf:1", tree: "tree:1" }, TREE]);
});

test("of a write that refers to what is left destroyed nothing is made", async () => {
  const references = { leaf: ["tree"] };
  const { away, here, settle } = await scene(preferRemote, { references }, { references });
  const write = away.transaction((tx) => {
    tx.create({ id: "leaf:1", tree: "tree:1" });
    tx.create({ id: "stone:1" });
  });
  await here.destroy("tree:1");
  await settle();
  await expect(write).rejects.toMatchObject({ code: "conflict", id: "tree:1" });
  expect(objectsOf(here)).toEqual([]);
});

test("a parent is not destroyed under a child that its destroyer had not seen", async () => {
  const references = { leaf: ["tree"] };
  const { away, here, settle } = await scene(
    keepAlive(preferLocal),
    { references },
    { references },
  );
  const write = away.destroy("tree:1");
  await here.create({ id: "leaf:1", tree: "tree:1" });
  await settle();
  await expect(write).rejects.toMatchObject({ code: "conflict" });
  expect(objectsOf(here)).toEqual([{ id: "leaf:1", tree: "tree:1" }, TREE]);
});

test("a transaction is decided as one, object by object, and stays whole", async () => {
  const { away, here, asked, settle } = await scene(preferLocal);
  await here.create({ id: "tree:2", height: 1 });
  const write = away.transaction((tx) => {
    tx.create({ id: "tree:3", height: 0 });
    tx.update({ id: "tree:1", height: 2 });
    tx.update({ id: "tree:1", kind: "ash" });
  });
  await here.update({ id: "tree:1", height: 3 });
  await settle();
  await write;
  expect(asked).toHaveLength(1);
  expect(objectsOf(here)).toEqual([
    { id: "tree:1", height: 2, kind: "ash" },
    { id: "tree:2", height: 1 },
    { id: "tree:3", height: 0 },
  ]);
});

test.each([
  ["detect" as const],
  [{ tree: "detect" } as const],
  [{ tree: "detect", bush: "detect" } as const],
])(
  "what others do to the rest of a transaction that waits is asked about as well, where it is detected: %j",
  async (conflicts) => {
    const decide: (() => void)[] = [];
    const { away, here, asked, settle } = await scene(
      async ({ mine }) => {
        await new Promise<void>((resolve) => decide.push(resolve));
        return mine;
      },
      { conflicts },
    );
    await here.create({ id: "bush:1", height: 1 });
    away.connect();
    await eventually(() => away.get("bush:1"));
    away.disconnect();
    void away.update({ id: "tree:1", height: 2 });
    void away.transaction((tx) => {
      tx.update({ id: "tree:1", kind: "ash" });
      tx.update({ id: "bush:1", height: 2 });
    });
    await here.update({ id: "tree:1", height: 3, kind: "elm" });
    const settling = settle();
    await eventually(() => decide.length === 1);
    await here.update({ id: "bush:1", height: 3 });
    await here.create({ id: "mark" });
    await eventually(() => away.get("mark"));
    const isBush = conflicts === "detect" || "bush" in conflicts;
    decide[0]?.();
    for (let n = 2; n <= (isBush ? 3 : 2); n++) {
      await eventually(() => decide.length === n);
      decide[n - 1]?.();
    }
    await settling;
    expect(asked.map(({ id }) => id)).toEqual(["tree:1", "tree:1", ...(isBush ? ["bush:1"] : [])]);
    expect(asked.at(2)?.collisions).toEqual(
      isBush ? [{ id: "bush:1", property: "height", base: 1, mine: 2, theirs: 3 }] : undefined,
    );
  },
);

test("after a reload, before any server is heard, all of a transaction that waits is asked about", async () => {
  const memory = new SharedMemory();
  const never = (): Promise<never> => new Promise(() => undefined);
  const storage = memoryStorage(memory);
  const { sync, url, away, here, asked } = await scene(never, {}, { storage });
  await here.create({ id: "rock:1", weight: 1 });
  away.connect();
  await away.whenSynced();
  away.disconnect();
  void away.transaction((tx) => {
    tx.update({ id: "tree:1", height: 2 });
    tx.update({ id: "rock:1", weight: 2 });
  });
  await here.update({ id: "tree:1", height: 3 });
  away.connect();
  await eventually(() => asked.length === 1);
  await here.update({ id: "rock:1", weight: 3 });
  await away.fetch("rock:1"); // and so it has heard of it
  await here.close();
  await away.close();

  const askedAgain: unknown[] = [];
  const again = stage.client(url, {
    storage,
    onConflict: resolveWith(({ collisions, theirs }) => {
      askedAgain.push(
        ...collisions.map((one) => `${one.id} ${one.property ?? ""} ${String(one.theirs)}`),
      );
      return theirs;
    }),
  });
  await eventually(() => askedAgain.length > 0 && again.pending === 0);
  await again.whenSynced();
  expect(askedAgain).toEqual(["tree:1 height 3", "rock:1 weight 3"]);
  expect(sync.get("rock:1")).toMatchObject({ weight: 3 });
});

test("what is decided about a write takes its place also where there is no room for another", async () => {
  const memory = new SharedMemory();
  const storage = memoryStorage(memory);
  const never = (): Promise<never> => new Promise(() => undefined);
  const { sync, url, away, here, asked } = await scene(never, {}, { storage });
  const write = away.update({ id: "tree:1", height: 2 });
  await here.update({ id: "tree:1", height: 3 });
  away.connect();
  await eventually(() => asked.length === 1);
  away.disconnect();
  await write.reached("stored");
  await away.create({ id: "rock:1" }).reached("stored");
  await away.create({ id: "rock:2" }).reached("stored");
  write.catch(() => undefined);
  await here.close();
  await away.close();

  const again = stage.client(url, {
    storage,
    limits: { writesMax: 2 },
    onConflict: resolveWith(preferLocal),
  });
  await again.whenSynced();
  await eventually(() => again.pending === 0);
  expect(sync.get("tree:1")).toMatchObject({ height: 2 });
  expect(sync.get("rock:2")).toBeDefined();
});

test("what waits for a decision that nobody makes any more is refused, and holds up nothing", async () => {
  const storage = memoryStorage(new SharedMemory());
  const never = (): Promise<never> => new Promise(() => undefined);
  const { sync, url, away, here, asked } = await scene(never, {}, { storage });
  const write = away.update({ id: "tree:1", height: 2 });
  write.catch(() => undefined);
  await here.update({ id: "tree:1", height: 3 });
  away.connect();
  await eventually(() => asked.length === 1);
  await write.reached("stored");
  away.create({ id: "rock:1" }).catch(() => undefined);
  await here.close();
  await away.close();

  const again = stage.client(url, { storage });
  const rejected: unknown[] = [];
  again.on("reject", ({ code }, { operations }) => rejected.push([code, operations[0]?.id]));
  await again.whenSynced();
  await eventually(() => again.pending === 0);
  expect(rejected).toEqual([["conflict", "tree:1"]]);
  expect(again.get("tree:1")).toMatchObject({ height: 3 });
  expect(sync.get("rock:1")).toBeDefined();
});

/** Notes what is asked about, and leaves all of it to the others. */
function leftToOthers(): { asked: Conflict[]; onConflict: ConflictResolver } {
  const asked: Conflict[] = [];
  const onConflict = resolveWith((conflict: Conflict) => {
    asked.push(conflict);
    return undefined;
  });
  return { asked, onConflict };
}

test("what was written upon another world is not taken for seen of this one, where one client finishes what two have left", async () => {
  const memory = new SharedMemory();
  const { asked, onConflict } = leftToOthers();
  const [one, other] = [
    await stage.serve({ conflicts: "detect" }),
    await stage.serve({ conflicts: "detect" }),
  ];
  await one.sync.create({ id: "task:1" });
  for (let n = 0; n < 20; n++) await one.sync.update({ id: "task:1", title: `one ${n}` });
  await other.sync.create({ id: "task:1", title: "other" });
  const device = ({ url }: { readonly url: string }): ObjectSync =>
    stage.client(url, { live: explicit, onConflict, storage: memoryStorage(memory) });
  const [a, b] = [device(one), device(one)];
  await a.sync();
  await b.sync();
  await b.update({ id: "task:1", title: "b's" }).reached("stored");
  await a.close();
  const present = device(other); // b has its own still
  await present.sync();
  await present.create({ id: "task:2" }).reached("stored");
  await present.close();
  await b.close();

  const last = device(other);
  await last.sync();
  expect(asked).toMatchObject([{ id: "task:1", mine: { title: "b's" } }]);
  expect(viewOf(other.sync)).toEqual({
    "task:1": { id: "task:1", title: "other" },
    "task:2": { id: "task:2" },
  });
});

test("what two tabs have left about the same collides, though one client finishes it", async () => {
  const memory = new SharedMemory();
  const { asked, onConflict } = leftToOthers();
  const { sync, url } = await stage.serve({ conflicts: "detect" });
  await sync.create({ id: "task:1", title: "as it was" });
  const tab = (): ObjectSync =>
    stage.client(url, { live: explicit, onConflict, storage: memoryStorage(memory) });
  const tabs = [tab(), tab()];
  for (const one of tabs) await one.sync();
  for (const [i, one] of tabs.entries())
    await one.update({ id: "task:1", title: `tab ${i}` }).reached("stored");
  for (const one of tabs) await one.close();

  const last = tab();
  await last.sync();
  expect(asked).toMatchObject([{ id: "task:1", base: { title: "as it was" } }]);
  const [{ mine, theirs } = { mine: null, theirs: null }] = asked;
  expect([mine?.["title"], theirs?.["title"]].sort()).toEqual(["tab 0", "tab 1"]);
  expect(sync.get("task:1")).toEqual(theirs);
});

test("what waits for a decision is kept as not sent, though there is a connection", async () => {
  const memory = new SharedMemory();
  const never = (): Promise<never> => new Promise(() => undefined);
  const { away, here, asked } = await scene(never, {}, { storage: memoryStorage(memory) });
  away.update({ id: "tree:1", height: 2 }).catch(() => undefined);
  await here.update({ id: "tree:1", height: 3 });
  away.connect();
  await eventually(() => asked.length === 1);
  const upon = away.update({ id: "tree:1", height: 4 });
  upon.catch(() => undefined);
  await upon.reached("stored");
  const texts = [...memory.entries.values()].map(String);
  const sent = texts.flatMap((text) =>
    /"collisions".*/.test(text) ? [/"wasSent":true/.test(text)] : [],
  );
  expect(sent.sort()).toEqual([false, true]);
});

test("by namespace: elsewhere the last write wins", async () => {
  const { away, here, asked, settle } = await scene(preferRemote, {
    conflicts: { leaf: "detect" },
  });
  const write = away.update({ id: "tree:1", height: 2 });
  await here.update({ id: "tree:1", height: 3 });
  await settle();
  await write;
  expect(asked).toEqual([]);
  expect(objectsOf(here)).toEqual([{ ...TREE, height: 2 }]);
});

test("a handler that fails is told, loses nothing, and is asked again with the next connection", async () => {
  let failures = 0;
  const { away, here, settle } = await scene(({ mine }) => {
    if (failures++ === 0) throw new Error("not now");
    return mine;
  });
  const errors: SyncError[] = [];
  away.on("error", (error) => errors.push(error));
  const write = away.update({ id: "tree:1", height: 2 });
  await here.update({ id: "tree:1", height: 3 });
  away.connect();
  await eventually(() => errors.length === 1);
  expect(errors[0]).toMatchObject({ code: "handler_failed", id: "tree:1" });
  expect(away.pending).toBe(1);
  away.disconnect();
  await settle();
  await write;
  expect(objectsOf(here)).toEqual([{ ...TREE, height: 2 }]);
});

test.each([[undefined], [preferLocal], [adding]])(
  "a server that has restarted tells a client of a conflict with itself, which it settles itself: %#",
  async (onConflict) => {
    const store = new KeptStore();
    const options = {
      ...{ store, conflicts: "detect" as const },
      limits: { mutationsInFlightMax: 1 },
    };
    const first = await stage.serve(options);
    const network = await stage.network(first.port);
    const asked: Conflict[] = [];
    const handler = onConflict && watched(onConflict, asked);
    const client = stage.client(network.url, {
      ...TAPPED,
      onConflict: resolveWith(handler),
    });
    await client.whenSynced();
    await client.create(TREE);
    network.stopDelivering();
    const writes = [
      client.update({ id: "tree:1", height: 2 }),
      client.update({ id: "tree:1", height: 3, kind: "elm" }),
    ];
    await eventually(() => first.sync.get("tree:1")?.["height"] === 2);
    network.goDown();
    await first.sync.close();

    const second = await stage.serve(options);
    network.leadTo(second.port);
    network.deliverAgain();
    network.comeUp();
    await Promise.all(writes);
    expect(second.sync.get("tree:1")).toEqual({ id: "tree:1", height: 3, kind: "elm" });
    expect(asked).toEqual([]);
  },
);

test.each([
  ["accepted, with `resolveWith`", resolveWith(), "accepted"],
  ["a conflict without `onConflict`", undefined, "conflict"],
])(
  "what a handler has taken when its server ended is found there, and is %s",
  async (_, onConflict, expected) => {
    const table = new Map([["tree:1", TREE]]);
    let takes = 0;
    let answer: () => void = () => undefined;
    const update = async (changes: object): Promise<object> => {
      table.set("tree:1", { ...TREE, ...changes });
      takes += 1;
      await new Promise<void>((resolve) => (answer = resolve));
      return changes;
    };
    const fetch = (ids: readonly string[]) => ids.map((id) => table.get(id) ?? null);
    const options = { conflicts: "detect", handlers: { update, fetch } } as const;
    const first = await stage.serve(options);
    await first.sync.refresh(["tree:1"]);
    const network = await stage.network(first.port);
    const client = await stage.join(network.url, { ...TAPPED, onConflict });
    const outcome = client.update({ id: "tree:1", height: 2 }).then(
      () => "accepted",
      (error: unknown) => (error as SyncError).code,
    );
    await eventually(() => takes === 1);
    network.goDown();
    const second = await stage.serve(options);
    await second.sync.refresh(["tree:1"]);
    network.leadTo(second.port);
    network.comeUp();
    expect(await outcome).toBe(expected);
    expect(client.get("tree:1")).toEqual({ ...TREE, height: 2 });
    expect(takes).toBe(1);
    answer();
  },
);

test("who destroys an object hears nothing of an unseen one that refers to it and is hidden", async () => {
  const references = { secret: ["tree"] };
  const everything = { create: true, update: true, destroy: true };
  const rules = { secret: { read: false }, "*": { read: true, ...everything } };
  const { sync, away, asked, settle } = await scene(preferRemote, { rules, references });
  const write = away.destroy("tree:1");
  await sync.create({ id: "secret:1", tree: "tree:1" });
  await settle();
  await write;
  expect(asked).toEqual([]);
});

test.each([["detect me"], [{ tree: "always" }], [{ "tree:": "detect" }], [null], [7]])(
  "the option conflicts cannot be %j",
  (conflicts) => {
    expect(() => new ObjectSyncServer({ conflicts: conflicts as never })).toThrow(
      expect.objectContaining({ code: "bad_option", property: "conflicts" }),
    );
  },
);

test.each([[{ tree: "wood" }], [{ tree: [""] }], [{ "tree:": ["wood"] }], [null]])(
  "the option references cannot be %j, of a server or of a client",
  (references) => {
    const refused = expect.objectContaining({ code: "bad_option", property: "references" });
    const options = { references: references as never };
    expect(() => new ObjectSyncServer(options)).toThrow(refused);
    expect(() => stage.client("http://localhost", options)).toThrow(refused);
  },
);

describe("of more that collides than the server names", () => {
  const names = Array.from({ length: 900 }, (_, i) => `property ${i}`);
  const all = (value: number) => Object.fromEntries(names.map((name) => [name, value]));
  const ids = ["tree:2", "tree:3", "tree:4"];

  test("all is asked about, and nothing else", async () => {
    const { away, here, asked, settle } = await scene(preferRemote);
    await here.transaction((steps) => ids.forEach((id) => steps.create({ id, ...all(1) })));
    away.connect();
    await eventually(() => away.get("tree:4"));
    away.disconnect();
    const write = away.transaction((steps) => {
      for (const id of ids) steps.update({ id, ...all(2), own: 2 });
    });
    await here.transaction((steps) => ids.forEach((id) => steps.update({ id, ...all(3) })));
    await settle();
    await write;
    expect(asked.map(({ collisions }) => collisions.length)).toEqual([900, 900, 900]);
    expect(asked[2]?.collisions[899]).toMatchObject({ property: "property 899", theirs: 3 });
    expect(here.get("tree:4")).toEqual({ id: "tree:4", ...all(3), own: 2 });
  });

  test("nothing is written over that was not asked about, of what its writer had not in view", async () => {
    const { sync, url, here } = await scene(preferRemote);
    await here.transaction((steps) => ids.forEach((id) => steps.create({ id, ...all(1) })));
    const asked: Conflict[] = [];
    const onConflict = resolveWith((conflict) => {
      asked.push(conflict);
      return conflict.theirs;
    });
    const blind = await stage.join(url, { subscribe: [], onConflict });
    blind.disconnect();
    const write = blind.transaction((steps) => {
      for (const id of ids) steps.update({ id, ...all(2), own: 2 });
    });
    await here.transaction((steps) => ids.forEach((id) => steps.update({ id, ...all(3) })));
    for (const id of ids) blind.subscribe({ id });
    blind.connect();
    await write.catch(() => undefined);
    expect(asked.map(({ id }) => id)).toEqual(ids);
    // Of what is not named it cannot know that it is its own alone.
    expect(asked.map(({ collisions }) => collisions.length)).toEqual([900, 901, 901]);
    for (const id of ids) expect(sync.get(id)).toMatchObject(all(3));
  });
});
