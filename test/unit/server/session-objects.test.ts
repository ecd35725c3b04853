import { expect, test } from "@jest/globals";
import { setImmediate as nextTurn } from "node:timers/promises";
import { SyncError } from "../../../lib/errors.ts";
import { SERVER_LIMITS } from "../../../lib/limits.ts";
import type { ObjectId } from "../../../lib/object.ts";
import type { Operation } from "../../../lib/operation.ts";
import { World } from "../../../lib/world.ts";
import { Lifetimes } from "../../../server/lifetimes.ts";
import { SessionObjects } from "../../../server/session-objects.ts";
import { FakeEnvironment } from "../client/fake-server.ts";

const GRACE_MS = 100;

/** A world whose players are session objects, and who is connected to it. */
function setup() {
  const environment = new FakeEnvironment();
  const record = { epoch: "e", seq: 0, horizon: 0, nextHandle: 1, objects: [] };
  const world = new World(record, SERVER_LIMITS, 0);
  const connected = new Set<string>(["ann", "bob"]);
  const refusals: SyncError[] = [];
  const objects = new SessionObjects({
    lifetimes: new Lifetimes([], ["player"]),
    graceMs: GRACE_MS,
    scheduler: environment.scheduler,
    isConnected: (clientId) => connected.has(clientId),
    destroy: (id) => {
      const refusal = refusals.shift();
      if (refusal !== undefined) return Promise.reject(refusal);
      commit({ kind: "destroy", id });
      return Promise.resolve();
    },
  });
  const commit = (operation: Operation, clientId?: string): void => {
    for (const applied of world.commit([operation], 0).applied) objects.note(applied, clientId);
  };
  const create = (name: string, clientId?: string): void => {
    const id = name as ObjectId;
    commit({ kind: "create", id, properties: {}, chosen: true }, clientId);
  };
  const destroy = (id: string, by: string): void => {
    commit({ kind: "destroy", id: id as ObjectId }, by);
  };
  const leave = (clientId: string): void => {
    connected.delete(clientId);
    objects.left(clientId);
  };
  const ids = (): string[] => [...world.objects()].map(({ id }) => id);
  return { environment, connected, refusals, objects, create, destroy, leave, ids };
}

test("what a client has created goes when it has been away for long enough; nothing else does", () => {
  const { environment, create, leave, ids } = setup();
  create("player:1", "ann");
  create("player:2", "ann");
  create("player:3", "bob");
  create("player:4");
  create("tree:1", "ann");
  leave("ann");
  environment.advance(GRACE_MS - 1);
  expect(ids()).toHaveLength(5);
  environment.advance(1);
  expect(ids()).toEqual(["player:3", "player:4", "tree:1"]);
});

test("who comes back in time keeps it, and is given the whole time when it goes again", () => {
  const { environment, connected, create, leave, ids } = setup();
  create("player:1", "ann");
  leave("ann");
  environment.advance(GRACE_MS - 1);
  connected.add("ann");
  environment.advance(GRACE_MS);
  expect(ids()).toEqual(["player:1"]);
  leave("ann");
  environment.advance(GRACE_MS / 2);
  connected.add("ann");
  leave("ann");
  environment.advance(GRACE_MS - 1);
  expect(ids()).toEqual(["player:1"]);
  environment.advance(1);
  expect(ids()).toEqual([]);
});

test("what a client that was gone already has created goes as well", () => {
  const { environment, create, leave, ids } = setup();
  leave("ann");
  create("player:1", "ann");
  environment.advance(GRACE_MS);
  expect(ids()).toEqual([]);
});

test("an id that somebody else has used since is that one's", () => {
  const { environment, create, destroy, leave, ids } = setup();
  create("player:1", "ann");
  destroy("player:1", "bob");
  create("player:1", "bob");
  leave("ann");
  environment.advance(GRACE_MS);
  expect(ids()).toEqual(["player:1"]);
  leave("bob");
  environment.advance(GRACE_MS);
  expect(ids()).toEqual([]);
});

test("what could not be destroyed is tried again; what was refused stays", async () => {
  const { environment, refusals, create, leave, ids } = setup();
  create("player:1", "ann");
  create("player:2", "ann");
  refusals.push(new SyncError("unavailable", "no disk"), new SyncError("refused", "not this one"));
  leave("ann");
  environment.advance(GRACE_MS);
  await nextTurn();
  expect(ids()).toEqual(["player:1", "player:2"]);
  refusals.push(new SyncError("refused", "no"), new SyncError("refused", "no"));
  environment.advance(GRACE_MS);
  await nextTurn();
  expect([ids(), environment.nextMs]).toEqual([["player:1", "player:2"], undefined]);
});

test("after a close nothing is waited for", () => {
  const { environment, objects, create, leave } = setup();
  create("player:1", "ann");
  create("player:2", "bob");
  leave("ann");
  objects.close();
  leave("bob");
  expect(environment.nextMs).toBeUndefined();
});
