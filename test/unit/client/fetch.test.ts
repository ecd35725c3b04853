import { expect, test } from "@jest/globals";

import { create, quiet, setup, setupSynced } from "./fake-server.ts";

test("fetch gives the live object, or null where there is none, in the order asked for", async () => {
  const { sync } = await setupSynced([{ id: "tree:1", height: 3 }]);
  await expect(sync.fetch("tree:1")).resolves.toBe(sync.get("tree:1"));
  await expect(sync.fetch("tree:9")).resolves.toBeNull();
  const trees = await sync.fetch(["tree:9", "tree:1"], (error, found) => {
    expect([error, found?.length]).toEqual([null, 2]);
  });
  expect(trees).toEqual([null, { id: "tree:1", height: 3 }]);
});

test("fetch resolves when the view is as far as the answer", async () => {
  const { sync, server } = await setupSynced();
  server.isAutomatic = false;
  let found: unknown = "not yet";
  void sync.fetch("tree:1").then((object) => (found = object));
  await quiet();
  server.commit(create({ id: "tree:1" }));
  server.link.answer(1);
  await quiet();
  expect(found).toBe("not yet");
  server.link.flush();
  await quiet();
  expect(found).toEqual({ id: "tree:1" });
});

test("what the server answers with an error rejects", async () => {
  const { sync, server } = await setupSynced();
  server.isAutomatic = false;
  const fetched = sync.fetch("tree:1");
  await quiet();
  server.link.answer(1, { code: "forbidden", message: "not you" });
  await expect(fetched).rejects.toMatchObject({ code: "forbidden" });
});

test("an unanswered fetch is asked again on the next connection", async () => {
  const { sync, server, environment } = await setupSynced();
  server.isAutomatic = false;
  const fetched = sync.fetch("tree:1");
  await quiet();
  expect(server.link.messages.length).toBe(1);
  server.link.drop();
  server.isAutomatic = true;
  server.commit(create({ id: "tree:1" }));
  environment.advance(500);
  await expect(fetched).resolves.toEqual({ id: "tree:1" });
});

test("a fetch of nothing resolves, and one of too much or of no id rejects", async () => {
  const { sync } = setup({ autoConnect: false, limits: { fetchIdsMax: 2 } });
  await expect(sync.fetch([])).resolves.toEqual([]);
  await expect(sync.fetch(["a", "b", "c"])).rejects.toMatchObject({ code: "limit_exceeded" });
  await expect(sync.fetch("")).rejects.toMatchObject({ code: "invalid_id" });
  await expect(sync.fetch(undefined as never)).rejects.toMatchObject({ code: "invalid_id" });
});

test("only so many fetches are under way at a time", async () => {
  const { sync, server } = setup({ limits: { fetchesInFlightMax: 2 } });
  await sync.whenSynced();
  server.isAutomatic = false;
  const fetched = ["a", "b", "c"].map((id) => sync.fetch(id));
  await quiet();
  expect(server.link.messages.length).toBe(2);
  server.link.answer(1);
  await quiet();
  expect(server.link.messages.length).toBe(3);
  server.link.answer(2);
  server.link.answer(3);
  await expect(Promise.all(fetched)).resolves.toEqual([null, null, null]);
});
