import type { Server as HttpServer } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Server as SocketIoServer } from "socket.io";
import type { Handlers, Store } from "../../server/index.ts";
import { MemoryStore, ObjectSync, ObjectSyncServer, SyncError } from "../../server/index.ts";
import { codeOf } from "../support/hostile.ts";
import { eventually } from "../support/eventually.ts";
import { KeptStore } from "../support/kept-store.ts";
import { HELLO, RawClient } from "../support/raw-client.ts";
import { next, recordEvents, Stage, TAPPED, viewOf } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

/** A promise that the test keeps when it is time. */
function gate(): { readonly isOpen: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const isOpen = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { isOpen, open };
}

const codeOfRefusal = (error: unknown): string => (error as SyncError).code;

describe("worlds", () => {
  test.each([
    ["store_corrupt", new SyncError("store_corrupt", "the object secret:7 is damaged")],
    ["unavailable", new Error("connect ECONNREFUSED secret:5432")],
  ])(
    "a world that its store does not give is told of once, as %s, and clients hear no more than to come back",
    async (code, cause) => {
      const store = new KeptStore();
      store.load = () => Promise.reject(cause);
      const sync = new ObjectSyncServer({ store });
      const errors: SyncError[] = [];
      sync.on("error", (error) => errors.push(error));
      const { http, url } = await stage.http();
      stage.afterwards(() => sync.close());
      sync.attach(http);
      for (const client of [stage.client(url), stage.client(url)]) {
        const refusal = await new Promise((resolve) => {
          client.on("status", (_status, reason) => reason !== undefined && resolve(reason));
        });
        expect(refusal).toMatchObject({ code: "unavailable", message: "the world is not open" });
        expect(client.status).toBe("connecting");
      }
      expect(errors).toHaveLength(1);
      expect(errors[0]).toMatchObject({ code });
      expect([errors[0], errors[0]?.cause]).toContain(cause);
    },
  );

  test("worlds in one server are separate", async () => {
    const { sync, url } = await stage.serve({ worlds: ["forest"] });
    const desert = sync.world("desert"); // at any time later
    const [none, forest, other] = await Promise.all([
      stage.join(url),
      stage.join(url, { world: "forest" }),
      stage.join(url, { world: "desert" }),
    ]);
    await none.create({ id: "thing", of: "default" });
    await forest.create({ id: "thing", of: "forest" });
    await desert.create({ id: "thing", of: "desert" });
    await eventually(() => other.get("thing"));
    expect([none, forest, other].map((client) => client.get("thing")?.["of"])).toEqual([
      "default",
      "forest",
      "desert",
    ]);
    await forest.destroy("thing");
    expect(sync.get("thing")).toEqual({ id: "thing", of: "default" });
    expect(sync.world("forest").allObjects().size).toBe(0);
    expect(sync.world("desert")).toBe(desert);
  });

  test("a client of an unknown world is refused, and comes when there is one and it is told to", async () => {
    const { sync, url } = await stage.serve();
    const client = stage.client(url, { world: "atlantis" });
    const errors: string[] = [];
    client.on("error", ({ code }) => errors.push(code));
    await expect(client.whenSynced()).rejects.toMatchObject({ code: "unknown_world" });
    expect([client.status, errors]).toEqual(["offline", ["unknown_world"]]);
    await sync.world("atlantis").create({ id: "temple" });
    client.connect();
    await client.whenSynced();
    expect(client.get("temple")).toEqual({ id: "temple" });
  });
});

describe("close", () => {
  test("decides every write that was taken, tells the clients, and they come back to the next server", async () => {
    const { isOpen, open } = gate();
    const handled: string[] = [];
    const { sync, port } = await stage.serve({
      handlers: {
        create: async (object) => {
          handled.push(object.id ?? "");
          await isOpen;
          return object;
        },
      },
    });
    const network = await stage.network(port);
    const client = await stage.join(network.url);
    const reasons: unknown[] = [];
    client.on("disconnect", (reason) => reasons.push(reason?.code));
    const ids = ["a", "b", "c"];
    const writes = ids.map((id) => client.create({ id }));
    const own = sync.create({ id: "server's own" });
    await eventually(() => handled.includes("a") && handled.includes("server's own"));
    const closing = sync.close();
    await expect(sync.create({ id: "too late" })).rejects.toMatchObject({ code: "closed" });
    open();
    await Promise.all([closing, ...writes, own]);
    await eventually(() => reasons.length > 0);
    expect(reasons).toEqual(["unavailable"]);

    const late = client.create({ id: "d" }); // while nobody is there
    const again = await stage.serve({}, port);
    await late;
    expect(viewOf(client)).toEqual({ d: { id: "d" } }); // a new world: the old one had no store
    expect(viewOf(again.sync)).toEqual(viewOf(client));
  });

  test("gives up on what never ends, and then the write is settled by the next server", async () => {
    const asked: string[] = [];
    const memory = new MemoryStore();
    const store: Store = {
      capabilities: memory.capabilities,
      load: (...given) => {
        asked.push("load");
        return memory.load(...given);
      },
      commit: (...given) => {
        asked.push("commit");
        memory.commit(...given);
      },
      close: () => {
        asked.push("close");
        memory.close();
      },
    };
    const { sync, port } = await stage.serve({
      handlers: { create: () => new Promise(() => undefined) },
      limits: { drainTimeoutMs: 50, handlerTimeoutMs: 300 },
      store,
    });
    sync.on("error", () => undefined);
    const own = sync.create({ id: "server's own" });
    const client = await stage.join(`http://localhost:${port}`);
    let calls = 0;
    const write = client.create({ id: "tree" }, () => (calls += 1));
    await client.fetch("tree"); // the write is on the server
    await Promise.all([sync.close(), sync.close()]);
    const again = await stage.serve({}, port);
    await write;
    expect(calls).toBe(1);
    await expect(own).rejects.toMatchObject({ code: "closed" });
    expect(asked).toEqual(["load", "close"]);
    expect(viewOf(again.sync)).toEqual({ tree: { id: "tree" } });
  });

  test("of an attached server turns clients away until another one takes its place", async () => {
    const { http, url } = await stage.http((_request, response) => response.end("application"));
    const first = new ObjectSyncServer().attach(http);
    const client = await stage.join(url);
    let isLetIn = false;
    client.on("connect", () => (isLetIn = true));
    const newcomer = stage.client(url);
    const left = next(client, "disconnect");
    await first.close();
    await left;
    const write = client.create({ id: "tree" });
    await attemptsAt(http, 10);
    expect([isLetIn, newcomer.isConnected()]).toEqual([false, false]);
    expect(await (await fetch(url)).text()).toBe("application");

    const second = new ObjectSyncServer().attach(http);
    stage.afterwards(() => second.close());
    await Promise.all([write, newcomer.whenSynced()]);
    await eventually(() => newcomer.get("tree"));
    expect(viewOf(second)).toEqual({ tree: { id: "tree" } });
    const requests: unknown[] = [];
    http.on("upgrade", ({ url: asked }: { url?: string }) => requests.push(asked));
    await stage.join(url, { transports: ["websocket"] });
    expect(requests).toHaveLength(1);
  });

  test("of a server in an application's socket.io turns clients away, until another one is there", async () => {
    const { http, url } = await stage.http();
    const io = new SocketIoServer(http);
    stage.afterwards(() => io.close());
    const first = new ObjectSyncServer().attach(io);
    const client = await stage.join(url, { path: "/socket.io" });
    let isLetIn = false;
    client.on("connect", () => (isLetIn = true));
    await first.close();
    const write = client.create({ id: "tree" });
    await attemptsAt(http, 3);
    expect(isLetIn).toBe(false);
    const second = new ObjectSyncServer().attach(io);
    stage.afterwards(() => second.close());
    await write;
    expect(viewOf(second)).toEqual({ tree: { id: "tree" } });
  });
});

/** Resolves after so many requests of clients that want to come in. */
async function attemptsAt(http: HttpServer, count: number): Promise<void> {
  let seen = 0;
  for (const event of ["request", "upgrade"]) http.prependListener(event, () => (seen += 1));
  await eventually(() => seen >= count);
}

describe("authenticate", () => {
  test("gives a client its identity, which hooks and events are told", async () => {
    const identities: unknown[] = [];
    const { sync, url } = await stage.serve({
      authenticate: async ({ auth, world, headers, address }) => {
        await Promise.resolve();
        expect([world, typeof headers["host"], typeof address]).toEqual([
          "default",
          "string",
          "string",
        ]);
        return { name: (auth as { token: string }).token };
      },
      authorize: ({ session, operation }) => {
        identities.push(["authorize", session.identity, operation.id]);
        return true;
      },
    });
    sync.on("connect", ({ identity }) => identities.push(["connect", identity]));
    sync.on("disconnect", ({ identity }) => identities.push(["disconnect", identity]));
    sync.on("create", ({ id }, { identity, sessionId }) => {
      identities.push(["create", identity, id, sessionId]);
    });
    let asked = 0;
    const client = await stage.join(url, {
      auth: async () => Promise.resolve({ token: `ann${asked++}` }),
    });
    await client.create({ id: "tree" });
    const { sessionId } = client;
    await sync.create({ id: "stone" });
    client.disconnect();
    await eventually(() => identities.length >= 5);
    const ann = { name: "ann0" };
    expect(identities).toEqual([
      ["connect", ann],
      ["authorize", ann, "tree"],
      ["create", ann, "tree", sessionId],
      ["create", undefined, "stone", null],
      ["disconnect", ann],
    ]);
    client.connect();
    await eventually(() => identities.length === 6);
    expect(identities[5]).toEqual(["connect", { name: "ann1" }]); // credentials are asked for anew
  });

  test.each<[how: string, authenticate: () => unknown, code: string, message: string]>([
    [
      "throws",
      () => {
        throw new SyncError("unauthenticated", "who are you?");
      },
      "unauthenticated",
      "who are you?",
    ],
    [
      "rejects with an error of its own",
      () => Promise.reject(new Error("no such table")),
      "unauthenticated",
      "these credentials are not accepted",
    ],
    [
      "rejects with no error",
      () => Promise.reject.call(Promise, "up"),
      "unauthenticated",
      "these credentials are not accepted",
    ],
    [
      "throws a SyncError",
      () => {
        throw new SyncError("forbidden", "banned");
      },
      "forbidden",
      "banned",
    ],
  ])(
    "that %s refuses the client, which does not come back by itself",
    async (_how, authenticate, code, message) => {
      let asked = 0;
      const { sync, url } = await stage.serve({
        authenticate: () => {
          asked += 1;
          return authenticate();
        },
      });
      let isSeen = false;
      sync.on("connect", () => (isSeen = true));
      sync.on("error", () => undefined);
      const client = stage.client(url);
      await expect(client.whenSynced()).rejects.toMatchObject({ code, message });
      expect([client.status, isSeen, asked]).toEqual(["offline", false, 1]);
    },
  );

  test("that never answers is a timeout, and the client tries again", async () => {
    let asked = 0;
    const { url } = await stage.serve({
      authenticate: () => {
        asked += 1;
        return asked <= 2 ? new Promise(() => undefined) : "ann";
      },
      limits: { authenticateTimeoutMs: 20 },
    });
    await stage.join(url);
    expect(asked).toBe(3);
  });

  test("ties a client to its identity: with another's clientId nobody gets in", async () => {
    const { url } = await stage.serve({
      authenticate: ({ auth }) => (auth as { user?: string }).user ?? null,
    });
    const refusalOf = async (user: string | undefined): Promise<unknown> => {
      const client = new RawClient(url, { ...HELLO, auth: { user } });
      stage.afterwards(() => client.close());
      await client.until(() => client.isOver || client.messages.length > 0);
      const { connectError } = client;
      return connectError === undefined ? "let in" : (connectError.data as { code: string }).code;
    };
    const nobody = await refusalOf(undefined);
    const ann = await refusalOf("ann"); // who signs in goes on with what she began
    const thieves = [await refusalOf("bob"), await refusalOf(undefined)];
    expect([nobody, ann, ...thieves, await refusalOf("ann")]).toEqual([
      "let in",
      "let in",
      "forbidden",
      "forbidden",
      "let in",
    ]);
  });

  test("is asked before a world is opened to anyone, also by several at once", async () => {
    const { isOpen, open } = gate();
    const { sync, url } = await stage.serve({ authenticate: async () => isOpen });
    const clients = [stage.client(url), stage.client(url)];
    let connects = 0;
    sync.on("connect", () => (connects += 1));
    await sync.create({ id: "secret" });
    expect([connects, ...clients.map(({ status }) => status)]).toEqual([
      0,
      "connecting",
      "connecting",
    ]);
    open();
    await Promise.all(clients.map((client) => client.whenSynced()));
    expect(connects).toBe(2);
  });
});

describe("what is asked with sync.authorize()", () => {
  test("is asked about destroys as well, besides the option, until it is taken away", async () => {
    const { sync, url } = await stage.serve({
      authorize: ({ operation }) => operation.id !== "rock",
    });
    const asked: string[] = [];
    const undo = sync.authorize(({ operation: { kind, id } }) => {
      asked.push(`${kind} ${id}`);
      return id !== "tree" || kind !== "destroy";
    });
    const client = await stage.join(url);
    await client.create({ id: "tree" });
    await expect(client.destroy("tree")).rejects.toMatchObject({ code: "forbidden", id: "tree" });
    await expect(client.create({ id: "rock" })).rejects.toMatchObject({ code: "forbidden" });
    expect(asked).toEqual(["create tree", "destroy tree"]);
    await sync.update({ id: "tree", height: 1 }); // the server's own code needs no permission
    undo();
    await client.destroy("tree");
    expect(sync.get("tree")).toBeUndefined();
  });

  test("must be a function", async () => {
    const { sync } = await stage.serve();
    expect(codeOf(() => sync.authorize(true as never))).toBe("bad_option");
  });
});

test("a session says which client it is: the same when that comes back, and another for others", async () => {
  const { sync, url, port } = await stage.serve();
  const seen: string[] = [];
  sync.on("connect", ({ client }) => seen.push(client));
  const network = await stage.network(port);
  const ann = await stage.join(network.url, TAPPED);
  const back = next(ann, "connect");
  network.cut();
  await back;
  await stage.join(url);
  await eventually(() => seen.length === 3);
  expect(seen[0]).toMatch(/^[\w-]{43}$/);
  expect(seen[1]).toBe(seen[0]);
  expect(seen[2]).not.toBe(seen[0]);
});

describe("authorize", () => {
  test("is asked before the handlers, so that a forbidden write does not reach a database", async () => {
    const handled: unknown[] = [];
    const { url } = await stage.serve({
      authorize: () => false,
      handlers: { create: (object) => void handled.push(object) },
    });
    const client = await stage.join(url);
    await expect(client.create({ id: "tree" })).rejects.toMatchObject({ code: "forbidden" });
    expect(handled).toEqual([]);
  });

  test.each<[how: string, judge: () => boolean, mistake: string | undefined]>([
    ["answers false", () => false, undefined],
    [
      "answers with a promise",
      () => Promise.resolve(true) as unknown as boolean,
      "authorize has answered a promise: it cannot be async",
    ],
    [
      "throws",
      () => {
        throw new Error("the rule is broken");
      },
      "authorize failed",
    ],
  ])("that %s refuses a write as forbidden, naming the object", async (_how, judge, mistake) => {
    const { sync, url } = await stage.serve({
      authorize: ({ operation }) => (operation.id === "locked" ? judge() : true),
    });
    const mistakes: string[] = [];
    sync.on("error", ({ message }) => mistakes.push(message));
    await sync.create({ id: "locked", height: 1 });
    const client = await stage.join(url);
    const forbidden = { code: "forbidden", id: "locked", retryable: false };
    await expect(client.update({ id: "locked", height: 2 })).rejects.toMatchObject(forbidden);
    await expect(client.destroy("locked")).rejects.toMatchObject(forbidden);
    await client.create({ id: "open" });
    await sync.update({ id: "locked", name: "by the server itself" });
    await eventually(() => client.get("locked")?.["name"]);
    expect(viewOf(client)).toEqual({
      locked: { id: "locked", height: 1, name: "by the server itself" },
      open: { id: "open" },
    });
    expect(mistakes).toEqual(mistake === undefined ? [] : [mistake, mistake]);
  });

  test("is asked at the moment of the commit, about the state at that moment", async () => {
    const { isOpen, open } = gate();
    const asked: string[] = [];
    const { sync, url } = await stage.serve({
      handlers: {
        update: async ({ id }) => {
          asked.push(id);
          if (id === "tree") await isOpen;
        },
      },
      authorize: ({ object, operation }) => {
        expect(object).toBe(sync.get(operation.id));
        return sync.get("rules")?.["areOpen"] === true;
      },
    });
    await sync.create({ id: "rules", areOpen: true });
    await sync.create({ id: "tree", height: 1 });
    const client = await stage.join(url);
    await client.update({ id: "rules", text: "be kind" }); // allowed
    const write = client.update({ id: "tree", height: 2 });
    await eventually(() => asked.includes("tree"));
    await sync.update({ id: "rules", areOpen: false }); // while the write is on its way
    open();
    await expect(write).rejects.toMatchObject({ code: "forbidden", id: "tree" });
    expect(sync.get("tree")).toEqual({ id: "tree", height: 1 });
  });
});

describe("transactions", () => {
  test("show everywhere as one step, or nowhere", async () => {
    const { sync, url } = await stage.serve({
      authorize: ({ operation }) => operation.id !== "locked",
    });
    await sync.transaction((steps) => {
      for (const id of ["a", "b", "locked"]) steps.create({ id, money: 100 });
    });
    const [ann, bob] = [await stage.join(url), await stage.join(url)];
    const sums: number[] = [];
    const sumAt = (seen: { allObjects(): ReadonlyMap<string, object> }) => (): void => {
      const { a, b } = viewOf(seen) as Record<string, { money: number }>;
      sums.push((a?.money ?? 0) + (b?.money ?? 0));
    };
    for (const name of ["create", "update"] as const) {
      ann.on(name, sumAt(ann));
      bob.on(name, sumAt(bob));
      sync.on(name, sumAt(sync));
    }
    for (let amount = 1; amount <= 20; amount++) {
      const payer = amount % 2 === 0 ? ann : bob;
      await payer.transaction((steps) => {
        steps.update({ id: "a", money: 100 - amount });
        steps.update({ id: "b", money: 100 + amount });
        steps.create({ id: `receipt:${amount}` });
      });
    }
    await expect(
      ann.transaction((steps) => {
        steps.update({ id: "a", money: 0 });
        steps.update({ id: "b", money: 200 });
        steps.destroy("locked");
        steps.create({ id: "loot" });
      }),
    ).rejects.toMatchObject({ code: "forbidden", id: "locked" });
    await expect(
      sync.transaction((steps) => {
        steps.update({ id: "a", money: 0 });
        steps.update({ id: "nobody", money: 1 });
      }),
    ).rejects.toMatchObject({ code: "not_found", id: "nobody" });
    const failing = sync.transaction((steps) => {
      steps.update({ id: "a", money: 0 });
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    await eventually(() => ann.get("receipt:20") && bob.get("receipt:20"));
    expect(new Set(sums)).toEqual(new Set([200]));
    expect(sync.get("a")).toEqual({ id: "a", money: 80 });
    expect([viewOf(ann), viewOf(bob)]).toEqual([viewOf(sync), viewOf(sync)]);
  });

  test("reach the handlers operation by operation, and a refused one undoes them all in the world", async () => {
    const asked: string[] = [];
    const handlers: Handlers = {
      create: (object) => {
        asked.push(`create ${object.id ?? ""}`);
        if (object["bad"] === true) throw new SyncError("refused", "bad");
        return object.id === undefined ? { ...object, id: "named" } : undefined;
      },
      update: (object) => void asked.push(`update ${object.id}`),
      destroy: (id) => void asked.push(`destroy ${id}`),
    };
    const { sync, url } = await stage.serve({ handlers });
    const client = await stage.join(url);
    await client.transaction((steps) => {
      const id = steps.create({ height: 1 });
      steps.update({ id, height: 2 }); // under the id that the handler has given
      steps.create({ id: "other" });
      steps.destroy("other");
    });
    expect(asked).toEqual(["create ", "update named", "create other", "destroy other"]);
    expect(viewOf(client)).toEqual({ named: { id: "named", height: 2 } });
    await expect(
      client.transaction((steps) => {
        steps.update({ id: "named", height: 3 });
        steps.create({ id: "x", bad: true });
      }),
    ).rejects.toMatchObject({ code: "refused" });
    expect([viewOf(client), viewOf(sync)]).toEqual([
      { named: { id: "named", height: 2 } },
      { named: { id: "named", height: 2 } },
    ]);
  });
});

describe("the server's own code", () => {
  test("creates, updates, saves, destroys and fetches, with promises and callbacks, and hears of all", async () => {
    const { sync } = await stage.serve();
    const events: unknown[] = [];
    sync.on("create", ({ id }) => events.push(["create", id]));
    const undo = sync.on("update", ({ id }, changed, previous) => {
      events.push(["update", id, changed, previous]);
    });
    sync.on("destroy", (id, object) => events.push(["destroy", id, { ...object }]));
    const called: unknown[] = [];

    const tree = await sync.create({ id: "tree", height: 1 }, (error, object) => {
      called.push([error, object?.id]);
    });
    expect(await sync.update({ id: "tree", height: 2, name: "oak" })).toBe(tree);
    expect(await sync.save({ id: "tree", name: undefined })).toBe(tree);
    expect(tree).toEqual({ id: "tree", height: 2 });
    const { id } = await sync.save({ height: 9 });
    expect(await sync.fetch(["tree", "nothing", id])).toEqual([tree, null, { id, height: 9 }]);
    expect(await sync.fetch("nothing")).toBeNull();
    await sync.destroy(id);
    undo();
    await sync.update({ id: "tree", height: 3 });
    expect(sync.get(id)).toBeUndefined();
    expect([...sync.allObjects()]).toEqual([["tree", tree]]);

    await expect(sync.create({ id: "tree" })).rejects.toMatchObject({ code: "exists", id: "tree" });
    await expect(sync.update({ id: "nothing", height: 1 })).rejects.toMatchObject({
      code: "not_found",
    });
    await expect(sync.update({ id, height: 1 })).rejects.toMatchObject({ code: "gone" });
    await expect(sync.update({ height: 1 })).rejects.toMatchObject({ code: "invalid_id" });
    await expect(sync.save({ id: "tree", height: NaN })).rejects.toMatchObject({
      code: "invalid_value",
      id: "tree",
      property: "height",
    });
    sync.destroy("", (error) => called.push(error?.code)).catch(() => undefined);
    await eventually(() => called.length === 2);
    expect(called).toEqual([[null, "tree"], "invalid_id"]);
    expect(events).toEqual([
      ["create", "tree"],
      ["update", "tree", { height: 2, name: "oak" }, { height: 1, name: undefined }],
      ["update", "tree", { name: undefined }, { name: "oak" }],
      ["create", id],
      ["destroy", id, { id, height: 9 }],
    ]);
  });

  test("is told of a wrong argument as clients are", async () => {
    const { sync } = await stage.serve();
    await expect(sync.fetch(null as unknown as string)).rejects.toMatchObject({
      code: "invalid_id",
    });
    expect(codeOf(() => sync.on("update", 5 as never))).toBe("invalid_payload");
    await sync.create({ id: "tree", height: 1 });
    const tree = sync.get("tree") as { id: string; height: number };
    await expect(sync.save(tree)).rejects.toMatchObject({ code: "invalid_payload", id: "tree" });
    expect(await sync.save({ ...tree, height: 2 })).toEqual({ id: "tree", height: 2 });
  });

  test("may throw in a listener, and the world goes on", async () => {
    const { sync, url } = await stage.serve();
    const errors: SyncError[] = [];
    sync.on("error", (error) => {
      errors.push(error);
      throw new Error("even here");
    });
    sync.on("create", () => {
      throw new Error("in a listener");
    });
    const printed = console.error;
    console.error = () => undefined; // what fails even in the listener of errors is printed
    try {
      const client = await stage.join(url);
      await client.create({ id: "tree" });
      await eventually(() => errors.length > 0);
    } finally {
      console.error = printed;
    }
    expect(errors[0]).toMatchObject({ code: "handler_failed", cause: new Error("in a listener") });
  });

  test("may throw in a listener, and the others of the same event hear of it all the same", async () => {
    const { sync, url } = await stage.serve();
    const heard: string[] = [];
    const causes: unknown[] = [];
    const printed = console.error;
    const print: unknown[] = [];
    console.error = (cause) => void print.push(cause);
    sync.on("error", () => {
      throw new Error("even here");
    });
    sync.on("error", ({ cause }) => causes.push((cause as Error).message));
    const undos: (() => void)[] = [];
    try {
      for (const name of ["connect", "create", "update", "destroy", "change"] as const) {
        undos.push(
          sync.on(name, () => {
            throw new Error(`in ${name}`);
          }),
        );
        sync.on(name, () => heard.push(name));
      }
      await stage.join(url);
      await sync.create({ id: "tree" });
      await sync.update({ id: "tree", height: 1 });
      await sync.destroy("tree");
    } finally {
      console.error = printed;
    }
    const all = ["connect", "create", "change", "update", "change", "destroy", "change"];
    expect(heard).toEqual(all);
    expect(causes).toEqual(all.map((name) => `in ${name}`));
    expect(print.length).toBe(all.length);
    for (const undo of undos) undo();
    await sync.create({ id: "stone" });
    expect([heard.slice(all.length), causes.length]).toEqual([["create", "change"], all.length]);
  });
});

describe("a store", () => {
  test("has a write before anybody is told of it", async () => {
    const store = new KeptStore();
    const { sync, url } = await stage.serve({ store });
    await sync.create({ id: "tree", height: 1 });
    const [ann, bob] = [await stage.join(url), await stage.join(url)];
    const [onServer, atBob] = [[] as string[], recordEvents(bob)];
    sync.on("update", ({ id }) => onServer.push(id));
    const { isOpen, open } = gate();
    store.hold = isOpen;
    let isSettled = false;
    const write = ann.update({ id: "tree", height: 2 }).then(() => (isSettled = true));
    await eventually(() => sync.get("tree")?.["height"] === 2); // decided, and not stored yet
    const newcomer = stage.client(url);
    await eventually(() => newcomer.isConnected());
    expect([isSettled, onServer, atBob, newcomer.status === "synced"]).toEqual([
      false,
      [],
      [],
      false,
    ]);
    open();
    await Promise.all([write, newcomer.whenSynced()]);
    await eventually(() => atBob.length > 0);
    expect([onServer, atBob]).toEqual([["tree"], ["update tree height"]]);
    expect(newcomer.get("tree")?.["height"]).toBe(2);
  });

  test("that refuses makes writes fail as unavailable, undoes them, and may recover", async () => {
    const store = new KeptStore();
    const { sync, url } = await stage.serve({ store });
    const errors: string[] = [];
    sync.on("error", ({ code }) => errors.push(code));
    await sync.create({ id: "tree", height: 1 });
    const [ann, bob] = [await stage.join(url), await stage.join(url)];
    const events = recordEvents(bob);
    store.refuses = true;
    const writes = [
      ann.update({ id: "tree", height: 2 }),
      ann.create({ id: "stone" }),
      sync.destroy("tree"),
    ];
    const outcomes = await Promise.allSettled(writes);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
    }
    expect(errors).toContain("unavailable");
    store.refuses = false;
    await ann.update({ id: "tree", height: 3 });
    await eventually(() => bob.get("tree")?.["height"] === 3);
    expect(events).toEqual(["update tree height"]);
    const all = { tree: { id: "tree", height: 3 } };
    expect([viewOf(ann), viewOf(bob), viewOf(sync)]).toEqual([all, all, all]);
  });

  test("has a write before anybody is told of it, also when a rule has it looked at who may see what", async () => {
    const store = new KeptStore();
    const revoking: Promise<unknown>[] = [];
    const { sync, url } = await stage.serve({
      store,
      authorize: () => {
        revoking.push(sync.revoke());
        return true;
      },
    });
    sync.on("error", () => undefined); // of the store
    await sync.create({ id: "tree", height: 1 });
    const [ann, bob] = [await stage.join(url), await stage.join(url)];
    const atBob = recordEvents(bob);
    const { isOpen, open } = gate();
    store.hold = isOpen;
    store.refuses = true;
    const refusal = ann.update({ id: "tree", height: 2 }).catch(codeOfRefusal);
    await eventually(() => sync.get("tree")?.["height"] === 2); // decided, and not stored yet
    expect(revoking).toHaveLength(1);
    open();
    expect(await refusal).toBe("unavailable");
    store.refuses = false;
    await ann.update({ id: "tree", height: 3 });
    await Promise.all(revoking);
    await eventually(() => bob.get("tree")?.["height"] === 3);
    expect(atBob).toEqual(["update tree height"]);
  });

  test("that is late is waited for, whatever it answers, and its lateness is reported", async () => {
    const store = new KeptStore();
    const { sync, url } = await stage.serve({ store, limits: { storeTimeoutMs: 20 } });
    await sync.create({ id: "tree", height: 1 });
    const errors: string[] = [];
    sync.on("error", ({ code }) => errors.push(code));
    const client = await stage.join(url);
    for (const [height, refuses] of [
      [2, false],
      [3, true],
    ] as const) {
      const { isOpen, open } = gate();
      store.hold = isOpen;
      store.refuses = refuses;
      const writing = client.update({ id: "tree", height }).catch(codeOfRefusal);
      await eventually(() => errors.includes("timeout"));
      expect(client.pending).toBe(1); // neither done nor refused: nobody can know
      open();
      expect(await writing).toEqual(refuses ? "unavailable" : { id: "tree", height: 2 });
      errors.length = 0;
    }
    store.refuses = false;
    await client.update({ id: "tree", height: 4 });
    expect(viewOf(sync)).toEqual({ tree: { id: "tree", height: 4 } });
  });

  test("is waited for by a fetch, which tells of nothing that may yet be taken back", async () => {
    const store = new KeptStore();
    const { sync, url } = await stage.serve({ store });
    const client = await stage.join(url);
    const { isOpen, open } = gate();
    store.hold = isOpen;
    store.refuses = true;
    sync.on("error", () => undefined);
    const lost = sync.create({ id: "tree" }).catch(codeOfRefusal);
    await eventually(() => sync.get("tree"));
    let isFound: boolean | undefined;
    const fetching = client.fetch("tree").then((found) => (isFound = found !== null));
    const later = stage.client(url);
    await eventually(() => later.isConnected()); // which takes longer than to answer a fetch
    expect(isFound).toBeUndefined();
    open();
    await Promise.all([lost, fetching]);
    expect([await lost, isFound]).toEqual(["unavailable", false]);
  });
});

describe("a store that hangs", () => {
  test("ends with the server: what waits for it is refused, and what it works on is not known", async () => {
    const store = new KeptStore();
    const { sync } = await stage.serve({ store, limits: { drainTimeoutMs: 20 } });
    const { isOpen, open } = gate();
    store.hold = isOpen;
    const stored = sync.create({ id: "stored" }).catch(codeOfRefusal);
    await eventually(() => sync.get("stored"));
    const waiting = sync.create({ id: "waiting" }).catch(codeOfRefusal);
    const fetched = sync.fetch("stored").catch(codeOfRefusal);
    await sync.close();
    const ends = await Promise.all([stored, waiting, fetched]);
    expect(ends).toEqual(["unavailable", "closed", "unavailable"]);
    open();
  });

  test("does not pile up what a client sends again on every connection", async () => {
    const store = new KeptStore();
    const { sync, port } = await stage.serve({ store });
    const network = await stage.network(port);
    const client = await stage.join(network.url, TAPPED);
    const { isOpen, open } = gate();
    store.hold = isOpen;
    const made: string[] = [];
    sync.on("create", ({ id }) => made.push(id));
    const ids = Array.from({ length: 50 }, (_, i) => `thing:${i}`);
    const writes = ids.map((id) => client.create({ id }));
    for (let i = 0; i < 5; i++) {
      await eventually(() => client.isConnected());
      const cut = next(client, "disconnect"); // it may be back before anyone looks
      network.cut();
      await cut;
    }
    open();
    await Promise.all(writes);
    expect(made).toEqual(ids);
  });
});

describe("a server with small limits", () => {
  test.each<[what: string, serve: () => Promise<string>]>([
    [
      "messages",
      async () => {
        const limits = { messageBytesMax: 20_000, mutationBytesMax: 15_000 };
        return (await stage.serve({ limits })).url;
      },
    ],
    [
      "what its application's socket.io lets through",
      async () => {
        const { http, url } = await stage.http();
        const io = new SocketIoServer(http, { path: "/object-sync", maxHttpBufferSize: 50_000 });
        const sync = new ObjectSyncServer().attach(io);
        stage.afterwards(() => sync.close());
        return url;
      },
    ],
  ])(
    "of %s gets all of an outbox, in smaller messages, and says what is too large",
    async (_w, serve) => {
      const url = await serve();
      const client = stage.client(url);
      const text = "x".repeat(5_000);
      const writes = Array.from({ length: 40 }, (_, i) =>
        client.create({ id: `thing:${i}`, text }),
      );
      const tooLarge = client.create({ id: "large", text: text.repeat(10) }).catch(codeOfRefusal);
      await Promise.all(writes);
      expect(await tooLarge).toBe("too_large");
      expect(client.allObjects().size).toBe(40);
      await client.close();
    },
  );
});

describe("listen and attach", () => {
  test.each<[what: string, call: (sync: ObjectSyncServer) => unknown]>([
    ["a port that is a text", (sync) => sync.listen("3000" as unknown as number)],
    ["no port there can be", (sync) => sync.listen(65_536)],
    ["no number", (sync) => sync.listen(NaN)],
    ["a callback", (sync) => sync.listen(0, (() => undefined) as unknown as string)],
    ["no server", (sync) => sync.attach(Object.create(null) as HttpServer)],
    ["a port where a server belongs", () => ObjectSync.listen(4805 as unknown as HttpServer)],
  ])("refuse %s as bad_option, and say what they take", async (_what, call) => {
    const sync = new ObjectSyncServer();
    stage.afterwards(() => sync.close());
    const calling = new Promise((resolve) => resolve(call(sync)));
    await expect(calling).rejects.toMatchObject({
      code: "bad_option",
      message: expect.stringMatching(/^(listen|attach)\(\) takes /) as unknown,
    });
  });

  test("leave nothing open when the server is closed meanwhile", async () => {
    const sync = new ObjectSyncServer({ store: new KeptStore() });
    const opening = sync.listen(0).catch(codeOfRefusal);
    await sync.close();
    expect(await opening).toBe("closed");
  });
});

describe("a fetch handler", () => {
  test("may answer the same object twice", async () => {
    const rows = [{ id: "oak" }, { id: "oak" }, null, { id: "of nobody's interest" }];
    const { sync, url } = await stage.serve({ handlers: { fetch: () => rows } });
    const client = await stage.join(url);
    expect(await client.fetch(["oak", "oak", "elm"])).toEqual([{ id: "oak" }, { id: "oak" }, null]);
    expect(viewOf(sync)).toEqual({ oak: { id: "oak" } });
  });

  test("whose objects cannot be stored fails the fetch, and tells why", async () => {
    const store = new KeptStore();
    const { sync, url } = await stage.serve({ store, handlers: { fetch: () => [{ id: "oak" }] } });
    sync.on("error", () => undefined);
    const client = await stage.join(url);
    store.refuses = true;
    await expect(client.fetch("oak")).rejects.toMatchObject({ code: "unavailable" });
    await expect(sync.fetch("oak")).rejects.toMatchObject({ code: "unavailable" });
    store.refuses = false;
    expect(await client.fetch("oak")).toEqual({ id: "oak" });
  });
});
