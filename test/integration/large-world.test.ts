import { afterEach, expect, test } from "@jest/globals";
import type { Change } from "../../lib/delta.ts";
import type { ObjectSyncServer } from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import { recordEvents, Stage, TAPPED, viewOf } from "../support/stage.ts";
import type { Tapped, WireTap } from "../support/wire-tap.ts";

const OBJECTS = 10_000;
const PAGE_BYTES = 64 * 1024;

const stage = new Stage();
afterEach(() => stage.clear());

/** 10,000 objects of nine properties. What is written as one travels in one page: so not all as one. */
async function fill(sync: ObjectSyncServer): Promise<void> {
  for (let first = 0; first < OBJECTS; first += 10) {
    await sync.transaction((steps) => {
      for (let i = first; i < first + 10; i++) {
        steps.create({
          id: `thing:${i}`,
          name: `thing number ${i}`,
          place: `row ${i % 100}, column ${Math.floor(i / 100)}, of a large field`,
          x: i * 1.25,
          y: i * 2.5,
          health: 100,
          isOpen: i % 2 === 0,
          tags: ["large", "world", `tag${i % 50}`],
          owner: null,
          story: `It is said of number ${i} that it ${"has stood here for long, ".repeat(4)}as all do.`,
        });
      }
    });
  }
}

const isWhole = ({ message }: Tapped): boolean => message.kind === "delta" && message.isWhole;

function changesOf(tap: WireTap): readonly Change[] {
  return tap.messages.flatMap(({ message }) =>
    message.kind === "delta" ? message.delta.changes : [],
  );
}

test("a newcomer gets 10,000 objects in pages, and sees nothing until it sees all", async () => {
  const { sync, port } = await stage.serve();
  await fill(sync);
  const network = await stage.network(port);
  const newcomer = stage.client(network.url, { autoConnect: false });
  const events = recordEvents(newcomer);
  const seen: [status: string, size: number, events: number][] = [];
  network.onMessage = () => {
    seen.push([newcomer.status, newcomer.allObjects().size, events.length]);
  };
  const atFirstEvent: [status: string, size: number][] = [];
  newcomer.once("add", () => atFirstEvent.push([newcomer.status, newcomer.allObjects().size]));
  newcomer.connect();
  await newcomer.whenSynced();

  const [tap] = network.taps as [WireTap];
  const [welcome, ...pages] = tap.messages;
  expect(welcome?.message).toMatchObject({ kind: "welcome", isResumed: false });
  expect(pages.length).toBeGreaterThanOrEqual(tap.bytes / (PAGE_BYTES * 1.1));
  expect(pages.length).toBeGreaterThan(20);
  expect(pages.map(isWhole)).toEqual(pages.map((_page, i) => i === pages.length - 1));
  for (const page of pages) expect(page.bytes).toBeLessThan(PAGE_BYTES * 1.1);
  expect(changesOf(tap)).toHaveLength(OBJECTS);

  // At each message: the client has not seen anything of the ones before it.
  expect(seen).toHaveLength(1 + pages.length);
  for (const [status, size, count] of seen) {
    expect(["connecting", "syncing"]).toContain(status);
    expect([size, count]).toEqual([0, 0]);
  }
  expect(atFirstEvent).toEqual([["synced", OBJECTS]]);
  expect(events).toHaveLength(OBJECTS);
  expect(viewOf(newcomer)).toEqual(viewOf(sync));
});

test("between the pages of a newcomer the server answers others, and the newcomer has that too", async () => {
  const { sync, port, url } = await stage.serve();
  await fill(sync);
  const network = await stage.network(port);
  const writer = await stage.join(url);
  const observed: string[] = [];
  const writes: Promise<unknown>[] = [];
  network.onMessage = ({ message }) => {
    if (message.kind !== "delta") return;
    observed.push("page");
    if (writes.length > 0) return;
    writes.push(
      writer
        .update({ id: "thing:1", name: "changed meanwhile" })
        .then(() => observed.push("update")),
      writer.destroy("thing:2").then(() => observed.push("destroy")),
      writer.create({ id: "another" }).then(() => observed.push("create")),
    );
  };
  const newcomer = await stage.join(network.url);
  await Promise.all(writes);
  const answered = observed.indexOf("create");
  expect(observed.slice(0, answered)).toContain("page");
  expect(observed.slice(answered)).toContain("page");
  await eventually(() => newcomer.get("another"));
  expect(newcomer.get("thing:1")?.["name"]).toBe("changed meanwhile");
  expect(newcomer.get("thing:2")).toBeUndefined();
  expect(viewOf(newcomer)).toEqual(viewOf(sync));
});

test("a newcomer whose network stands still holds up nobody, and is given the rest when it moves", async () => {
  const { sync, port, url } = await stage.serve();
  await fill(sync);
  const network = await stage.network(port);
  const newcomer = stage.client(network.url);
  await new Promise<void>((resolve) => {
    network.onMessage = ({ message }) => {
      if (message.kind !== "delta") return;
      network.onMessage = () => undefined;
      network.stopDelivering();
      resolve();
    };
  });
  const writer = await stage.join(url);
  expect(writer.allObjects().size).toBe(OBJECTS); // another newcomer overtakes it
  await writer.update({ id: "thing:1", name: "changed meanwhile" });
  expect([newcomer.status, newcomer.allObjects().size]).toEqual(["syncing", 0]);
  network.deliverAgain();
  await newcomer.whenSynced();
  await eventually(() => newcomer.get("thing:1")?.["name"] === "changed meanwhile");
  expect(viewOf(newcomer)).toEqual(viewOf(sync));
});

test("a client that was away while 1 % changed receives only the properties that changed", async () => {
  const { sync, port } = await stage.serve();
  await fill(sync);
  const network = await stage.network(port);
  const away = await stage.join(network.url, TAPPED);
  const [snapshot] = network.taps as [WireTap];
  network.goDown();
  await eventually(() => !away.isConnected());
  const changed = Array.from({ length: OBJECTS / 100 }, (_, i) => `thing:${i * 100 + 7}`);
  for (const [i, id] of changed.entries()) {
    await sync.update({ id, x: i + 0.5 });
    await sync.update(i % 2 === 0 ? { id, health: 50 } : { id, x: i });
  }
  const events = recordEvents(away);
  network.comeUp();
  await away.whenSynced();

  const resumed = network.taps.at(-1) as WireTap;
  const changes = changesOf(resumed);
  expect(changes.map(({ kind }) => kind)).toEqual(changed.map(() => "update"));
  const names = changes.map((change) => (change.kind === "update" ? change.shape.names : []));
  expect(names.map((each) => [...each].sort().join())).toEqual(
    changed.map((_id, i) => (i % 2 === 0 ? "health,x" : "x")),
  );
  expect(events).toEqual(changed.map((id, i) => `update ${id} ${i % 2 === 0 ? "health,x" : "x"}`));
  expect(resumed.bytes).toBeLessThanOrEqual(snapshot.bytes * 0.03);
  expect(viewOf(away)).toEqual(viewOf(sync));
});
