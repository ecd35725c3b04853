import { expect, test } from "@jest/globals";
import type { Client } from "../../../client/client.ts";
import type { ObjectSyncOptions } from "../../../client/options.ts";
import { quiet, setup, type FakeLink, type Setup } from "./fake-server.ts";

/** A client that is connected to a server which answers only when it is told to. */
async function connected(limits: ObjectSyncOptions["limits"] = {}): Promise<Setup> {
  const made = setup({ subscribe: [], limits });
  await made.sync.whenSynced();
  made.server.isAutomatic = false;
  return made;
}

function subscribe(sync: Client, ...namespaces: readonly string[]): Promise<unknown> {
  return Promise.all(namespaces.map((namespace) => sync.subscribe({ namespace }).ready));
}

/** What the client has said that it subscribes to, each time. */
function told({ messages }: FakeLink): unknown[] {
  return messages.map((message) => (message.kind === "subscribe" ? message.topics : message.kind));
}

const topics = (...namespaces: readonly string[]): object[] =>
  namespaces.map((namespace) => ({ namespace }));

test("what is subscribed to at once is one message, which answers all of it", async () => {
  const { sync, server } = await connected();
  const ready = subscribe(sync, "a", "b", "c");
  await quiet();
  expect(told(server.link)).toEqual([topics("a", "b", "c")]);
  server.link.answer(1);
  await ready;
});

test("a fetch does not wait for subscriptions, nor they for it", async () => {
  const { sync, server } = await connected();
  const ready = subscribe(sync, "a");
  const fetched = sync.fetch("tree");
  await quiet();
  expect(told(server.link)).toEqual([[...topics("a"), { id: "tree" }], "fetch"]);
  server.link.answer(2);
  await expect(fetched).resolves.toBeNull();
  server.link.answer(1);
  await ready;
});

test("subscriptions are sent no faster than a server takes them", async () => {
  const { sync, server, environment } = await connected({ subscriptionsPerSecondMax: 1 });
  const first = subscribe(sync, "a");
  await quiet();
  server.link.answer(1);
  await first;
  const second = subscribe(sync, "b");
  await quiet();
  expect(told(server.link)).toEqual([topics("a")]);
  environment.advance(1_000);
  await quiet();
  expect(told(server.link)).toEqual([topics("a"), topics("a", "b")]);
  server.link.answer(2);
  await second;
});

test("what the server refuses is not asked for again", async () => {
  const { sync, server } = await connected();
  const refused = subscribe(sync, "a");
  await quiet();
  server.link.answer(1, { code: "invalid_query", message: "not that" });
  await expect(refused).rejects.toMatchObject({ code: "invalid_query" });
  const ready = subscribe(sync, "b");
  await quiet();
  expect(told(server.link).at(-1)).toEqual(topics("b"));
  server.link.answer(2);
  await ready;
});

test("what cannot be asked for is not subscribed to", async () => {
  const { sync, server } = await connected({ writesMax: 1 });
  const first = subscribe(sync, "a");
  await expect(subscribe(sync, "b")).rejects.toMatchObject({ code: "limit_exceeded" });
  await quiet();
  expect(told(server.link)).toEqual([topics("a")]);
  server.link.answer(1);
  await first;
});

test("what had to wait is not sent beyond what may be under way", async () => {
  const limits = { subscriptionsPerSecondMax: 1, fetchesInFlightMax: 2 };
  const { sync, server, environment } = await connected(limits);
  const first = subscribe(sync, "a");
  await quiet();
  server.link.answer(1);
  await first;
  const second = subscribe(sync, "b");
  const fetched = Promise.all([sync.fetch("tree"), sync.fetch("stone")]);
  await quiet();
  environment.advance(1_000);
  await quiet();
  expect(told(server.link).slice(1)).toEqual(["fetch", "fetch"]);
  server.link.answer(3);
  await quiet();
  expect(told(server.link).length).toBe(4);
  server.link.answer(4);
  server.link.answer(2);
  await Promise.all([second, fetched]);
});
