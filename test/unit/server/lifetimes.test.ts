import { expect, test } from "@jest/globals";
import type { ObjectId } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";
import { Lifetimes } from "../../../server/lifetimes.ts";

const lifetimes = new Lifetimes(["shot"], ["player"]);

test.each<[id: string, isEphemeral: boolean, isSessionObject: boolean]>([
  ["shot:1", true, false],
  ["shot:player:1", true, false],
  ["player:1", true, true],
  ["player:", true, true],
  ["player", false, false],
  ["players:1", false, false],
  [":player:1", false, false],
  ["tree:player", false, false],
])("%s: ephemeral is %s, a session object is %s", (text, isEphemeral, isSessionObject) => {
  const id = text as ObjectId;
  expect(lifetimes.isEphemeral(id)).toBe(isEphemeral);
  expect(lifetimes.isSessionObject(id)).toBe(isSessionObject);
});

test("a write is ephemeral when all of it is, and there is something in it", () => {
  const on = (...ids: string[]): Operation[] =>
    ids.map((id) => ({ kind: "destroy", id: id as ObjectId }));
  const given = [on("shot:1", "player:1"), on("shot:1", "tree"), on("tree"), on()];
  expect(given.map((one) => lifetimes.areEphemeral(one))).toEqual([true, false, false, false]);
  expect(new Lifetimes([], []).areEphemeral(on("shot:1"))).toBe(false);
});
