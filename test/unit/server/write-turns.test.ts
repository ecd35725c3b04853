import { expect, test } from "@jest/globals";
import { SERVER_LIMITS } from "../../../lib/limits.ts";
import { Lifetimes } from "../../../server/lifetimes.ts";
import { KeptStore } from "../../support/kept-store.ts";
import { create, FakeEnvironment, quiet } from "../client/fake-server.ts";
import { goodbyeOf, HELLO, NotedLink, openWorld, writing } from "./small-world.ts";

const VISITOR = { identity: undefined, endsAt: Infinity };

/** Has a store answer when the function that is returned is called. */
function hold(store: KeptStore): () => void {
  let release: () => void = () => undefined;
  store.hold = new Promise((resolve) => (release = resolve));
  return release;
}

/** How far a client was told that the world is. */
const toldTo = ({ messages }: NotedLink): number =>
  Math.max(...messages.map((one) => (one.kind === "delta" ? one.delta.to : 0)));

test("what was to be shown while the store was asked who has the world is shown when it has answered", async () => {
  const environment = new FakeEnvironment();
  const store = new KeptStore();
  const [flush, storeCheckMs] = [150, 100];
  const world = openWorld(environment, {
    store,
    flush,
    lifetimes: new Lifetimes(["shot"], []),
    limits: { ...SERVER_LIMITS, storeCheckMs },
  });
  await world.opened();
  const link = new NotedLink();
  (await world.reception(HELLO, VISITOR))(link);
  await world.create({ id: "shot:1" });
  await quiet();
  const release = hold(store);
  await world.update({ id: "shot:1", x: 1 }); // which waits for no store, but for the tick
  const { commits } = store;
  environment.advance(storeCheckMs);
  await quiet();
  expect(store.commits).toBe(commits + 1);
  environment.advance(flush - storeCheckMs);
  await quiet();
  expect(toldTo(link)).toBe(1);
  release();
  await quiet();
  expect(toldTo(link)).toBe(2);
});

test("who pushes does not know what took the place of its write when the store had refused that", async () => {
  const store = new KeptStore();
  const world = openWorld(new FakeEnvironment(), { store });
  await world.opened();
  const link = new NotedLink();
  const events = (await world.reception({ ...HELLO, isStrict: true }, VISITOR))(link);
  const release = hold(store);
  events.message(writing(1, create({ id: "refused" })));
  await quiet();
  // Both are decided in the turn after that, in which the first of them is commit 1 again.
  const others = world.create({ id: "of-others" });
  events.message(writing(2, create({ id: "unseeing" })));
  store.refuses = true;
  world.on("error", () => (store.refuses = false));
  release();
  await others;
  await quiet();
  expect(goodbyeOf(link)).toMatchObject({ error: { code: "out_of_date" } });
  expect([...world.allObjects().keys()]).toEqual(["of-others"]);
});

test("what came while the store was at work, of an identity whose sessions were ended since, waits for it to come back", async () => {
  const store = new KeptStore();
  const world = openWorld(new FakeEnvironment(), { store });
  await world.opened();
  const ann = { identity: "ann", endsAt: Infinity };
  const join = async (link: NotedLink) => (await world.reception(HELLO, ann))(link);
  const events = await join(new NotedLink());
  const release = hold(store);
  const first = world.create({ id: "of-others" });
  await quiet();
  events.message(writing(1, create({ id: "tree" })));
  expect(world.endSessions("ann")).toBe(1);
  release();
  await first;
  await quiet();
  expect([...world.allObjects().keys()]).toEqual(["of-others"]);
  (await join(new NotedLink())).message(writing(1, create({ id: "tree" })));
  await quiet();
  expect([...world.allObjects().keys()]).toEqual(["of-others", "tree"]);
});

test("what is destroyed as somebody may no longer see it, and then is not, leaves their view all the same", async () => {
  const store = new KeptStore();
  const sight = { isOpen: true };
  const rules = { card: { read: () => sight.isOpen } };
  const world = openWorld(new FakeEnvironment(), { store, rules });
  await world.opened();
  const link = new NotedLink();
  (await world.reception(HELLO, VISITOR))(link);
  await world.create({ id: "card:1" });
  await quiet();
  const changes = () =>
    link.messages.flatMap((one) => (one.kind === "delta" ? one.delta.changes : []));
  expect(changes().map(({ kind }) => kind)).toEqual(["create"]);
  const release = hold(store);
  store.refuses = true;
  world.on("error", () => (store.refuses = false));
  const destroyed = world.destroy("card:1").catch((error: unknown) => error);
  await quiet();
  sight.isOpen = false;
  const revoked = world.revoke([...world.allObjects().keys()]); // of none, as it seems
  release();
  await Promise.all([destroyed, revoked]);
  await quiet();
  expect(world.get("card:1")).toBeDefined();
  expect(changes().map(({ kind }) => kind)).toEqual(["create", "destroy"]);
});

test("a world that is over says no more that it waits for its store", async () => {
  const environment = new FakeEnvironment();
  const store = new KeptStore();
  const world = openWorld(environment, { store });
  await world.opened();
  const told: string[] = [];
  world.on("error", ({ code }) => told.push(code));
  const release = hold(store);
  const write = world.create({ id: "tree" }).catch((error: unknown) => error);
  await quiet();
  const closing = world.close();
  await quiet();
  environment.advance(SERVER_LIMITS.drainTimeoutMs);
  await closing;
  expect(await write).toMatchObject({ code: "unavailable" });
  environment.advance(SERVER_LIMITS.storeTimeoutMs);
  expect(told).toEqual([]);
  release();
});
