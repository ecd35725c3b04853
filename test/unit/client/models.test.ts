import { expect, test } from "@jest/globals";

import type { ChangesOf, NewObject, ObjectOf } from "../../../client/models.ts";
import type { ObjectSync, Value } from "../../../client/index.ts";

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

/** Only compiled: what the types accept and refuse is the test. */
export async function typed(sync: ObjectSync<Models>, id: string): Promise<void> {
  const name: string | undefined = sync.get("player:42")?.name;
  const height: number | undefined = sync.get(`tree:${id}`)?.height;
  const either: ObjectOf<Models> | undefined = sync.get(id);
  const value: Value | undefined = sync.get("rock:1")?.["weight"];
  await sync.save({ id: "player:42", name: "Ann", hat: undefined });
  await sync.save({ id, height: 3 });
  await sync.save({ height: 3 });
  await sync.save({ id: "tree:1", height: 3 }, (error, tree) => use(error?.code, tree?.height));
  sync.namespace("player").on("update", (player) => use(player.say.text));
  sync.object("tree:1").on("create", (tree) => use(tree.height));
  sync.on("destroy", (gone, object) => use(gone.length, object.id));
  // @ts-expect-error: a name is a text
  await sync.save({ id: "player:42", name: 1 });
  // @ts-expect-error: an update needs an id
  await sync.update({ name: "Ann" });
  // @ts-expect-error: what is held is read-only
  if (either) either.id = "x";
  use(name, height, value);
}

export async function untyped(sync: ObjectSync, player: Player & { id: string }): Promise<void> {
  await sync.save(player);
  await sync.save({ name: "oak", at: new Date() });
  await sync.save({ id: "tree:1", height: 3 });
  const height: Value | undefined = sync.get("tree:1")?.["height"];
  const objects = await sync.fetch(["tree:1", "tree:2"]);
  use(height, objects[0]?.id);
}

test("an id's namespace says what its object is", () => {
  const tree: ObjectOf<Models, "tree:1"> = { id: "tree:1", height: 2 };
  const changes: ChangesOf<Models, "tree:1"> = { id: "tree:1", height: undefined };
  const fresh: NewObject<Models> = { height: 1 };
  expect([tree.id, changes.id, fresh.id]).toEqual(["tree:1", "tree:1", undefined]);
});
