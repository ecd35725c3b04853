import { expect, test } from "@jest/globals";
import type { Change } from "../../../lib/delta.ts";
import type { Entry } from "../../../lib/entry.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../lib/limits.ts";
import type { Changes, ObjectId, Properties } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";
import { World, type Applied } from "../../../lib/world.ts";
import { TRAP_NAMES } from "../../support/arbitraries.ts";
import { codeOf } from "../../support/hostile.ts";

function newWorld(limits: Partial<Limits> = {}): World {
  const record = { epoch: "e", seq: 0, horizon: 0, nextHandle: 1, objects: [] };
  return new World(record, { ...DEFAULT_LIMITS, ...limits }, 0);
}

function create(id: string, properties: Properties = {}): Operation {
  return { kind: "create", id: id as ObjectId, properties, chosen: true };
}

function update(id: string, changes: Changes): Operation {
  return { kind: "update", id: id as ObjectId, changes };
}

function destroy(id: string): Operation {
  return { kind: "destroy", id: id as ObjectId };
}

/** A change with its values by their names. */
function shown(change: Change): unknown {
  if (change.kind === "destroy") return ["destroy", change.handle];
  const fields = Object.fromEntries(change.shape.names.map((name, i) => [name, change.values[i]]));
  return change.kind === "create"
    ? ["create", change.handle, change.id, fields]
    : ["update", change.handle, fields];
}

function since(world: World, base: number): unknown[] {
  return world.since(base).changes.map(shown);
}

test("an update travels as only those properties that it changed", () => {
  const world = newWorld();
  world.commit([create("a", { x: 1, y: 1, z: { deep: [1] } })], 0);
  world.commit([update("a", { x: 2, y: 1, z: { deep: [1] } })], 0);
  expect(since(world, 1)).toEqual([["update", 1, { x: 2 }]]);
  world.commit([update("a", { y: undefined, w: "new" })], 0);
  expect(since(world, 2)).toEqual([["update", 1, { y: undefined, w: "new" }]]);
  expect(since(world, 1)).toEqual([["update", 1, { x: 2, y: undefined, w: "new" }]]);
  expect(since(world, 0)).toEqual([["create", 1, "a", { x: 2, z: { deep: [1] }, w: "new" }]]);
  expect(since(world, 3)).toEqual([]);
});

test("ten writes of one property between two cursors travel once", () => {
  const world = newWorld();
  world.commit([create("a", { x: 0 })], 0);
  for (let x = 1; x <= 10; x++) world.commit([update("a", { x })], 0);
  expect(since(world, 1)).toEqual([["update", 1, { x: 10 }]]);
});

test("a write that changes nothing uses no seq", () => {
  const world = newWorld();
  world.commit([create("a", { x: 1, when: new Date(5), bytes: Uint8Array.of(1) })], 0);
  const unchanged = [
    update("a", {}),
    update("a", { x: 1 }),
    update("a", { when: new Date(5), bytes: Uint8Array.of(1) }),
    update("a", { absent: undefined }),
  ];
  for (const operation of unchanged) {
    expect(world.commit([operation], 0)).toEqual({ seq: 1, applied: [] });
  }
  expect(world.commit([], 0)).toEqual({ seq: 1, applied: [] });
  world.commit([destroy("a")], 0);
  expect(world.commit([destroy("a")], 0)).toEqual({ seq: 2, applied: [] });
  expect(world.seq).toBe(2);
});

test("a commit whose last operation fails changes nothing", () => {
  const world = newWorld({ removedPropertiesMax: 1 });
  world.commit([create("a", { x: 1, y: 2, z: 3 }), create("b"), create("c")], 0);
  world.commit([destroy("b")], 0);
  const before = [0, 1, 2].map((base) => since(world, base));
  const code = codeOf(() =>
    world.commit(
      [
        create("b", { again: true }),
        update("a", { x: undefined, y: undefined, w: 1 }),
        update("a", { z: undefined, v: 1 }),
        create("d"),
        destroy("d"),
        destroy("c"),
        update("a", { x: 9 }),
        update("absent", {}),
      ],
      0,
    ),
  );
  expect(code).toBe("not_found");
  expect([0, 1, 2].map((base) => since(world, base))).toEqual(before);
  expect(world).toMatchObject({ seq: 2, nextHandle: 4, size: 2, horizon: 0 });
  expect(world.get("a")).toStrictEqual({ id: "a", x: 1, y: 2, z: 3 });
  expect(world.isGone("b")).toBe(true);
  expect(world.isGone("d")).toBe(false);
});

test("each refusal has its code and names the object", () => {
  const world = newWorld({ propertiesPerObjectMax: 2, objectBytesMax: 100 });
  world.commit([create("a", { x: 1 }), create("b")], 0);
  world.commit([destroy("b")], 0);
  const codes: [Operation, string][] = [
    [create("a"), "exists"],
    [update("b", { x: 1 }), "gone"],
    [update("c", { x: 1 }), "not_found"],
    [destroy("c"), "not_found"],
    [update("a", { y: 1, z: 1 }), "limit_exceeded"],
    [create("d", { x: 1, y: 1, z: 1 }), "limit_exceeded"],
    [update("a", { y: "long ".repeat(30) }), "too_large"],
    [update("a", { x: "漢".repeat(40) }), "too_large"],
    [create("d", { y: ["long ".repeat(30)] }), "too_large"],
  ];
  for (const [operation, code] of codes) {
    expect(() => world.commit([operation], 0)).toThrow(
      expect.objectContaining({ code, id: operation.id }),
    );
  }
});

test("undo takes the newest commits back, one after the other", () => {
  const world = newWorld();
  world.commit([create("a", { x: 1 }), create("b")], 0);
  const before = since(world, 0);
  const second = world.commit([update("a", { x: 2 }), destroy("b"), create("b", { new: 1 })], 0);
  const third = world.commit([update("b", { new: undefined }), destroy("a")], 0);
  expect(() => world.undo(second)).toThrow("commit 2 cannot be taken back at 3");
  world.undo(third);
  world.undo(second);
  expect(since(world, 0)).toEqual(before);
  expect(since(world, 1)).toEqual([]);
  expect(world).toMatchObject({ seq: 1, nextHandle: 3, size: 2 });
  world.commit([update("b", { x: 1 })], 0);
  expect(since(world, 1)).toEqual([["update", 2, { x: 1 }]]);
});

test("a commit cannot be taken back once the world was pruned", () => {
  const world = newWorld();
  const commit = world.commit([create("a")], 0);
  world.prune(0);
  expect(() => world.undo(commit)).toThrow("cannot be taken back");
});

test("an id that is used again is another object", () => {
  const world = newWorld();
  world.commit([create("a", { x: 1, y: 1 })], 0);
  world.commit([destroy("a")], 0);
  world.commit([create("a", { x: 2 })], 0);
  expect(world.get("a")).toStrictEqual({ id: "a", x: 2 });
  expect(since(world, 1)).toEqual([
    ["destroy", 1],
    ["create", 2, "a", { x: 2 }],
  ]);
  expect(since(world, 0)).toEqual([["create", 2, "a", { x: 2 }]]);
  expect(world.idOf(1)).toBe("a");
  expect(world.idOf(2)).toBe("a");
});

test("an object that came and went between two cursors is not mentioned", () => {
  const world = newWorld();
  world.commit([create("a")], 0);
  world.commit([create("b"), destroy("b")], 0);
  expect(world.seq).toBe(2);
  expect(since(world, 1)).toEqual([]);
  expect(world.isGone("b")).toBe(true);
});

test("tombstones past their count or age are forgotten, and the horizon moves there", () => {
  const world = newWorld({ tombstonesMax: 2, tombstoneAgeMs: 10 });
  world.commit(
    ["a", "b", "c", "d"].map((id) => create(id)),
    0,
  );
  for (const [i, id] of ["a", "b", "c"].entries()) world.commit([destroy(id)], i);
  world.prune(2);
  expect(world.horizon).toBe(2); // "a" was destroyed by commit 2
  expect(codeOf(() => world.commit([update("a", {})], 2))).toBe("not_found");
  expect(codeOf(() => world.commit([update("b", {})], 2))).toBe("gone");
  world.prune(11);
  expect(world.horizon).toBe(2); // "b" is exactly as old as it may be
  world.prune(12);
  expect(world.horizon).toBe(3);
  const canResume = (seq: number) => world.canResume({ epoch: "e", seq });
  expect([2, 3, 4, 5].map(canResume)).toEqual([false, true, true, false]);
  expect(since(world, 3)).toEqual([["destroy", 3]]);
});

test("a destruction that was taken back is not forgotten", () => {
  const world = newWorld({ tombstoneAgeMs: 10 });
  world.commit([create("a", { x: 1 })], 0);
  expect(codeOf(() => world.commit([destroy("a"), destroy("absent")], 0))).toBe("not_found");
  world.undo(world.commit([destroy("a")], 0));
  world.prune(1_000);
  expect(world).toMatchObject({ horizon: 0, size: 1 });
  expect(world.idOf(1)).toBe("a");
  expect(since(world, 0)).toEqual([["create", 1, "a", { x: 1 }]]);
});

test("who is further than the others may be told the same as they", () => {
  const world = newWorld();
  world.commit([create("a")], 0);
  world.commit([create("b")], 0);
  world.commit([destroy("b")], 0);
  expect(since(world, 1)).toEqual([]);
  expect(world.since(1, { seenMax: 2 }).changes.map(shown)).toEqual([["destroy", 2]]);
});

test("who would have to hear of a forgotten removal is told the whole object", () => {
  const world = newWorld({ removedPropertiesMax: 2 });
  world.commit([create("a", { kept: 1, p: 1, q: 1, r: 1 })], 0);
  world.commit([update("a", { p: undefined })], 0);
  world.commit([update("a", { q: undefined })], 0);
  expect(since(world, 1)).toEqual([["update", 1, { p: undefined, q: undefined }]]);
  world.commit([update("a", { r: undefined })], 0);
  expect(since(world, 3)).toEqual([["update", 1, { r: undefined }]]);
  expect(since(world, 2)).toEqual([["create", 1, "a", { kept: 1 }]]);
  expect(since(world, 1)).toEqual([["create", 1, "a", { kept: 1 }]]);
  expect(world.horizon).toBe(0);
});

test("the newer half of the removed properties is remembered, whatever their order", () => {
  const world = newWorld({ removedPropertiesMax: 2 });
  world.commit([create("a", { p: 1, q: 1, r: 1 })], 0);
  for (const name of ["p", "r", "q"]) world.commit([update("a", { [name]: undefined })], 0);
  expect(since(world, 3)).toEqual([["update", 1, { q: undefined }]]);
  expect(since(world, 2)).toEqual([["create", 1, "a", {}]]);
});

test("an object never names more properties than a message may", () => {
  const world = newWorld({ propertiesPerObjectMax: 10, removedPropertiesMax: 3 });
  world.commit([create("a")], 0);
  for (let round = 0; round < 20; round++) {
    const old = Object.keys(world.get("a") ?? {}).filter((name) => name !== "id");
    const changes: Changes = Object.fromEntries(old.map((name) => [name, undefined]));
    for (let i = 0; i < 10; i++) changes[`${round}.${i}`] = i;
    world.commit([update("a", changes)], 0);
    for (let base = 0; base < world.seq; base++) {
      const [change] = world.since(base).changes;
      if (change === undefined || change.kind === "destroy") throw new Error("no change");
      expect(change.shape.names.length).toBeLessThanOrEqual(13);
    }
  }
});

test("names that mean something in JavaScript are plain data", () => {
  const world = newWorld();
  const properties = Object.fromEntries(TRAP_NAMES.map((name, i) => [name, i]));
  world.commit([create("toString", properties), create("__proto__", properties)], 0);
  expect(world.get("toString")).toStrictEqual({ id: "toString", ...properties });
  expect(world.get("constructor")).toBeUndefined();
  expect(world.isGone("hasOwnProperty")).toBe(false);
  for (const name of TRAP_NAMES) {
    expect(world.commit([update("__proto__", { [name]: "new" })], 0).applied).toHaveLength(1);
    expect(since(world, world.seq - 1)).toEqual([["update", 2, { [name]: "new" }]]);
    expect(world.commit([update("__proto__", { [name]: undefined })], 0).applied).toHaveLength(1);
    expect(world.commit([update("__proto__", { [name]: undefined })], 0).applied).toEqual([]);
  }
  expect(world.get("__proto__")).toStrictEqual({ id: "__proto__" });
  expect(Object.keys(Object.prototype)).toEqual([]);
});

test("setting a property that only the prototype has, to undefined, changes nothing", () => {
  const world = newWorld();
  world.commit([create("a")], 0);
  expect(world.commit([update("a", { toString: undefined, valueOf: undefined })], 0).seq).toBe(1);
});

test("a page ends at the end of a commit", () => {
  const world = newWorld();
  world.commit(
    ["a", "b", "c"].map((id) => create(id)),
    0,
  );
  world.commit([create("d")], 0);
  const first = world.since(0, { bytesMax: 1 });
  expect(first).toMatchObject({ from: 0, to: 1 });
  expect(first.changes).toHaveLength(3);
  const second = world.since(0, { from: first.to, bytesMax: 1 });
  expect(second).toMatchObject({ from: 1, to: 2 });
  expect(second.changes.map(shown)).toEqual([["create", 4, "d", {}]]);
  expect(world.since(0, { from: 2, bytesMax: 1 })).toEqual({ from: 2, to: 2, changes: [] });
});

test("what changes between two pages comes again in a later one", () => {
  const world = newWorld();
  for (const id of ["a", "b", "c"]) world.commit([create(id, { x: 1 })], 0);
  expect(world.since(0, { bytesMax: 1 }).changes.map(shown)).toEqual([
    ["create", 1, "a", { x: 1 }],
  ]);
  world.commit([update("a", { x: 2 })], 0);
  world.commit([destroy("b")], 0);
  world.commit([create("e"), destroy("e")], 0);
  expect(world.since(0, { from: 1 }).changes.map(shown)).toEqual([
    ["create", 3, "c", { x: 1 }],
    ["create", 1, "a", { x: 2 }],
  ]);
  expect(world.since(0, { from: 2 }).changes.map(shown)).toEqual([
    ["create", 3, "c", { x: 1 }],
    ["create", 1, "a", { x: 2 }],
    ["destroy", 2],
  ]);
});

test("changes of the given entries are silent", () => {
  const world = newWorld();
  const { applied } = world.commit([create("a"), create("b")], 0);
  const silent = new Set(applied.slice(0, 1).map(({ entry }) => entry));
  expect(world.since(0, { silent }).changes.map((change) => change.silent)).toEqual([true, false]);
});

test("a world that a store gives back is the one that was stored", () => {
  const world = newWorld({ removedPropertiesMax: 2 });
  const entries = new Set(
    [
      [create("a", { x: 1, y: 1, z: 1, w: 1 }), create("b")],
      [destroy("b"), create("b", { again: 1 })],
      [update("a", { x: undefined })],
      [update("a", { y: undefined })],
      [update("a", { z: undefined })],
    ].flatMap((operations) => world.commit(operations, 0).applied.map(({ entry }) => entry)),
  );
  const records = [...entries].map((entry) => entry.toRecord());
  // The tombstone of "b" and the new "b" are of one commit: a store may give them in either order.
  for (const objects of [records, [...records].reverse()]) {
    const { epoch, seq, horizon, nextHandle } = world;
    objects.sort((a, b) => a.revision - b.revision);
    const restored = new World({ epoch, seq, horizon, nextHandle, objects }, DEFAULT_LIMITS, 0);
    expect(restored).toMatchObject({ epoch, seq, horizon, nextHandle, size: 2 });
    for (let base = 0; base <= seq; base++) {
      expect(since(restored, base).sort()).toEqual(since(world, base).sort());
    }
    expect(restored.get("b")).toStrictEqual({ id: "b", again: 1 });
    expect([...restored.objects()].map(({ id }) => id).sort()).toEqual(["a", "b"]);
  }
});

test("adding many properties at once costs what they are, not their square", () => {
  const world = newWorld();
  world.commit([create("a")], 0);
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`p${i}`, i]));
  world.commit([update("a", many)], 0);
  // One shape for no property, one for all: none for each step between.
  expect(world.shapes.of(["next"]).number).toBe(3);
});

/** The world as a server finds it whose store has these objects of it, and has reserved some numbers. */
function reopened(world: World, entries: Iterable<Entry>, limits: Partial<Limits> = {}): World {
  const objects = [...entries].map((entry) => entry.toRecord());
  objects.sort((a, b) => a.revision - b.revision);
  const { epoch, horizon } = world;
  const record = { epoch, seq: world.seq + 10, horizon, nextHandle: world.nextHandle + 2, objects };
  return new World(record, { ...DEFAULT_LIMITS, ...limits }, 0);
}

function withUnrecorded(): { world: World; kept: Entry[] } {
  const world = newWorld();
  const entryOf = (operation: Operation): Entry =>
    (world.commit([operation], 0).applied[0] as Applied).entry;
  const kept = [entryOf(create("tree"))];
  entryOf(create("player")); // is not recorded
  kept.push(entryOf(create("stone")));
  entryOf(destroy("stone"));
  entryOf(update("player", { x: 1 }));
  return { world, kept };
}

test("whoever comes back to a world that was more than is recorded is told of all that has ended", () => {
  const { world, kept } = withUnrecorded();
  const after = reopened(world, kept);
  expect(after.seq).toBe(world.seq + 11);
  for (const seq of [0, 3, world.seq, world.seq + 10]) {
    expect(after.canResume({ epoch: "e", seq })).toBe(true);
    const destroyed = since(after, seq).filter((change) => (change as unknown[])[0] === "destroy");
    // Handles that nobody was given yet are among them: they do no harm.
    const all = [2, 4, 5].map((handle) => ["destroy", handle]);
    expect(destroyed).toEqual(seq === 0 ? [] : seq === 3 ? [["destroy", 3], ...all] : all);
  }
  expect(after.get("player")).toBeUndefined();
  expect(codeOf(() => after.commit([update("player", {})], 0))).toBe("not_found");
  after.commit([create("player")], 0);
  expect(since(after, after.seq - 1)).toEqual([["create", world.nextHandle + 2, "player", {}]]);
});

test("when more has ended than is remembered, nobody resumes who was there before", () => {
  const { world, kept } = withUnrecorded();
  const after = reopened(world, kept, { tombstonesMax: 3 });
  for (const seq of [0, world.seq, world.seq + 10]) {
    expect(after.canResume({ epoch: "e", seq })).toBe(false);
  }
  expect(after.canResume({ epoch: "e", seq: after.seq })).toBe(true);
  expect(since(after, 0)).toEqual([["create", 1, "tree", {}]]);
});

test("what has ended is forgotten like anything that was destroyed", () => {
  const { world, kept } = withUnrecorded();
  const after = reopened(world, kept, { tombstoneAgeMs: 100 });
  const { seq } = after;
  after.prune(101);
  expect([after.horizon, since(after, 1)]).toEqual([seq, []]);
});

test("a world of which all is recorded is opened as it was", () => {
  const objects = withUnrecorded().kept.map((entry) => entry.toRecord());
  const record = { epoch: "e", seq: 4, horizon: 0, nextHandle: 9, objects }; // "stone" went with the 4th
  expect(new World(record, DEFAULT_LIMITS, 0)).toMatchObject({ seq: 4, horizon: 0 });
  const pruned = { epoch: "e", seq: 7, horizon: 7, nextHandle: 9, objects: [] };
  expect(new World(pruned, DEFAULT_LIMITS, 0)).toMatchObject({ seq: 7, horizon: 7 });
});
