import { expect, test } from "@jest/globals";

import { statusOf, transition, type Input, type State } from "../../../client/connection.ts";
import { SyncError } from "../../../lib/errors.ts";
import { ACCEPTED } from "../../../lib/outcome.ts";
import { create, FakeServer, quiet, setup, setupSynced, update } from "./fake-server.ts";

const STATES: readonly State[] = ["offline", "waiting", "opening", "syncing", "synced", "closed"];
const INPUTS: readonly Input[] = [
  "connect",
  "disconnect",
  "close",
  "renew",
  "retry",
  "welcome",
  "whole",
  "lost",
  "refused",
];

test("in every state, every input leads somewhere, and closed is the end", () => {
  for (const state of STATES) {
    for (const input of INPUTS) expect(STATES).toContain(transition(state, input).to);
    expect(transition(state, "close").to).toBe("closed");
    expect(transition("closed", INPUTS[STATES.indexOf(state)] ?? "connect").to).toBe("closed");
  }
});

test("a connection is dropped whenever it is left, and a wait stopped", () => {
  for (const state of STATES) {
    for (const input of INPUTS) {
      const { to, effects } = transition(state, input);
      const hasLink = (one: State): boolean => ["opening", "syncing", "synced"].includes(one);
      const isRenewed = hasLink(state) && input === "renew";
      expect(effects.includes("drop")).toBe(isRenewed || (hasLink(state) && !hasLink(to)));
      expect(effects.includes("wait")).toBe(state !== "waiting" && to === "waiting");
      expect(effects.includes("open")).toBe(isRenewed || (!hasLink(state) && to === "opening"));
      const isOverEarly = state === "waiting" && to !== "waiting" && input !== "retry";
      const isWelcome = state === "opening" && to === "syncing";
      expect(effects.includes("stopTimer")).toBe(isOverEarly || isWelcome);
    }
  }
});

test("both halves of connecting look alike to the application", () => {
  expect(STATES.map(statusOf)).toEqual([
    "offline",
    "connecting",
    "connecting",
    "syncing",
    "synced",
    "closed",
  ]);
});

test("status, events and sessionId follow the connection", async () => {
  const { sync, server } = setup({ autoConnect: false });
  const heard: string[] = [];
  sync.on("status", (status) => heard.push(status));
  for (const name of ["connect", "disconnect", "synced"] as const) {
    sync.on(name, () => heard.push(`(${name})`));
  }
  expect([sync.status, sync.isConnected(), sync.sessionId]).toEqual(["offline", false, undefined]);
  server.isAutomatic = false;
  sync.connect();
  server.link.greet();
  expect([sync.status, sync.isConnected(), sync.sessionId]).toEqual(["syncing", true, "session-1"]);
  server.link.flush();
  expect(sync.status).toBe("synced");
  sync.disconnect();
  expect([sync.status, sync.isConnected(), sync.sessionId]).toEqual(["offline", false, undefined]);
  await sync.close();
  expect(heard).toEqual([
    "connecting",
    "syncing",
    "(connect)",
    "synced",
    "(synced)",
    "offline",
    "(disconnect)",
    "closed",
  ]);
});

test("a lost connection is taken up again after a while, longer each time", async () => {
  const { sync, server, environment } = await setupSynced([{ id: "tree:1", height: 3 }]);
  server.isAutomatic = false;
  const waits: (number | undefined)[] = [];
  for (let i = 0; i < 6; i++) {
    server.link.drop();
    expect(sync.status).toBe("connecting");
    waits.push(environment.nextMs);
    environment.advance(environment.nextMs ?? 0);
  }
  expect(waits).toEqual([250, 500, 1_000, 2_000, 2_500, 2_500]);
  expect(server.link.hello.cursor).toEqual({ epoch: "epoch-1", seq: 1 });
  server.world.commit([update({ id: "tree:1", height: 4 })], 0);
  server.link.accept();
  expect([sync.status, sync.get("tree:1")?.["height"]]).toEqual(["synced", 4]);
  server.link.drop();
  expect(environment.nextMs).toBe(250);
});

test("an attempt without a welcome is given up, and what it says later is ignored", () => {
  const { sync, server, environment } = setup();
  const errors: unknown[] = [];
  sync.on("error", (error) => errors.push(error));
  server.isAutomatic = false;
  const first = server.link;
  environment.advance(20_000);
  expect(first.isClosed).toBe(true);
  environment.advance(250);
  expect(server.links.length).toBe(2);
  first.haunt();
  server.link.accept();
  first.haunt();
  expect([sync.status, errors]).toEqual(["synced", []]);
});

test("status tells why an attempt has failed, each time", async () => {
  const { sync, server, environment } = setup({ autoConnect: false });
  const heard: unknown[] = [];
  sync.on("status", (status, reason) => heard.push([status, reason?.code]));
  server.isAutomatic = false;
  sync.connect();
  server.link.drop(new SyncError("unavailable", "no connection"));
  environment.advance(250);
  server.link.drop(new SyncError("unavailable", "no connection"));
  environment.advance(500);
  environment.advance(20_000); // without a welcome
  environment.advance(1_000);
  server.link.accept();
  server.link.goodbye({ code: "unauthenticated", message: "expired" }, false);
  expect(heard).toEqual([
    ["connecting", undefined],
    ["connecting", "unavailable"],
    ["connecting", "unavailable"],
    ["connecting", "timeout"],
    ["syncing", undefined],
    ["synced", undefined],
    ["offline", "unauthenticated"],
  ]);
  await expect(sync.whenSynced()).rejects.toMatchObject({ code: "unauthenticated" });
});

test("connect() does not wait for the next attempt's time", async () => {
  const { sync, server, environment } = await setupSynced();
  server.link.drop();
  sync.connect();
  await sync.whenSynced();
  expect([server.links.length, environment.nextMs]).toEqual([2, undefined]);
});

test("disconnect() ends the waiting too", async () => {
  const { sync, server, environment } = await setupSynced();
  server.link.drop();
  sync.disconnect();
  expect([sync.status, environment.nextMs]).toEqual(["offline", undefined]);
});

test("a goodbye's retryAfterMs is waited for", async () => {
  const { sync, server, environment } = await setupSynced();
  const reasons: unknown[] = [];
  sync.on("disconnect", (reason) => reasons.push(reason?.code));
  server.link.goodbye({ code: "rate_limited", message: "slowly", retryAfterMs: 7_000 }, true);
  expect([sync.status, environment.nextMs, reasons]).toEqual([
    "connecting",
    7_250,
    ["rate_limited"],
  ]);
});

test("a goodbye for good is an error, and nothing is tried until connect()", async () => {
  const { sync, server, environment } = await setupSynced();
  const errors: unknown[] = [];
  sync.on("error", (error) => errors.push(error.code));
  server.link.goodbye({ code: "unauthenticated", message: "expired" }, false);
  expect([sync.status, environment.nextMs, errors]).toEqual([
    "offline",
    undefined,
    ["unauthenticated"],
  ]);
  await expect(sync.whenSynced()).rejects.toMatchObject({ code: "unauthenticated" });
  sync.connect();
  await sync.whenSynced();
});

test("a refused connection is final when its error says so", async () => {
  const { sync, server, environment } = setup();
  server.isAutomatic = false;
  const synced = sync.whenSynced();
  server.link.drop(new SyncError("unavailable", "starting"));
  expect(sync.status).toBe("connecting");
  environment.advance(250);
  server.link.drop(new SyncError("unauthenticated", "expired"), true);
  expect(sync.status).toBe("connecting");
  environment.advance(500);
  server.link.drop(new SyncError("unauthenticated", "who are you?"));
  expect(sync.status).toBe("offline");
  await expect(synced).rejects.toMatchObject({ code: "unauthenticated" });
});

test("auth is asked before each attempt, and may fail", async () => {
  let count = 0;
  const auth = (): Promise<string> => {
    count += 1;
    return count === 1 ? Promise.reject(new Error("no token")) : Promise.resolve(`token ${count}`);
  };
  const { sync, server, environment } = setup({ auth });
  const errors: string[] = [];
  sync.on("error", (error) => errors.push(error.code));
  await quiet();
  expect([errors, server.links.length]).toEqual([["handler_failed"], 0]);
  environment.advance(250);
  await sync.whenSynced();
  expect(server.link.hello.auth).toBe("token 2");
});

test("credentials that come when nobody waits for them any more begin nothing", async () => {
  let give: (token: string) => void = () => undefined;
  const { sync, server } = setup({ auth: () => new Promise((resolve) => (give = resolve)) });
  await quiet();
  sync.disconnect();
  give("token");
  await quiet();
  expect(server.links.length).toBe(0);
});

test("a snapshot in pages shows at once when it is whole", () => {
  const server = new FakeServer();
  for (let i = 0; i < 20; i++) server.commit(create({ id: `tree:${i}`, text: "x".repeat(100) }));
  server.isAutomatic = false;
  const { sync } = setup({}, server);
  server.link.greet();
  server.link.flushPart(500);
  expect([sync.allObjects().size, sync.status]).toEqual([0, "syncing"]);
  server.link.flush(500);
  expect([sync.allObjects().size, sync.status]).toEqual([20, "synced"]);
});

test("a gap, and what cannot be read, end the connection with an error, and it is resumed", async () => {
  const { sync, server, environment } = await setupSynced([{ id: "tree:1" }]);
  const errors: string[] = [];
  sync.on("error", (error) => errors.push(error.code));
  const faults: (() => void)[] = [
    () => server.link.sendGap(),
    () => server.link.send(Uint8Array.of(99)),
    () => server.link.send(new Uint8Array()),
    () => server.link.greet(),
  ];
  for (const fault of faults) {
    fault();
    expect([sync.status, server.link.isClosed]).toEqual(["connecting", true]);
    environment.advance(250);
    await sync.whenSynced();
    expect(server.link.hello.cursor.seq).toBe(1);
  }
  expect(errors).toEqual(faults.map(() => "invalid_payload"));
});

test("what was decided unheard is told, and the other writes are sent again", async () => {
  const { sync, server, environment } = await setupSynced();
  server.isAutomatic = false;
  const results: string[] = [];
  for (const name of ["a", "b"]) void sync.create({ id: name }).then(() => results.push(name));
  await quiet();
  server.link.decide(); // and the outcomes are lost
  server.link.drop();
  void sync.create({ id: "c" }).then(() => results.push("c"));
  server.isAutomatic = true;
  environment.advance(250);
  await sync.whenSynced();
  await quiet();
  expect(server.link.mutations.map(({ n }) => n)).toEqual([3]);
  expect([results, sync.pending, server.world.seq]).toEqual([["a", "b", "c"], 0, 3]);
});

test("outcomes that are known are ignored", async () => {
  const { sync, server } = await setupSynced();
  server.isAutomatic = false;
  const results: string[] = [];
  for (const name of ["a", "b"]) void sync.create({ id: name }).then(() => results.push(name));
  await quiet();
  server.link.decide();
  server.link.flush();
  server.link.tell(1, ACCEPTED);
  await quiet();
  expect([results, sync.pending, server.world.seq]).toEqual([["a", "b"], 0, 2]);
});

test("an outcome that comes before its turn ends the connection, and decides nothing", async () => {
  const { sync, server } = await setupSynced();
  server.isAutomatic = false;
  for (const name of ["a", "b"]) void sync.create({ id: name });
  await quiet();
  server.link.tell(2, ACCEPTED);
  await quiet();
  expect([sync.pending, sync.isConnected()]).toEqual([2, false]);
});

test("a new epoch gets the undecided writes under its own numbers, and replaces the rest", async () => {
  const { sync, server, environment } = await setupSynced([{ id: "old" }]);
  await sync.create({ id: "lost" });
  server.isAutomatic = false;
  const kept = sync.create({ id: "kept" });
  await quiet();
  server.isAutomatic = true;
  server.restart("epoch-2");
  environment.advance(250);
  await expect(kept).resolves.toEqual({ id: "kept" });
  expect(server.link.mutations).toMatchObject([{ n: 1, seen: 0 }]);
  expect([...sync.allObjects().keys()]).toEqual(["kept"]);
});

test("writes to objects of another epoch name them by their ids", async () => {
  const { sync, server, environment } = await setupSynced([{ id: "a" }, { id: "b" }]);
  server.link.drop();
  server.isAutomatic = false;
  server.restart("epoch-2");
  server.commit(create({ id: "b" }));
  void sync.save({ id: "b", x: 1 });
  environment.advance(250);
  server.link.greet();
  await quiet();
  expect(server.link.mutations).toMatchObject([{ operations: [{ id: "b", changes: { x: 1 } }] }]);
});

test("to a server that has forgotten it a client goes on counting, and so a backup does not take its writes for others", async () => {
  const { sync, server, environment } = await setupSynced([], "ledger.1");
  await sync.create({ id: "a" });
  await sync.create({ id: "b" });
  const ledger = server.ledger(server.link.hello.clientId);
  server.link.drop();
  const former = { decided: ledger.decided, outcomes: new Map(ledger.outcomes) };
  ledger.decided = 0;
  ledger.outcomes.clear();
  server.isAutomatic = false;
  const saved = sync.create({ id: "c" });
  environment.advance(250);
  server.link.accept();
  await quiet();
  expect(server.link.messages).toMatchObject([{ settled: 2 }]);
  expect(server.link.mutations.map(({ n }) => n)).toEqual([3]);

  server.isAutomatic = true;
  server.restart("ledger.2"); // out of a backup of before it was forgotten
  Object.assign(server.ledger(server.link.hello.clientId), former);
  environment.advance(250);
  await expect(saved).resolves.toEqual({ id: "c" });
});

test("writes made offline show at once, and are sent in order on return", async () => {
  const { sync, server } = setup({ autoConnect: false });
  const saved = [sync.create({ id: "a" }), sync.save({ id: "a", x: 1 }), sync.destroy("a")];
  expect([sync.pending, sync.allObjects().size]).toEqual([3, 0]);
  sync.connect();
  await Promise.all(saved);
  expect(
    server.link.mutations.flatMap(({ operations }) => operations.map(({ kind }) => kind)),
  ).toEqual(["create", "update", "destroy"]);
});

test("close() settles all that is open with closed, and says what is not known", async () => {
  const { sync, server } = await setupSynced();
  server.isAutomatic = false;
  const sent = sync.create({ id: "a" });
  await quiet();
  const unsent = sync.create({ id: "b" });
  const fetched = sync.fetch("c");
  sync.disconnect();
  const synced = sync.whenSynced();
  await sync.close();
  await sync.close();
  await expect(sent).rejects.toThrow("may have been accepted");
  await expect(unsent).rejects.toThrow("was not sent");
  for (const promise of [sent, unsent, fetched, synced, sync.save({}), sync.fetch("a")]) {
    await expect(promise).rejects.toMatchObject({ code: "closed" });
  }
  await expect(sync.whenSynced()).rejects.toMatchObject({ code: "closed" });
  sync.connect();
  expect([sync.status, sync.pending, server.links.length]).toEqual(["closed", 0, 1]);
});

test("close() takes back what is undecided: what stays in view is confirmed", async () => {
  const { sync, server } = await setupSynced([
    { id: "tree:1", height: 3 },
    { id: "tree:2", height: 3 },
  ]);
  server.isAutomatic = false;
  const heard: string[] = [];
  const tree = sync.get("tree:1");
  void sync.save({ id: "tree:1", height: 4 });
  void sync.destroy("tree:2");
  await quiet();
  void sync.create({ id: "tree:3" });
  sync.on("update", ({ id }) => heard.push(`update ${id}`));
  sync.on("create", ({ id }) => heard.push(`create ${id}`));
  sync.on("add", ({ id }) => heard.push(`add ${id}`));
  sync.on("destroy", (id) => heard.push(`destroy ${id}`));
  sync.on("remove", (id) => heard.push(`remove ${id}`));
  sync.on("reject", ({ code }, { operations }) => {
    heard.push(`${code} ${String(operations[0]?.id)}`);
  });
  await sync.close();
  expect(heard).toEqual([
    "update tree:1",
    "create tree:2",
    "add tree:2",
    "destroy tree:3",
    "remove tree:3",
    "closed tree:1",
    "closed tree:2",
    "closed tree:3",
  ]);
  expect([...sync.allObjects().values()]).toEqual([
    { id: "tree:1", height: 3 },
    { id: "tree:2", height: 3 },
  ]);
  expect(sync.get("tree:1")).toBe(tree);
});

test("close() from within a listener tells what is being told first", async () => {
  const { sync, server } = await setupSynced();
  const heard: string[] = [];
  sync.once("create", () => void sync.close().then(() => heard.push("closed")));
  sync.on("add", ({ id }) => heard.push(id));
  server.commit(create({ id: "a" }), create({ id: "b" }));
  await quiet();
  expect(heard).toEqual(["a", "b", "closed"]);
});

test("writes in great number are paced, and all of them arrive", async () => {
  const { sync, server, environment } = setup({ limits: { mutationsPerSecondMax: 100 } });
  await sync.whenSynced();
  const saved = Array.from({ length: 500 }, (_, i) => sync.create({ id: `tree:${i}` }));
  await quiet();
  const sent = server.link.mutations.length;
  expect(sent).toBeLessThan(500);
  for (let seconds = 0; sync.pending > 0; seconds++) {
    if (seconds > 100) throw new Error(`${sync.pending} writes are left`);
    environment.advance(1_000);
    await quiet();
  }
  await Promise.all(saved);
  expect(server.world.size).toBe(500);
});
