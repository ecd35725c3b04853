import { afterEach, expect, test } from "@jest/globals";
import { resolveWith } from "../../client/conflicts/index.ts";
import { memoryStorage, SharedMemory } from "../../client/offline/memory.ts";
import type { Conflict, ObjectSync, ObjectSyncOptions, SyncError } from "../../client/index.ts";
import type { ObjectSyncServer, ServerOptions } from "../../server/index.ts";
import { readExample } from "../support/doc-example.ts";
import { eventually } from "../support/eventually.ts";
import type { Network } from "../support/network.ts";
import { next, Stage, TAPPED, viewOf } from "../support/stage.ts";

/** A client is away for longer than its server remembers, and does not know what became of its writes. */

const stage = new Stage();
afterEach(() => stage.clear());

interface Choice {
  readonly ids: readonly string[];
  readonly retry: () => void;
  readonly discard: () => void;
}

interface Away {
  readonly sync: ObjectSyncServer;
  readonly network: Network;
  readonly port: number;
  readonly client: ObjectSync;
  readonly choices: Choice[];
  readonly rejected: string[];
  readonly errors: SyncError[];
}

function listen(client: ObjectSync): Pick<Away, "choices" | "rejected" | "errors"> {
  const heard = { choices: [] as Choice[], rejected: [] as string[], errors: [] as SyncError[] };
  client.on("uncertain", ({ operations, retry, discard }) => {
    heard.choices.push({ ids: operations.map(({ id }) => id), retry, discard });
  });
  client.on("reject", ({ code }) => heard.rejected.push(code));
  client.on("error", (error) => heard.errors.push(error));
  return heard;
}

/** A client whose writes are taken by a server that it hears nothing from. */
async function takenUnheard(
  options: ObjectSyncOptions,
  write: (client: ObjectSync) => void,
  server: ServerOptions = {},
): Promise<Away> {
  const { sync, port } = await stage.serve({ limits: { ledgerClientsMax: 1 }, ...server });
  const network = await stage.network(port);
  const client = stage.client(network.url, { ...TAPPED, ...options });
  const heard = listen(client);
  await client.whenSynced();
  await client.create({ id: "tree", height: 1 });
  network.stopDelivering();
  write(client);
  await eventually(() => sync.get("leaf"));
  return { sync, network, port, client, ...heard };
}

/** The client goes, and so many others write that the server forgets it. */
async function forgotten({ sync, network, port }: Away): Promise<void> {
  const gone = new Promise<void>((resolve) => {
    sync.on("disconnect", () => resolve());
  });
  network.goDown();
  await gone;
  for (const id of ["b", "c"]) {
    const other = await stage.join(`http://localhost:${port}`);
    await other.create({ id });
    await other.close();
  }
  network.deliverAgain();
}

const writeTwo = (client: ObjectSync): void => {
  void client.update({ id: "tree", height: 2 });
  void client.create({ id: "leaf" });
};

test("each write that was sent is asked about, shows until then, and happens or fails as it is told", async () => {
  let handles: ReturnType<ObjectSync["update"]>[] = [];
  const away = await takenUnheard({}, (client) => {
    handles = [client.update({ id: "tree", height: 2 }), client.create({ id: "leaf" })];
  });
  const { sync, network, client, choices, rejected, errors } = away;
  await forgotten(away);
  await sync.update({ id: "tree", height: 3 });
  const unsent = client.create({ id: "stone" });
  network.comeUp();
  await eventually(() => choices.length === 2);
  await unsent; // which was never sent, and needs no answer
  expect(choices.map(({ ids }) => ids)).toEqual([["tree"], ["leaf"]]);
  expect(handles.map(({ stage: reached }) => reached)).toEqual(["uncertain", "uncertain"]);
  expect(client.pending).toBe(2);
  expect(client.get("tree")).toEqual({ id: "tree", height: 2 });
  expect(sync.get("tree")).toEqual({ id: "tree", height: 3 });

  choices[0]?.retry();
  await handles[0];
  expect(handles[0]?.stage).toBe("accepted");
  expect(sync.get("tree")).toEqual({ id: "tree", height: 2 }); // it has happened twice
  choices[1]?.discard();
  await expect(handles[1]).rejects.toMatchObject({ code: "uncertain" });
  expect(handles[1]?.stage).toBe("rejected");
  expect(rejected).toEqual(["uncertain"]);
  expect(client.get("leaf")).toEqual({ id: "leaf" }); // it had happened, as one sees by now
  for (const { retry, discard } of choices) {
    retry();
    discard();
  }
  await client.update({ id: "stone", weight: 1 });
  expect(client.pending).toBe(0);
  expect(rejected).toEqual(["uncertain"]);
  expect(errors).toEqual([]);
  expect(viewOf(client)).toEqual(viewOf(sync));
});

test("what cannot happen twice fails when it is tried again", async () => {
  const away = await takenUnheard({}, writeTwo);
  await forgotten(away);
  away.network.comeUp();
  await eventually(() => away.choices.length === 2);
  for (const { retry } of away.choices) retry();
  await eventually(() => away.client.pending === 0);
  expect(away.rejected).toEqual(["exists"]);
  expect(viewOf(away.client)).toEqual(viewOf(away.sync));
});

test("what is tried again is judged by what there was when it was written", async () => {
  const asked: Conflict[] = [];
  const onConflict = resolveWith((conflict) => void asked.push(conflict));
  const away = await takenUnheard({ onConflict }, writeTwo, { conflicts: "detect" });
  await forgotten(away);
  await away.sync.update({ id: "tree", height: 3 });
  away.network.comeUp();
  await eventually(() => away.choices.length === 2 && away.client.status === "synced");
  for (const { retry } of away.choices) retry();
  await eventually(() => away.client.pending === 0);
  expect(asked.flatMap(({ collisions }) => collisions)).toEqual([
    { id: "tree", property: "height", base: 1, mine: 2, theirs: 3 },
  ]);
  expect([...away.rejected].sort()).toEqual(["conflict", "exists"]);
  expect(away.sync.get("tree")).toEqual({ id: "tree", height: 3 });
});

test("a connection that is lost meanwhile asks no second time, and a close settles what is open", async () => {
  const away = await takenUnheard({}, writeTwo);
  const { network, client, choices, rejected } = away;
  await forgotten(away);
  network.comeUp();
  await eventually(() => choices.length === 2 && client.status === "synced");
  const back = next(client, "synced");
  network.cut();
  await back;
  expect(choices).toHaveLength(2);
  expect(client.pending).toBe(2);
  await client.close();
  expect(rejected).toEqual(["closed", "closed"]);
  for (const { retry } of choices) retry();
  expect(client.pending).toBe(0);
});

test("the example of the documentation retries an update, and gives up what creates", async () => {
  const example = readExample("docs/API.md", "uncertain.js");
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- it is our own
  const run = new Function("sync", example) as (sync: ObjectSync) => void;
  const away = await takenUnheard({}, (client) => {
    run(client);
    writeTwo(client);
  });
  await forgotten(away);
  await away.sync.update({ id: "tree", height: 3 });
  away.network.comeUp();
  await eventually(() => away.choices.length === 2 && away.client.pending === 0);
  expect(away.sync.get("tree")).toEqual({ id: "tree", height: 2 });
  expect(away.rejected).toEqual(["uncertain"]);
});

test("when nobody listens, an error says that a write waits", async () => {
  const { sync, port } = await stage.serve({ limits: { ledgerClientsMax: 1 } });
  const network = await stage.network(port);
  const client = stage.client(network.url, TAPPED);
  const errors: string[] = [];
  client.on("error", ({ code }) => errors.push(code));
  await client.whenSynced();
  await client.create({ id: "tree" });
  network.stopDelivering();
  void client.create({ id: "leaf" });
  await eventually(() => sync.get("leaf"));
  await forgotten({ sync, network, port, client, choices: [], rejected: [], errors: [] });
  network.comeUp();
  await eventually(() => errors.length > 0);
  expect(errors).toEqual(["uncertain"]);
  expect(client.pending).toBe(1);
});

/** What is in the storage when its client ends without a word. */
function leftBy(memory: SharedMemory): SharedMemory {
  const left = new SharedMemory();
  for (const [key, value] of memory.entries) left.entries.set(key, value);
  return left;
}

test("after a reload the same is asked, again after the next, and what was chosen is kept", async () => {
  const memory = new SharedMemory();
  const away = await takenUnheard({ storage: memoryStorage(memory) }, writeTwo);
  const left = leftBy(memory);
  await forgotten(away);
  const { sync, port } = away;
  await sync.update({ id: "tree", height: 3 });

  const url = `http://localhost:${port}`;
  const open = (entries: SharedMemory, options: ObjectSyncOptions = {}) => {
    const client = stage.client(url, { storage: memoryStorage(entries), ...options });
    return { client, ...listen(client) };
  };
  const second = open(left);
  await eventually(() => second.choices.length === 2);
  expect(second.client.get("tree")).toEqual({ id: "tree", height: 2 });
  const isKept = (): boolean =>
    [...left.entries.values()].filter((text) => text.includes('"isUncertain":true')).length === 2;
  await eventually(isKept);

  // Nor is it forgotten by a page that ends before anybody has chosen, and opens without a network.
  const third = open(leftBy(left), { autoConnect: false });
  await eventually(() => third.choices.length === 2);
  expect(third.client.pending).toBe(2);
  third.choices[0]?.retry();
  third.choices[1]?.discard();
  expect(third.rejected).toEqual(["uncertain"]);
  third.client.connect();
  await eventually(() => third.client.pending === 0);
  expect(sync.get("tree")).toEqual({ id: "tree", height: 2 });
  await third.client.close();
  expect(third.rejected).toEqual(["uncertain"]);
  expect(third.errors).toEqual([]);
});

test("what two tabs have left is asked about, and when all is chosen only one client is left of them", async () => {
  const { sync, port } = await stage.serve({ limits: { ledgerClientsMax: 1 } });
  const sessions = new Set<string>();
  sync.on("connect", ({ id }) => sessions.add(id));
  sync.on("disconnect", ({ id }) => sessions.delete(id));
  const network = await stage.network(port);
  const memory = new SharedMemory();
  const tabs = [1, 2].map(() =>
    stage.client(network.url, { ...TAPPED, storage: memoryStorage(memory) }),
  );
  await Promise.all(tabs.map((tab) => tab.whenSynced()));
  network.stopDelivering();
  for (const [i, tab] of tabs.entries()) void tab.create({ id: `leaf ${i}` });
  await eventually(() => sync.get("leaf 0") !== undefined && sync.get("leaf 1") !== undefined);
  const left = leftBy(memory);
  network.goDown();
  await eventually(() => sessions.size === 0);
  for (const id of ["b", "c"]) {
    const other = await stage.join(`http://localhost:${port}`);
    await other.create({ id });
    await other.close();
  }

  const client = stage.client(`http://localhost:${port}`, { storage: memoryStorage(left) });
  const { choices, rejected, errors } = listen(client);
  await eventually(() => choices.length === 2 && client.status === "synced");
  for (const { discard } of choices) discard();
  const clientsKept = (): string[] =>
    [...left.entries.keys()].filter((key) => key.includes("/client/"));
  await eventually(() => sessions.size === 1 && clientsKept().length === 1);
  expect(rejected).toEqual(["uncertain", "uncertain"]);
  expect(errors).toEqual([]);
  expect(client.status).toBe("synced");
});
