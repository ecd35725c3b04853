import { afterEach, expect, test } from "@jest/globals";
import { realEnvironment } from "../../../client/environment.ts";
import { explicit } from "../../../client/explicit/index.ts";
import type { ObjectSync, ObjectSyncOptions } from "../../../client/index.ts";
import { Box } from "../../../client/keeping/box.ts";
import { BoxKeeper } from "../../../client/keeping/box-keeper.ts";
import { persist } from "../../../client/keeping/persist.ts";
import { LocalObjects } from "../../../client/local-objects.ts";
import { Outbox } from "../../../client/outbox.ts";
import { SharedMemory } from "../../../client/storage/memory.ts";
import type { Environment } from "../../../lib/environment.ts";
import { CLIENT_LIMITS, resolveLimits } from "../../../lib/limits.ts";
import type { ObjectId } from "../../../lib/object.ts";
import { Replica } from "../../../lib/replica.ts";
import { HeldStorage } from "../../support/held-storage.ts";
import { Stage } from "../../support/stage.ts";

/** What stays on the device is acknowledged when its storage has it, also that it is gone. */

const stage = new Stage();
afterEach(() => stage.clear());

interface Scene {
  readonly memory: SharedMemory;
  readonly storage: HeldStorage;
  readonly a: ObjectSync;
  /** The ids of the drafts that a crash would leave now. */
  readonly drafts: () => string[];
}

/** A client that never goes to a server, and whose storage has `draft:a` and `draft:b`. */
async function scene(options: ObjectSyncOptions = {}): Promise<Scene> {
  const memory = new SharedMemory();
  const storage = new HeldStorage(memory);
  const a = stage.client("http://localhost", {
    live: explicit,
    namespaces: { draft: { sync: false } },
    storage: persist(() => storage),
    ...options,
  });
  stage.afterwards(() => storage.release());
  await a.create({ id: "draft:a" });
  await a.create({ id: "draft:b" });
  storage.hold();
  const drafts = (): string[] => {
    const texts = [...memory.entries].filter(([key]) => key.includes("/write/"));
    return texts.map(([, text]) => /draft:\w+/.exec(text)?.[0] ?? text).sort();
  };
  return { memory, storage, a, drafts };
}

test("of 20,000 updates before the storage answers each is told of once, in order, and what comes then is kept", async () => {
  const { storage, a, drafts } = await scene();
  const told: number[] = [];
  const all = Array.from({ length: 20_000 }, (_, n) =>
    a.update({ id: "draft:a", n }, (error) => told.push(error === null ? n : -1)),
  );
  const go = await storage.next();
  expect(told).toEqual([]);
  storage.release();
  go();
  await Promise.all(all);
  expect(told).toEqual(all.map((_, n) => n));
  await a.create({ id: "draft:c" });
  expect(drafts()).toEqual(["draft:a", "draft:b", "draft:c"]);
  await a.close();
});

test.each([
  ["a destroy", (a: ObjectSync) => a.destroy("draft:a"), ["draft:b"]],
  [
    "a transaction that ends with one",
    (a: ObjectSync) =>
      a.transaction((tx) => {
        tx.create({ id: "draft:c" });
        tx.destroy("draft:a");
      }),
    ["draft:b", "draft:c"],
  ],
])(
  "%s is told of when the storage has it, and so is what it destroys",
  async (...[, act, left]) => {
    const { storage, a, drafts } = await scene();
    const found: unknown[] = [];
    const write = a
      .update({ id: "draft:a", n: 1 })
      .then(() => found.push(["update", drafts()]))
      .then(() => undefined);
    const end = act(a).then(() => found.push(["end", drafts()]));
    const go = await storage.next();
    expect(found).toEqual([]);
    go();
    await Promise.all([write, end]);
    expect(found).toEqual([
      ["update", left],
      ["end", left],
    ]);
  },
);

test("what is destroyed while the storage is at something else waits for the next that it keeps, which comes by itself", async () => {
  const { storage, a, drafts } = await scene();
  const found: unknown[] = [];
  const write = a.update({ id: "draft:a", n: 1 }).then(() => found.push(["update", drafts()]));
  const first = await storage.next();
  const end = a.destroy("draft:b").then(() => found.push(["destroy", drafts()]));
  first();
  await write;
  const second = await storage.next();
  expect(found).toEqual([["update", ["draft:a", "draft:b"]]]);
  second();
  await end;
  expect(found[1]).toEqual(["destroy", ["draft:a"]]);
});

test("a destroy that the storage has not kept fails when the client is closed", async () => {
  const { storage, a } = await scene();
  const end = a.destroy("draft:a");
  const refused = expect(end).rejects.toMatchObject({ code: "closed" });
  await storage.next().then((go) => {
    const closed = a.close();
    storage.release();
    go();
    return closed;
  });
  await refused;
});

test("without a storage that works, what was written before that was known is acknowledged", async () => {
  const failing = { open: () => Promise.reject(new Error("blocked")) };
  const a = stage.client("http://localhost", {
    live: explicit,
    namespaces: { draft: { sync: false } },
    storage: failing,
  });
  a.on("error", () => undefined);
  const [created, updated] = [a.create({ id: "draft:a" }), a.update({ id: "draft:a", n: 1 })];
  await Promise.all([created, updated, a.destroy("draft:a")]);
  expect(a.allObjects().size).toBe(0);
});

test("a listener that throws is heard of elsewhere, and what comes then is kept all the same", async () => {
  const memory = new SharedMemory();
  const thrown: unknown[] = [];
  const soon = (task: () => void): void => {
    queueMicrotask(() => {
      try {
        task();
      } catch (error) {
        thrown.push(error);
      }
    });
  };
  const scheduler = { ...realEnvironment.scheduler, soon };
  const environment: Environment = { ...realEnvironment, scheduler };
  const outbox = new Outbox(resolveLimits({}, CLIENT_LIMITS), {});
  const replica = new Replica(() => outbox);
  const local = new LocalObjects(outbox, replica);
  const box = new Box(new HeldStorage(memory), "world", "box", () => undefined);
  const keeper = new BoxKeeper(box, undefined, new Map(), environment, true);
  const source = { schema: 0, outbox, replica };
  const wrong = new Error("a listener that is wrong");
  let versions = 0;
  const heard = new Promise<void>((resolve) => {
    keeper.start(
      { ...source, clientId: () => "c", user: () => undefined, isConnected: () => false },
      {
        kept: (...[writes, , version]) => {
          for (const write of writes) write.isKept = true;
          local.kept(version, true);
          versions += 1;
          if (versions === 1) throw wrong;
          resolve();
        },
        failed: (error) => thrown.push(error),
      },
    );
  });
  const create = (id: string): Promise<void> =>
    new Promise((resolve) => {
      const operation = {
        kind: "create",
        id: id as ObjectId,
        properties: {},
        chosen: true,
      } as const;
      local.write([operation], false, { settle: () => resolve(), reach: () => undefined });
      keeper.noteWrites();
    });
  await create("draft:a");
  await create("draft:b");
  await heard;
  await keeper.close(false);
  expect(thrown).toEqual([wrong]);
  expect(memory.entries.size).toBe(3);
});
