import { afterEach, expect, test } from "@jest/globals";
import { persist } from "../../client/offline/own.ts";
import { memoryStorage, SharedMemory } from "../../client/offline/memory.ts";
import {
  memoryStorage as memory,
  type SharedMemory as Memory,
} from "../../client/storage/memory.ts";
import { ObjectSync, type SyncError } from "../../client/index.ts";
import { eventually } from "../support/eventually.ts";
import { next, Stage, viewOf } from "../support/stage.ts";

/** What is kept is broken, or goes meanwhile: it is told, and the client goes on. */

const stage = new Stage();
afterEach(() => stage.clear());

const OFFLINE = { autoConnect: false };

/** What a disk or a person may make of a text: nothing, half of it, and JSON of another kind. */
const BROKEN: Readonly<Record<string, (text: string) => string>> = {
  empty: () => "",
  torn: (text) => text.slice(0, text.length / 2),
  "an object of nothing": () => "{}",
  null: () => "null",
  "a list of nothing": () => "[]",
  "numbers in a list": () => "[1,2,3]",
  "a number": () => "7",
  "a text": () => '"x"',
  "of a later version": (text) => text.replace('"version":1', '"version":2'),
  "without an id": (text) => text.replace(/"(id|clientId)":"[^"]+"/, '"$1":7'),
  "with a negative count": (text) => text.replace(/"(seq|n|nextNumber)":\d+/, '"$1":-1'),
  "of an operation that there is not": (text) => text.replace('"kind":"', '"kind":"un'),
  "without an answer": (text) => text.replace('"wasSent":false', '"wasSent":null'),
};

function copyOf(entries: ReadonlyMap<string, string>): SharedMemory {
  const copy = new SharedMemory();
  for (const [key, value] of entries) copy.entries.set(key, value);
  return copy;
}

interface Heard {
  readonly client: ObjectSync;
  readonly errors: SyncError[];
}

async function opened(url: string, storage: SharedMemory, options: object): Promise<Heard> {
  const client = stage.client(url, { storage: memoryStorage(storage), ...options });
  const errors: SyncError[] = [];
  client.on("error", (error) => errors.push(error));
  await next(client, "restored");
  return { client, errors };
}

/** A client that has seen a tree and ended with two writes that it had not sent. */
async function left(url: string): Promise<SharedMemory> {
  const storage = new SharedMemory();
  const { client } = await opened(url, storage, {});
  await client.whenSynced();
  await client.close();
  const offline = (await opened(url, storage, OFFLINE)).client;
  await offline.create({ id: "leaf", at: new Date(0) }).reached("stored");
  await offline.update({ id: "tree", height: 2, old: undefined }).reached("stored");
  return copyOf(storage.entries);
}

test("each kept value, broken in each way, is told; the client goes on, and nothing else is lost", async () => {
  const { sync, url } = await stage.serve();
  await sync.create({ id: "tree", height: 1, old: true });
  const { entries } = await left(url);
  const seen = new Set<string>();
  for (const [key, text] of entries) {
    for (const [how, breakIt] of Object.entries(BROKEN)) {
      const broken = breakIt(text);
      if (broken === text) continue;
      const storage = copyOf(entries);
      storage.entries.set(key, broken);
      const { client, errors } = await opened(url, storage, OFFLINE);
      const kind = key.split("/")[1] ?? "";
      const what = `${kind} ${how}`;
      expect([what, errors.map(({ code }) => code)]).toEqual([what, ["storage_failed"]]);
      expect(errors[0]?.message).toMatch(kind === "object" ? /seen last/ : /writes of a client/);
      const [leaf, tree] = [
        { id: "leaf", at: new Date(0) },
        { id: "tree", height: 2 },
      ];
      expect([what, viewOf(client)]).toEqual([what, kind === "object" ? { leaf } : {}]);
      if (kind !== "object") {
        // What cannot be read is still there, for whoever can.
        for (const [one, kept] of entries) {
          expect(storage.entries.get(one)).toBe(one === key ? broken : kept);
        }
      }
      const late = client.create({ id: `late ${what}` });
      expect(await late.reached("stored")).toBe("stored");
      if (kind === "object" && !seen.has(kind)) {
        client.connect();
        await late;
        expect(viewOf(sync)).toMatchObject({ leaf, tree });
      }
      seen.add(kind);
      await client.close();
    }
  }
  expect([...seen].sort()).toEqual(["client", "object", "write"]);
});

test("what one client left broken does not keep what another left from the server", async () => {
  const { sync, url } = await stage.serve();
  await sync.create({ id: "tree", height: 1, old: true });
  const storage = await left(url);
  for (const key of storage.entries.keys()) {
    if (key.includes("/write/")) storage.entries.set(key, "{torn");
  }
  const other = await opened(url, storage, OFFLINE);
  await other.client.create({ id: "stone" }).reached("stored");
  const { client, errors } = await opened(url, copyOf(storage.entries), {});
  await eventually(() => client.pending === 0 && sync.get("stone"));
  expect(errors.map(({ code }) => code)).toEqual(["storage_failed"]);
  expect(viewOf(sync)).toEqual({
    tree: { id: "tree", height: 1, old: true },
    stone: { id: "stone" },
  });
});

test("a client that is closed before its storage is open leaves everything for the next", async () => {
  const { sync, url } = await stage.serve();
  await sync.create({ id: "tree", height: 1 });
  const storage = await left(url);
  const closed = stage.client(url, { storage: memoryStorage(storage) });
  await closed.close();
  expect([...storage.holders]).toEqual([]);
  const { client } = await opened(url, storage, {});
  await eventually(() => client.pending === 0);
  expect(viewOf(sync)).toMatchObject({ leaf: { id: "leaf" }, tree: { height: 2 } });
});

/** A storage that can be lost for good, as when the data of a site is deleted. */
function losable(kept: Memory): { lose: () => void; storage: ReturnType<typeof persist> } {
  let isLost = false;
  const storage = persist(() => {
    const real = memory(kept);
    const unless =
      <Args extends unknown[], Result>(action: (...args: Args) => Promise<Result>) =>
      (...args: Args): Promise<Result> =>
        isLost ? Promise.reject(new Error("was deleted")) : action(...args);
    return {
      read: unless((prefix: string) => real.read(prefix)),
      write: unless((changes: ReadonlyMap<string, string | undefined>) => real.write(changes)),
      lock: unless((name: string) => real.lock(name)),
      close: () => real.close(),
    };
  });
  return { lose: () => (isLost = true), storage };
}

test.each([
  ["after all was decided and kept", true],
  ["when what was decided is still in it", false],
])("a storage that is lost %s does not keep a client from its server", async (_when, isTidy) => {
  const { sync, url } = await stage.serve();
  const kept = new SharedMemory();
  const { lose, storage } = losable(kept);
  const client = stage.client(url, { storage });
  const errors: SyncError[] = [];
  client.on("error", (error) => errors.push(error));
  await client.whenSynced();
  await client.create({ id: "tree" });
  const keys = (): string[] => [...kept.entries.keys()];
  if (isTidy) await eventually(() => !keys().some((key) => key.includes("/write/")));
  else expect(keys().some((key) => key.includes("/write/"))).toBe(true);
  lose();
  const write = client.create({ id: "stone" });
  await write;
  expect(write.stage).toBe("accepted");
  await client.update({ id: "tree", height: 1 });
  expect(errors[0]?.code).toBe("storage_failed");

  // The next page may find it again, as it was: nothing happens twice.
  const next = (await opened(url, copyOf(kept.entries), {})).client;
  await eventually(() => next.pending === 0 && next.status === "synced");
  await next.create({ id: "leaf" });
  const all = { tree: { id: "tree", height: 1 }, stone: { id: "stone" }, leaf: { id: "leaf" } };
  expect(viewOf(next)).toEqual(all);
  expect(viewOf(sync)).toEqual(all);
});

test("a storage that cannot be closed is told to whoever waits for it, and harms nobody else", async () => {
  let isAsked = false;
  const storage = memory(new SharedMemory());
  storage.close = () => {
    isAsked = true;
    return Promise.reject(new Error("busy"));
  };
  const client = new ObjectSync("http://localhost:1", {
    storage: persist(() => storage),
    ...OFFLINE,
  });
  await next(client, "restored");
  void client.close();
  await eventually(() => isAsked); // and an unhandled rejection would end this test
  await expect(client.close()).rejects.toThrow("busy");
});
