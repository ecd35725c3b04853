import { expect, test } from "@jest/globals";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import type { ObjectSync } from "../../../client/index.ts";
import type { Value } from "../../../lib/index.ts";
import type { ObjectSyncServer } from "../../../server/index.ts";
import { schemas, type ModelsOf } from "../../../schema/index.ts";
import { jsonSchema } from "../../../schema/json/index.ts";

interface Rock {
  weight: number;
}

const checked = schemas({
  player: z.object({ name: z.string(), hat: z.number().optional() }),
  tree: v.object({ height: v.number(), kind: v.picklist(["oak", "elm"]) }),
  house: type({ doors: "number", "owner?": "string" }),
  rock: jsonSchema<Rock>({ properties: { weight: { type: "number" } }, required: ["weight"] }),
  thing: jsonSchema({ type: "object" }),
  "*": z.object({ any: z.string() }),
});

type Models = ModelsOf<typeof checked>;

const use = (...values: unknown[]): number => values.length;

// Only compiled, by `npm run check`: what the types accept and refuse is the test.

export function plugin(server: ObjectSyncServer): void {
  server.use(checked);
}

export async function reading(sync: ObjectSync<Models>): Promise<void> {
  const name: string | undefined = sync.get("player:42")?.name;
  const hat: number | undefined = sync.get("player:42")?.hat;
  const kind: "oak" | "elm" | undefined = sync.get("tree:1")?.kind;
  const owner: string | undefined = sync.get("house:1")?.owner;
  const rock: Rock | null = await sync.fetch("rock:1");
  const any: Value | undefined = sync.get("thing:1")?.["any"];
  use(name, hat, kind, owner, rock, any);
  // @ts-expect-error: a player has no height
  use(sync.get("player:42")?.height);
  // @ts-expect-error: a rock has no height
  use(sync.get("rock:42")?.height);
  // @ts-expect-error: there is no such namespace
  use(sync.get("plaxer:42"));
  // @ts-expect-error: what is for all others is no namespace
  use(sync.get("*:42"));
}

export async function writing(sync: ObjectSync<Models>): Promise<void> {
  await sync.create({ id: "player:42", name: "Ada" });
  await sync.update({ id: "player:42", hat: undefined });
  await sync.create({ id: "tree:1", height: 3, kind: "elm" });
  await sync.create({ id: "house:1", doors: 2 });
  await sync.create({ id: "rock:1", weight: 2 });
  // @ts-expect-error: a player needs a name
  await sync.create({ id: "player:42", hat: 1 });
  // @ts-expect-error: there are only oaks and elms
  await sync.create({ id: "tree:1", height: 3, kind: "ash" });
  // @ts-expect-error: doors are counted
  await sync.update({ id: "house:1", doors: "two" });
  // @ts-expect-error: a weight is a number
  await sync.update({ id: "rock:1", weight: "heavy" });
}

const _filling = schemas({ player: z.object({ name: z.string().default("nobody") }) });

export function unfilled(sync: ObjectSync<ModelsOf<typeof _filling>>): void {
  // @ts-expect-error: schemas only check, so that a default is not filled in
  const name: string | undefined | null = sync.get("player:1")?.name ?? use;
  const known: string | undefined = sync.get("player:1")?.name;
  use(name, known);
}

// @ts-expect-error: a bare JSON Schema says nothing to the compiler
export const bare = (): unknown => schemas({ player: { type: "object" } });

test("the models are those of the schemas", () => {
  const tree: Models["tree"] = { height: 1, kind: "oak" };
  expect(Object.keys(checked.all)).toContain("tree");
  expect(checked.all.tree["~standard"].validate(tree)).toMatchObject({ value: tree });
});
