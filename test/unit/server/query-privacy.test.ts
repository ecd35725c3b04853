import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { DEFAULT_LIMITS } from "../../../lib/limits.ts";
import type { ObjectId, OwnedObject, SyncObject } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";
import { parseTopics, Topics } from "../../../lib/topics.ts";
import { World } from "../../../lib/world.ts";
import { Permissions, type Rules } from "../../../server/rules.ts";
import { View } from "../../../server/views/view.ts";
import { TurnBudget } from "../../../server/turn-budget.ts";
import { Views } from "../../../server/views/views.ts";
import { anyQuery, askedObject } from "../../support/arbitraries.ts";

const limits = { ...DEFAULT_LIMITS, queryConditionsMax: 1_000 };

/** Who sees an object, and which properties of it, depends on the others that it has. */
const rules: Rules = {
  "*": {
    read: (user, { b }) => user === "ann" || b !== false,
    properties: {
      a: { read: (user, { b }) => user === "ann" || typeof b === "string" },
      ["toString"]: { read: (_user: unknown, object: SyncObject) => object["a"] !== undefined },
      "x.y": { read: false },
    },
  },
};

function open() {
  const record = { epoch: "epoch", seq: 0, horizon: 0, nextHandle: 1, objects: [] };
  const world = new World(record, limits, 0);
  const fail = (error: unknown): never => {
    throw error;
  };
  const permissions = new Permissions(rules, fail);
  const views = new Views(world, permissions, undefined, limits, fail);
  return { world, permissions, views };
}

function opened({ views, permissions }: ReturnType<typeof open>, user: string, topics: Topics) {
  const view = views.open(permissions.audience(user, ""), topics);
  if (view instanceof View) return view;
  throw new Error("it is shown the whole world");
}

function withoutThese(object: SyncObject, hidden: readonly string[]): SyncObject {
  const seen: OwnedObject = { ...object };
  for (const name of hidden) Reflect.deleteProperty(seen, name);
  return seen;
}

/** Makes an object as it is given. */
function becoming(world: World, { id, ...properties }: SyncObject): Operation {
  const held = world.get(id);
  const target = id as ObjectId;
  if (held === undefined) return { kind: "create", id: target, properties, chosen: true };
  const removed = Object.keys(held).filter((name) => name !== "id" && !(name in properties));
  const changes = Object.fromEntries(removed.map((name) => [name, undefined]));
  return { kind: "update", id: target, changes: { ...changes, ...properties } };
}

const anyStep = fc.oneof(
  { arbitrary: fc.record({ object: askedObject }), weight: 5 },
  { arbitrary: fc.record({ gone: fc.constantFrom("a", "ab", "b", "1") }), weight: 1 },
  { arbitrary: fc.record({ user: fc.constantFrom("ann", "bob"), query: anyQuery }), weight: 2 },
  { arbitrary: fc.record({ turned: fc.nat(), query: anyQuery }), weight: 1 },
);

test("a view shows what its queries match of what its audience may read, however that changes", () => {
  let shown = 0;
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 5, maxLength: 40, size: "max" }), (steps) => {
      const place = open();
      const { world, permissions, views } = place;
      const all: { user: string; view: View }[] = [];
      for (const step of steps) {
        if ("object" in step) world.commit([becoming(world, step.object)], 0);
        else if ("gone" in step) {
          if (world.get(step.gone) === undefined) continue;
          world.commit([{ kind: "destroy", id: step.gone as ObjectId }], 0);
        } else {
          const topics = parseTopics([{ query: step.query }], limits);
          const turned = "turned" in step ? all[step.turned % all.length] : undefined;
          if (turned !== undefined) {
            views.advance(() => {
              if (turned.view.users > 1) {
                const own = views.own(turned.view, new TurnBudget(Infinity));
                views.release(turned.view);
                turned.view = own;
              }
              views.turn(turned.view, topics);
            });
          } else if ("user" in step) {
            all.push({ user: step.user, view: opened(place, step.user, topics) });
          }
        }
        views.advance();
        for (const { user, view } of all) {
          for (const object of world.objects()) {
            const hidden = permissions.hidden(user, object);
            const isShown =
              hidden !== undefined &&
              (view.topics.queries[0]?.matches(withoutThese(object, hidden)) ?? false);
            if (view.shows(object.id as ObjectId) !== isShown) throw new Error(object.id);
            if (isShown) shown += 1;
          }
        }
      }
    }),
    { numRuns: 200 },
  );
  expect(shown).toBeGreaterThan(2_000);
});

test("what is taken back before it was shown is in no view that was opened meanwhile", () => {
  const place = open();
  const { world, views } = place;
  const id = "a" as ObjectId;
  const create = { kind: "create", id, properties: { b: 1 }, chosen: true } as const;
  const commit = world.commit([create], 0);
  const view = opened(place, "bob", new Topics(false, { ids: [id] }));
  world.undo(commit);
  views.advance();
  expect([...view.members()]).toEqual([]);
});
