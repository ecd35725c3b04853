import { expect, test } from "@jest/globals";
import type { SyncError } from "../../../lib/errors.ts";
import { SERVER_LIMITS, type ServerLimits } from "../../../lib/limits.ts";
import type { Changes, ObjectId, Properties } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";
import type { References } from "../../../lib/references.ts";
import { World } from "../../../lib/world.ts";
import { ConflictDetector, type Sight } from "../../../server/conflicts.ts";

/** What a server finds to collide, against a real world. */

function create(id: string, properties: Properties = {}): Operation {
  return { kind: "create", id: id as ObjectId, properties, chosen: true };
}

function update(id: string, changes: Changes): Operation {
  return { kind: "update", id: id as ObjectId, changes };
}

function destroy(id: string): Operation {
  return { kind: "destroy", id: id as ObjectId };
}

class Scene {
  readonly world: World;
  readonly #detector: ConflictDetector;

  constructor(limits: Partial<ServerLimits> = {}, references: References = {}) {
    const record = { epoch: "e", seq: 0, horizon: 0, nextHandle: 1, objects: [] };
    this.world = new World(record, { ...SERVER_LIMITS, ...limits }, 0);
    this.#detector = new ConflictDetector(this.world, "detect", references);
  }

  /** Returns its `seq`. Who writes has seen all that there is, if nothing else is said. */
  commit(clientId: string, operation: Operation, seen = this.world.seq): number {
    this.world.commit([operation], 0);
    this.#detector.note(clientId, seen);
    return this.world.seq;
  }

  /** What collides, as "id" or "id.property". */
  collisions(operations: readonly Operation[], sight: Partial<Sight>): string[] {
    const whole: Sight = {
      clientId: "a",
      seen: 0,
      hiddenIn: () => [],
      mayKnow: () => true,
      isOlder: false,
      ...sight,
    };
    try {
      this.#detector.check(operations, whole);
      return [];
    } catch (error) {
      const { collisions = [] } = error as SyncError;
      return collisions.map(({ id, property, referredBy }) =>
        [id, property ?? referredBy].filter((part) => part !== undefined).join(),
      );
    }
  }
}

test("a property collides that another has written since, whatever its value, and nothing else", () => {
  const scene = new Scene();
  const seen = scene.commit("b", create("x", { p: 1, q: 1 }));
  scene.commit("b", update("x", { p: 2 }));
  expect(scene.collisions([update("x", { p: 3, q: 3 })], { seen })).toEqual(["x,p"]);
  expect(scene.collisions([update("x", { p: 2 })], { seen })).toEqual(["x,p"]);
  expect(scene.collisions([update("x", { p: 3 })], { seen: scene.world.seq })).toEqual([]);
});

test("what a client has written itself collides with nothing of its own", () => {
  const scene = new Scene();
  const seen = scene.commit("b", create("x", { p: 1 }));
  scene.commit("a", update("x", { p: 2 }), seen);
  expect(scene.collisions([update("x", { p: 3 })], { seen })).toEqual([]);
  expect(scene.collisions([update("x", { p: 3 })], { seen, clientId: "c" })).toEqual(["x,p"]);
});

test("a property that another has removed collides also when that is forgotten, whoever has removed one since", () => {
  const scene = new Scene({ removedPropertiesMax: 1 });
  const seen = scene.commit("b", create("x", { p: 1, q: 1, r: 1 }));
  scene.commit("b", update("x", { p: undefined }));
  scene.commit("a", update("x", { q: undefined }), seen);
  expect(scene.world.entry("x")?.forgotten).toBe(scene.world.seq);
  expect(scene.collisions([update("x", { p: 2 })], { seen })).toEqual(["x,p"]);
  expect(scene.collisions([destroy("x")], { seen })).toEqual(["x"]);
});

test("who destroys an object is told nothing of what is hidden from them in it", () => {
  const scene = new Scene({ removedPropertiesMax: 1 });
  const seen = scene.commit("b", create("x", { p: 1, secret: 1, other: 1 }));
  const hiddenIn = (): string[] => ["secret", "other"];
  scene.commit("b", update("x", { secret: 2 }));
  expect(scene.collisions([destroy("x")], { seen })).toEqual(["x"]);
  expect(scene.collisions([destroy("x")], { seen, hiddenIn })).toEqual([]);
  expect(scene.collisions([destroy("x")], { seen, hiddenIn: () => undefined })).toEqual([]);
  scene.commit("b", update("x", { secret: undefined, other: undefined }));
  expect(scene.world.entry("x")?.forgotten).toBe(scene.world.seq);
  expect(scene.collisions([destroy("x")], { seen, hiddenIn })).toEqual([]);
  scene.commit("b", update("x", { p: 2 }));
  expect(scene.collisions([destroy("x")], { seen, hiddenIn })).toEqual(["x"]);
});

test("an object that is gone, or there already, collides as a whole", () => {
  const scene = new Scene();
  const seen = scene.commit("b", create("x"));
  scene.commit("b", destroy("x"));
  scene.commit("b", create("y"));
  const operations = [update("x", { p: 1 }), create("y"), destroy("x")];
  expect(scene.collisions(operations, { seen })).toEqual(["x", "y"]);
});

test("a reference collides with the end of what it refers to, unless that is a secret, and the other way round", () => {
  const scene = new Scene({}, { leaf: ["tree"] });
  scene.commit("b", create("tree:1"));
  const seen = scene.commit("b", create("tree:2"));
  scene.commit("b", destroy("tree:1"));
  scene.commit("b", create("leaf:1", { tree: "tree:2" }));
  const write = [create("leaf:2", { tree: "tree:1" })];
  expect(scene.collisions(write, { seen })).toEqual(["tree:1"]);
  expect(scene.collisions(write, { seen, mayKnow: () => false })).toEqual([]);
  expect(scene.collisions([destroy("tree:2")], { seen })).toEqual(["tree:2,leaf:1"]);
  expect(scene.collisions([destroy("tree:2")], { seen, hiddenIn: () => ["tree"] })).toEqual([]);
});

test("of very much that collides all objects are told, and not all properties", () => {
  const scene = new Scene();
  const names = Array.from({ length: 400 }, (_, i) => `${i} ${"n".repeat(200)}`);
  const all = (value: number): Changes => Object.fromEntries(names.map((name) => [name, value]));
  const ids = Array.from({ length: 300 }, (_, i) => `x${i}`);
  for (const id of ids) scene.commit("b", create(id, all(1) as Properties));
  const { seq: seen } = scene.world;
  for (const id of ids) scene.commit("b", update(id, all(2)));
  const write = ids.map((id) => update(id, all(3)));
  const told = scene.collisions([...write, destroy("x0")], { seen });
  expect(told.join("").length).toBeLessThan(100_000);
  expect(new Set(told.map((one) => one.split(",")[0]))).toEqual(new Set(ids));
  expect(told[0]).toBe(`x0,${names[0]}`);
  expect(told.at(-1)).toBe("x299");
  expect(told.filter((one) => one === "x0")).toEqual(["x0"]);

  const short = Object.fromEntries(Array.from({ length: 999 }, (_, i) => [`p${i}`, i]));
  scene.commit("b", create("y", short));
  const before = scene.commit("b", create("z", short));
  const other = Object.fromEntries(Object.keys(short).map((name) => [name, -1]));
  for (const one of ["y", "z"]) scene.commit("b", update(one, other));
  const mine = Object.fromEntries(Object.keys(short).map((name) => [name, -2]));
  const two = scene.collisions([update("y", mine), update("z", mine)], { seen: before });
  expect([two.length, two.slice(998)]).toEqual([1_001, ["y,p998", "z,p0", "z"]]);
});
