import { afterEach, describe, expect, test } from "@jest/globals";
import { SignJWT, UnsecuredJWT } from "jose";
import { Server as SocketIoServer } from "socket.io";
import { PROTOCOL } from "../../../lib/index.ts";
import { encodeFetch, encodeSubscribe, topicsToText } from "../../../lib/messages.ts";
import type { ObjectId } from "../../../lib/object.ts";
import type { Topic } from "../../../lib/topics.ts";
import { writeValue } from "../../../lib/value-codec.ts";
import {
  authenticated,
  ObjectSyncServer,
  SyncError,
  type Credentials,
  type Rules,
  type SyncObject,
} from "../../../server/index.ts";
import { jwt } from "../../../server/plugins/jwt/index.ts";
import { eventually } from "../../support/eventually.ts";
import {
  answerTo,
  creating,
  destroying,
  mutations,
  one,
  refusalOf,
  settling,
  updating,
  type Content,
} from "../../support/hand-made.ts";
import { codeOfEnd, HostileScene, Knocker } from "../../support/hostile-scene.ts";
import { HELLO, RawClient } from "../../support/raw-client.ts";
import { Stage } from "../../support/stage.ts";

/*
 * Hostile input over a socket, and the error code that it gets: what one client may not do, of what all might
 * say. Each test is named after its row. That hidden things do not show in any other way is `canary`'s; that
 * a client with an expired token loses nothing, `credentials`'s; what else a token may be, `jwt`'s.
 */

const stage = new Stage();
afterEach(() => stage.clear());

const NS = PROTOCOL.defaultNamespace;

interface User {
  readonly id: string;
}

/** Who shows a name has it; who shows none is turned away. */
function authenticate({ auth }: Credentials): User {
  if (typeof auth === "string") return { id: auth };
  throw new SyncError("unauthenticated", "who are you?");
}

const asText = (text: string): Content => {
  return (writer) => writeValue(writer, text);
};

const EVERYTHING = { read: true, create: true, update: true, destroy: true };
const isOwn = (user: unknown, object: SyncObject): boolean => object["owner"] === (user as User).id;
const isInOwnSpace = (user: unknown, { id }: SyncObject): boolean =>
  id.startsWith(`note:${(user as User).id}:`);

const rules: Rules = {
  "*": {
    ...EVERYTHING,
    properties: { score: { write: false }, secret: { read: false } },
  },
  card: {
    read: isOwn,
    create: isOwn,
    update: isOwn,
    destroy: isOwn,
    properties: { secret: { read: false } },
  },
  note: { read: isInOwnSpace, create: isInOwnSpace, properties: { secret: { read: false } } },
};

const ruled = (): Promise<HostileScene> =>
  HostileScene.open(stage, { rules, authenticate }, { auth: "bob" });
const AS_BOB = { auth: "bob" };

describe("another's clientId, or someone else's outbox replayed `forbidden`", () => {
  test("while its owner is there, and when they have gone; the owner is not disturbed", async () => {
    const scene = await HostileScene.open(stage, { authenticate }, AS_BOB);
    const ann = await scene.welcomed({ auth: "ann" });
    const early = scene.connect({ auth: "eve" });
    expect(await codeOfEnd(early)).toBe("forbidden");
    ann.send(mutations(1, creating("letter", "a", one)));
    expect(await refusalOf(ann, 1)).toBeUndefined();
    expect(ann.isOver).toBe(false);
    ann.close();
    await ann.until(() => ann.isOver);
    const late = scene.connect({ auth: "eve" });
    await late.until(() => late.isOver);
    expect(late.connectError?.data).toMatchObject({ code: "forbidden", property: "clientId" });
    expect(late.messages).toEqual([]);
    await scene.isUnharmed({ letter: { id: "letter", a: 1 } }, AS_BOB);
  });

  test("of two that show it at once, one at most gets in", async () => {
    let letIn = (): void => undefined;
    const door = new Promise<void>((resolve) => (letIn = resolve));
    let waiting = 0;
    const slowly = async (credentials: Credentials): Promise<User> => {
      const user = authenticate(credentials);
      if (user.id === "bob") return user;
      waiting += 1;
      await door;
      return user;
    };
    const scene = await HostileScene.open(stage, { authenticate: slowly }, AS_BOB);
    const both = ["ann", "eve"].map((auth) => scene.connect({ auth }));
    await eventually(() => waiting === 2);
    letIn();
    const fates = await Promise.all(both.map((client) => welcomeOrCode(client)));
    expect(fates.sort()).toEqual(["forbidden", "welcome"]);
    await scene.isUnharmed({}, AS_BOB);
  });
});

/** Whether a client has a session, or why it has none. */
function welcomeOrCode(client: RawClient): Promise<string> {
  return client.until(() => {
    const [first] = client.messages;
    if (first?.kind === "welcome") return "welcome";
    if (first?.kind === "goodbye") return first.error.code;
    return (client.connectError?.data as { code?: string } | undefined)?.code;
  });
}

describe("a client has one connection", () => {
  test("one that comes many times at once stays once, and the others are `superseded`", async () => {
    const scene = await HostileScene.open(stage, { authenticate }, AS_BOB);
    let sessions = 1;
    scene.sync.on("connect", () => (sessions += 1));
    scene.sync.on("disconnect", () => (sessions -= 1));
    const clients = Array.from({ length: 10 }, () => scene.connect({ auth: "ann" }));
    const there = (): RawClient[] => clients.filter(({ isOver }) => !isOver);
    await eventually(() => there().length === 1 && sessions === 2);
    for (const client of clients) {
      if (client.isOver) expect(await codeOfEnd(client)).toBe("superseded");
    }
    const [last] = there();
    await last?.isWhole();
    await scene.isUnharmed({}, AS_BOB);
  });

  test("an identity that comes with many clients at once has as many as it may, and the others are `unavailable`", async () => {
    const limits = { sessionsPerIdentityMax: 3 };
    const scene = await HostileScene.open(stage, { authenticate, limits }, AS_BOB);
    const clients = Array.from({ length: 10 }, (_, i) =>
      scene.connect({ auth: "ann", clientId: `client-of-ann-${i}` }),
    );
    const fates = await Promise.all(clients.map((client) => welcomeOrCode(client)));
    expect(fates.filter((fate) => fate === "welcome")).toHaveLength(3);
    expect(fates.filter((fate) => fate === "unavailable")).toHaveLength(7);
    await scene.isUnharmed({}, AS_BOB);
  });

  test("a hello that is said again and again on one connection is one session at most", async () => {
    const scene = await HostileScene.open(stage, { authenticate }, AS_BOB);
    let sessions = 0;
    scene.sync.on("connect", () => (sessions += 1));
    const knocker = await scene.knock();
    for (let i = 0; i < 100; i++) {
      const hello = { ...HELLO, auth: "ann", clientId: `client-of-ann-${i}` };
      knocker.say(`0${NS},${JSON.stringify(hello)}`);
    }
    await knocker.isEnded();
    expect(sessions).toBeLessThanOrEqual(1);
    await scene.isUnharmed({}, AS_BOB);
  });

  test("... and one in an application's own socket.io server, where the others are `unsupported`", async () => {
    const { http, url } = await stage.http();
    const io = new SocketIoServer(http);
    let letIn = (): void => undefined;
    const door = new Promise<void>((resolve) => (letIn = resolve));
    const sync = new ObjectSyncServer({ authenticate: () => door }).attach(io);
    stage.afterwards(() => io.close());
    stage.afterwards(() => sync.close());
    let sessions = 0;
    sync.on("connect", () => (sessions += 1));
    const knocker = new Knocker(url, "/socket.io");
    stage.afterwards(() => knocker.close());
    await knocker.isOpen();
    for (let i = 0; i < 11; i++) {
      knocker.say(`0${NS},${JSON.stringify({ ...HELLO, clientId: `client-number-${i}` })}`);
    }
    await eventually(() => knocker.refusals.length === 10);
    for (const { code } of knocker.refusals) expect(code).toBe("unsupported");
    letIn();
    await eventually(() => sessions === 1);
    const other = new RawClient(url, HELLO, { path: "/socket.io", parser: undefined });
    stage.afterwards(() => other.close());
    await other.isWhole();
    expect(sessions).toBe(2);
  });
});

test("writing a reserved property `forbidden_field`, and what else the write has is not made either", async () => {
  const scene = await ruled();
  const eve = await scene.welcomed({ auth: "eve" });
  eve.send(
    mutations(
      1,
      updating("tree", "score", one),
      creating("x", "score", one),
      creating("y", "a", one),
    ),
  );
  for (const n of [1, 2]) {
    expect(await refusalOf(eve, n)).toMatchObject({ code: "forbidden_field", property: "score" });
  }
  expect(await refusalOf(eve, 3)).toBeUndefined();
  await scene.isUnharmed({ y: { id: "y", a: 1 } }, AS_BOB);
});

test("hidden or absent object: the same `not_found`, to the letter", async () => {
  const scene = await ruled();
  const card = { id: "card:hidden", owner: "bob" };
  await scene.sync.create(card);
  const eve = await scene.welcomed({ auth: "eve" });
  const told: string[] = [];
  let n = 0;
  for (const id of ["card:hidden", "card:absent"]) {
    for (const content of [updating(id, "owner", asText("eve")), destroying(id)]) {
      eve.send(mutations(++n, content));
      const refusal = await refusalOf(eve, n);
      expect(refusal).toMatchObject({ code: "not_found" });
      told.push(JSON.stringify(refusal).replaceAll(id, "ID"));
    }
  }
  expect(new Set(told).size).toBe(1);
  eve.send(encodeFetch({ request: 1, ids: ["card:hidden", "card:absent"] as ObjectId[] }));
  expect((await answerTo(eve, 1)).missing).toEqual(["card:hidden", "card:absent"]);
  await scene.isUnharmed({ "card:hidden": card }, AS_BOB);
});

test("creating outside one's own id space: `forbidden` whether or not the id exists", async () => {
  const scene = await ruled();
  const note = { id: "note:ann:1", text: "mine" };
  await scene.sync.create(note);
  const eve = await scene.welcomed({ auth: "eve" });
  const ids = ["note:ann:1", "note:ann:2", "note:eve", "note:eve:1", "note:eve:1"];
  eve.send(mutations(1, ...ids.map((id) => creating(id, "text", asText("hers")))));
  const told = [];
  for (const n of [1, 2]) {
    const refusal = await refusalOf(eve, n);
    told.push(JSON.stringify(refusal).replaceAll(/note:ann:\d/g, "ID"));
    expect(refusal).toMatchObject({ code: "forbidden" });
  }
  expect(told[0]).toBe(told[1]);
  expect(await refusalOf(eve, 3)).toMatchObject({ code: "forbidden" }); // hers are "note:eve:..."
  expect(await refusalOf(eve, 4)).toBeUndefined();
  expect(await refusalOf(eve, 5)).toMatchObject({ code: "exists" });
  const hers = { id: "note:eve:1", text: "hers" };
  await scene.isUnharmed({ "note:ann:1": note, "note:eve:1": hers }, AS_BOB);
});

test.each<[what: string, epochOf: (epoch: string) => string, seq: number]>([
  ["the future", (epoch) => epoch, 1_000_000],
  ["the future of all", (epoch) => epoch, Number.MAX_SAFE_INTEGER],
  ["another epoch", () => "some other world", 1],
  ["an epoch of the same ledger", (epoch) => `${epoch}.2`, 1],
])("a cursor from %s: resync, and nothing more", async (_what, epochOf, seq) => {
  const scene = await HostileScene.open(stage);
  const first = await scene.welcomed();
  const [welcome] = first.messages;
  if (welcome?.kind !== "welcome") throw new Error("no welcome");
  const clientId = "time-traveller";
  const cursor = { epoch: epochOf(welcome.epoch), seq };
  const client = await scene.welcomed({ clientId, cursor });
  expect(client.messages[0]).toMatchObject({ kind: "welcome", isResumed: false, decided: 0 });
  const shown = client.messages.flatMap((one) => (one.kind === "delta" ? one.delta.changes : []));
  expect(shown).toMatchObject([{ kind: "create", id: "tree" }]);
  await scene.isUnharmed();
});

describe("what is subscribed to", () => {
  const many = (count: number): Topic[] =>
    Array.from({ length: count }, (_, i) => ({ id: i.toString(36) }));

  /** Asks for these, at first and later, and expects this code; then for the tree, which is shown. */
  async function isRefused(scene: HostileScene, topics: readonly Topic[], code: string) {
    const first = topics.slice(0, 20_000); // more does not fit into a hello
    const refused = scene.connect({ auth: "eve", topics: topicsToText(first) });
    expect(await codeOfEnd(refused)).toBe(code);
    const client = await scene.welcomed({ auth: "eve", topics: topicsToText([]) });
    client.send(encodeSubscribe(1, topics));
    expect((await answerTo(client, 1)).error).toMatchObject({ code });
    client.send(encodeSubscribe(2, [{ id: "tree" }]));
    expect((await answerTo(client, 2)).error).toBeUndefined();
    expect(client.isOver).toBe(false);
    await scene.isUnharmed({}, AS_BOB);
  }

  test("100,000 subscriptions `limit_exceeded`", async () => {
    await isRefused(await ruled(), many(100_000), "limit_exceeded");
  });

  test.each<[what: string, query: Record<string, unknown>]>([
    ["plainly", { secret: 1 }],
    ["by whether it is there", { secret: { $exists: true } }],
    ["in a branch", { $or: [{ height: 3 }, { $and: [{ secret: { $gt: 1 } }] }] }],
    ["by what it is not", { secret: { $not: { $startsWith: "x" } } }],
  ])("a filter on a hidden property `forbidden`: %s", async (_what, query) => {
    await isRefused(await ruled(), [{ query }], "forbidden");
  });

  const names = (count: number) => Array.from({ length: count }, (_, i) => [`p${i}`, 1] as const);
  let deep: Record<string, unknown> = { a: 1 };
  for (let i = 0; i < 5; i++) deep = { $and: [deep] };

  test.each<[what: string, query: Record<string, unknown>]>([
    ["33 conditions", Object.fromEntries(names(33))],
    ["33 conditions in branches", { $or: names(33).map(([name]) => ({ [name]: 1 })) }],
    ["33 branches that ask nothing", { $or: names(33).map(() => ({})) }],
    ["257 members", { a: { $in: names(257).map((_, i) => i) } }],
    ["16 KB of values", { a: "x".repeat(16_385) }],
    ["5 levels", deep],
    ["an operator that there is not", { a: { $where: "1" } }],
    ["an operand that is none", { a: { $gt: null } }],
  ])("a filter too costly `invalid_query`: %s", async (_what, query) => {
    await isRefused(await ruled(), [{ query }], "invalid_query");
  });
});

describe("a flood `rate_limited`, then goodbye", () => {
  const limits = {
    messagesPerSecondMax: 50,
    subscriptionsPerSecondMax: 20,
    fetchesInFlightMax: 500,
  };

  test.each<[what: string, say: (request: number) => Uint8Array]>([
    ["of fetches", (request) => encodeFetch({ request, ids: ["tree" as ObjectId] })],
    ["of subscriptions", (request) => encodeSubscribe(request, [{ namespace: `n${request}` }])],
  ])("%s, with a time after which to come back", async (_what, say) => {
    const scene = await HostileScene.open(stage, { limits }, { limits });
    const client = await scene.welcomed({ topics: topicsToText([]) });
    for (let i = 0; i < 500; i++) client.send(say(i));
    expect(await client.goodbye()).toBe("rate_limited");
    const goodbye = client.messages.find(({ kind }) => kind === "goodbye");
    if (goodbye?.kind !== "goodbye") throw new Error("no goodbye");
    expect(goodbye.reconnect).toBe(true);
    expect(goodbye.error.retryAfterMs).toBeGreaterThan(0);
    await client.until(() => client.isOver);
    await scene.isUnharmed();
  });
});

test("more fetches at once than are answered `limit_exceeded`: they count until then", async () => {
  let answer = (): void => undefined;
  const door = new Promise<void>((resolve) => (answer = resolve));
  let asked = 0;
  const fetch = async (): Promise<null> => {
    asked += 1;
    await door;
    return null;
  };
  const limits = { fetchesInFlightMax: 5 };
  const scene = await HostileScene.open(stage, { limits, handlers: { fetch } });
  const ask = (client: RawClient, request: number): void => {
    client.send(encodeFetch({ request, ids: [`id${request}` as ObjectId] }));
  };
  const client = await scene.welcomed();
  for (let request = 1; request <= 6; request++) ask(client, request);
  expect(await client.goodbye()).toBe("limit_exceeded");
  expect(asked).toBeLessThanOrEqual(5);
  answer();
  const other = await scene.welcomed();
  for (let round = 0; round < 3; round++) {
    for (let request = 1; request <= 5; request++) ask(other, 10 * round + request);
    for (let request = 1; request <= 5; request++) await answerTo(other, 10 * round + request);
  }
  await scene.isUnharmed();
});

test("never acknowledges: capped, as `limit_exceeded`", async () => {
  const limits = { mutationsInFlightMax: 10 };
  const scene = await HostileScene.open(stage, { limits });
  const client = await scene.welcomed();
  const created: Record<string, object> = {};
  for (let n = 1; n <= 20; n++) {
    client.send(mutations(n, creating(`x${n}`, "a", one)));
    expect(await refusalOf(client, n)).toBeUndefined();
    created[`x${n}`] = { id: `x${n}`, a: 1 };
  }
  client.send(mutations(21, creating("x21", "a", one)));
  expect(await client.goodbye()).toBe("limit_exceeded");
  const again = await scene.welcomed(); // and who says that it knows goes on
  again.send(settling(20, 21, creating("x21", "a", one)));
  expect(await refusalOf(again, 21)).toBeUndefined();
  await scene.isUnharmed({ ...created, x21: { id: "x21", a: 1 } });
});

test("forged acknowledgement: ignored", async () => {
  const scene = await HostileScene.open(stage);
  const client = await scene.welcomed();
  client.send(settling(1_000_000, 1, creating("x1", "a", one)));
  expect(await refusalOf(client, 1)).toBeUndefined();
  client.send(settling(1_000_000, 2, creating("x2", "a", one)));
  expect(await refusalOf(client, 2)).toBeUndefined();
  await scene.isUnharmed({ x1: { id: "x1", a: 1 }, x2: { id: "x2", a: 1 } });
});

describe("namespace flood: refused", () => {
  test("before a hello: the first is refused, and the next ends the connection", async () => {
    const scene = await HostileScene.open(stage);
    const knocker = await scene.knock();
    for (let i = 0; i < 10_000; i++) knocker.say(`0/n${i},`);
    expect(await knocker.refusal()).toMatchObject({ message: "Invalid namespace" });
    await knocker.isEnded();
    await scene.isUnharmed();
  });

  test.each([`0/other,`, `0/,{"version":1}`])("after it: %s is `unsupported`", async (text) => {
    const scene = await HostileScene.open(stage);
    const client = await scene.welcomed();
    for (let i = 0; i < 1_000; i++) client.sendText(text);
    expect(await client.goodbye()).toBe("unsupported");
    await client.until(() => client.isOver);
    await scene.isUnharmed();
  });
});

test("a connection that has answers pile up which it never reads is cut", async () => {
  const limits = { waitingBytesMax: 10_000 };
  const scene = await HostileScene.open(stage, { limits });
  const network = await stage.network(scene.port);
  const client = new RawClient(network.url);
  stage.afterwards(() => client.close());
  await client.isWhole();
  network.stopDelivering();
  let isCut = false;
  scene.sync.on("disconnect", () => (isCut = true));
  // ws answers each of these by itself.
  const { ws } = client.socket.io.engine.transport as unknown as {
    ws: { ping(data: Buffer): void };
  };
  await eventually(() => {
    for (let i = 0; i < 5_000; i++) ws.ping(Buffer.alloc(125));
    return isCut;
  });
  await scene.isUnharmed();
});

describe("expired token mid-session `token_expired`", () => {
  test("writes pause, are not dropped; a refreshed token continues", async () => {
    const expiring = ({ auth }: Credentials): unknown => {
      const { id, forMs } = auth as { id: string; forMs: number };
      return authenticated({ id }, { expiresAt: Date.now() + forMs });
    };
    const bob = { auth: { id: "bob", forMs: 60_000 } };
    const scene = await HostileScene.open(stage, { authenticate: expiring }, bob);
    const ann = await scene.welcomed({ auth: { id: "ann", forMs: 2_000 } });
    ann.send(mutations(1, creating("first", "a", one)));
    expect(await refusalOf(ann, 1)).toBeUndefined();
    expect(await ann.goodbye()).toBe("token_expired");
    expect(ann.messages.at(-1)).toMatchObject({ kind: "goodbye", reconnect: true });
    ann.send(mutations(2, creating("second", "a", one)));
    const dead = scene.connect({ auth: { id: "ann", forMs: -1 } });
    expect(await codeOfEnd(dead)).toBe("token_expired");
    expect(scene.sync.get("second")).toBeUndefined();

    const again = await scene.welcomed({ auth: { id: "ann", forMs: 60_000 } });
    expect(again.messages[0]).toMatchObject({ kind: "welcome", decided: 1 });
    again.send(mutations(2, creating("second", "a", one)));
    expect(await refusalOf(again, 2)).toBeUndefined();
    const both = { first: { id: "first", a: 1 }, second: { id: "second", a: 1 } };
    await scene.isUnharmed(both, bob);
  });
});

test("unsigned or wrong-audience token `unauthenticated`", async () => {
  const secret = "a secret of more than thirty-two bytes";
  const key = new TextEncoder().encode(secret);
  const claims = { sub: "ann", aud: "game", exp: Math.floor(Date.now() / 1_000) + 3_600 };
  const signed = (about: object): Promise<string> =>
    new SignJWT({ ...claims, ...about }).setProtectedHeader({ alg: "HS256" }).sign(key);
  const good = { auth: await signed({}) };
  const guarded = jwt({ secret, audience: "game" });
  const scene = await HostileScene.open(stage, { authenticate: guarded }, good);
  const bad = [
    new UnsecuredJWT(claims).encode(),
    await signed({ aud: "another game" }),
    await signed({ aud: undefined }),
    `${good.auth.slice(0, -4)}AAAA`,
    "no token",
    null,
  ];
  for (const auth of bad) {
    const client = scene.connect({ auth });
    expect(await codeOfEnd(client)).toBe("unauthenticated");
    expect(client.messages).toEqual([]);
  }
  await scene.isUnharmed({}, good);
});
