import { expect, test } from "@jest/globals";

import type { ChangesOf, NewObject, ObjectOf } from "../../../client/models.ts";
import type { ObjectId, ObjectSync, Properties, Value } from "../../../client/index.ts";

interface Player {
  name: string;
  hat?: number;
  say: { text: string };
}
interface Tree {
  height: number;
}
interface Models {
  player: Player;
  tree: Tree;
}

const use = (...values: unknown[]): number => values.length;

// Only compiled, by `npm run check`: what the types accept and refuse is the test.

export async function reading(sync: ObjectSync<Models>, id: string, n: number): Promise<void> {
  const name: string | undefined = sync.get("player:42")?.name;
  const height: number | undefined = sync.get(`tree:${n}`)?.height;
  const either: ObjectOf<Models> | undefined = sync.get(id);
  const player: Player | null = await sync.fetch("player:42");
  const [tree] = await sync.fetch(["tree:1", "tree:2"]);
  use(name, height, player?.say, tree?.height);
  sync.namespace("player").on("update", (changed) => use(changed.say.text));
  sync.object("tree:1").on("create", (created) => use(created.height));
  sync.on("destroy", (gone, object) => use(gone.length, object.id));
  // @ts-expect-error: what is held is read-only
  if (either) either.id = "x";
  // @ts-expect-error: a player has no height
  use(sync.get("player:42")?.height);
}

export async function writing(sync: ObjectSync<Models>, id: string, n: number): Promise<void> {
  const ann: Player = { name: "Ann", say: { text: "hi" } };
  await sync.create({ id: "player:42", ...ann, hat: undefined }, (_, held) => use(held?.name));
  await sync.create({ id: `tree:${n}`, height: 3 });
  await sync.create({ id, height: 3 });
  await sync.create(ann);
  await sync.save(ann);
  await sync.save({ height: 3 });
  await sync.save({ id: "player:42", name: "Ann", hat: undefined });
  await sync.save({ id, height: 3 });
  await sync.save({ id: "tree:1", height: 3 }, (error, tree) => use(error?.code, tree?.height));
  await sync.update({ id: id as ObjectId, height: 3 });
  await sync.destroy("tree:1");
  await sync.destroy(id);
  await sync.transaction((tx) => {
    const made = tx.create({ height: 1 });
    tx.update({ id: made, height: 2 });
    tx.save({ id: "player:42", name: "Ben" });
    tx.destroy(made);
  });
}

export async function properties(sync: ObjectSync<Models>, id: string): Promise<void> {
  // @ts-expect-error: a player needs something to say
  await sync.create({ id: "player:42", name: "Ann" });
  // @ts-expect-error: a player needs a name
  await sync.create({ say: { text: "hi" } });
  // @ts-expect-error: of no model is this all
  await sync.create({ id, name: "Ann" });
  // @ts-expect-error: a player has no height
  await sync.create({ id: "player:42", height: 3 });
  // @ts-expect-error: without an id it is created, and needs something to say
  await sync.save({ name: "Ann" });
  // @ts-expect-error: a name is a text
  await sync.save({ id: "player:42", name: 1 });
  // @ts-expect-error: a player cannot be without a name
  await sync.save({ id: "player:42", name: undefined });
  // @ts-expect-error: a player has no height
  await sync.save({ id: "player:42", height: 3 });
  // @ts-expect-error: an update needs an id
  await sync.update({ name: "Ann" });
  await sync.transaction((tx) => {
    // @ts-expect-error: a tree needs a height
    tx.create({ id: "tree:1" });
    // @ts-expect-error: a name is a text
    tx.update({ id: "player:42", name: 1 });
  });
}

export async function namespaces(sync: ObjectSync<Models>): Promise<void> {
  // @ts-expect-error: there is no such namespace
  sync.get("plaxer:42");
  // @ts-expect-error: there is no such namespace
  sync.object("plaxer:42");
  // @ts-expect-error: there is no such namespace
  sync.namespace("plaxer");
  // @ts-expect-error: there is no such namespace
  await sync.fetch("plaxer:42");
  // @ts-expect-error: there is no such namespace
  await sync.fetch(["tree:1", "tre:2"]);
  // @ts-expect-error: there is no such namespace
  await sync.create({ id: "tre:1", height: 3 });
  // @ts-expect-error: there is no such namespace
  await sync.save({ id: "tre:1", height: 3 });
  // @ts-expect-error: there is no such namespace
  await sync.update({ id: "tre:1", height: 3 });
  // @ts-expect-error: there is no such namespace
  await sync.destroy("tre:1");
  await sync.transaction((tx) => {
    // @ts-expect-error: there is no such namespace
    tx.create({ id: "tre:1", height: 3 });
    // @ts-expect-error: there is no such namespace
    tx.save({ id: "tre:1", height: 3 });
    // @ts-expect-error: there is no such namespace
    tx.update({ id: "tre:1", height: 3 });
    // @ts-expect-error: there is no such namespace
    tx.destroy("tre:1");
  });
}

export async function optional(sync: ObjectSync<Models>, tree: { id?: string; height: number }) {
  await sync.create(tree);
  await sync.save(tree);
  // @ts-expect-error: it may have no id
  await sync.update(tree);
}

export function events(typed: ObjectSync<Models>, untyped: ObjectSync): void {
  // @ts-expect-error: there is no such event
  typed.on("updaet", use);
  // @ts-expect-error: there is no such event
  untyped.on("updaet", use);
  // @ts-expect-error: there is no such event
  untyped.once("updaet", use);
  // @ts-expect-error: there is no such event
  untyped.off("updaet", use);
  // @ts-expect-error: this is no event of objects
  untyped.namespace("tree").on("synced", use);
  // @ts-expect-error: this is no event of objects
  typed.object("tree:1").once("synced", use);
}

type Others = ObjectSync<{ lamp: { on: boolean }; rock: Properties }>;

export async function singlesAndOpenModels(sync: Others): Promise<void> {
  const isOn: boolean | undefined = sync.get("lamp")?.on;
  await sync.save({ id: "lamp", on: true });
  await sync.create({ id: "rock:1", weight: 7, wet: true });
  const weight: Value | undefined = sync.get("rock:1")?.["weight"];
  // @ts-expect-error: nothing is called so
  sync.get("lantern");
  use(isOn, weight);
}

export async function untyped(sync: ObjectSync, player: Player, id: string): Promise<void> {
  await sync.save(player);
  await sync.create({ id, ...player });
  await sync.update({ id, ...player });
  await sync.save({ name: "oak", at: new Date() });
  await sync.save({ id: "tree:1", height: 3 });
  const height: Value | undefined = sync.get("tree:1")?.["height"];
  const objects = await sync.fetch(["tree:1", "tree:2"]);
  sync.namespace(id).on("update", ({ id: changed }) => use(changed));
  use(height, objects[0]?.id);
  // @ts-expect-error: no array is an object of the world
  await sync.save([1]);
  // @ts-expect-error: an update needs an id
  await sync.update({ height: 3 });
  // @ts-expect-error: an id is a text
  await sync.save({ id: 7 });
}

test("an id's namespace says what its object is", () => {
  const tree: ObjectOf<Models, "tree:1"> = { id: "tree:1", height: 2 };
  const changes: ChangesOf<Models, "player:1"> = { id: "player:1", hat: undefined };
  const fresh: NewObject<Models> = { height: 1 };
  expect([tree.id, changes.id, fresh.id]).toEqual(["tree:1", "player:1", undefined]);
});
