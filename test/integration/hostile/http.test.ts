import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { PROTOCOL } from "../../../lib/index.ts";
import { ObjectSyncServer } from "../../../server/index.ts";
import { Accounts } from "../../../server/plugins/accounts/index.ts";
import { persistenceSync } from "../../../server/plugins/persistence-sync/index.ts";
import { Plasmid } from "../../../server/plugins/plasmid/index.ts";
import { eventually } from "../../support/eventually.ts";
import { creating, mutations, one } from "../../support/hand-made.ts";
import { HostileScene } from "../../support/hostile-scene.ts";
import { HELLO } from "../../support/raw-client.ts";
import { Stage } from "../../support/stage.ts";

/*
 * Hostile input over HTTP, and the status that it gets. Each test is named after its row. That a foreign,
 * `null` or look-alike Origin gets 403, on a WebSocket as on polling, is in `origins`. Objects are taken by
 * HTTP by what an application puts at a path with `readJson`, and by the bridges. None of these has ETags: so
 * to a bridge every If-Match is stale (412).
 */

const stage = new Stage();
afterEach(() => stage.clear());

const PATH = `${PROTOCOL.defaultPath}/`;
const MIB = 1024 * 1024;
const POLLING = `${PATH}?EIO=4&transport=polling`;

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function ask(
  port: number,
  method: string,
  path: string,
  body = "",
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ host: "localhost", port, method, path, headers });
    asked.on("error", reject); // after an answer it is nobody's business
    asked.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
      });
    });
    asked.end(body);
  });
}

/** A session that polls, made by hand: the path of its requests. */
async function polling(port: number): Promise<string> {
  const { body } = await ask(port, "GET", POLLING);
  const { sid } = JSON.parse(body.slice(1)) as { sid: string };
  const path = `${POLLING}&sid=${sid}`;
  stage.afterwards(() => ask(port, "POST", path, "1")); // engine.io's goodbye, or it is waited for
  const hello = `40${PROTOCOL.defaultNamespace},${JSON.stringify(HELLO)}`;
  expect(await ask(port, "POST", path, hello)).toMatchObject({ status: 200 });
  const heard: string[] = [];
  while (!heard.some((packet) => packet.startsWith("b"))) {
    heard.push(...(await ask(port, "GET", path)).body.split("\u001e")); // the welcome is in base64
  }
  return path;
}

/** A create as its first write, as it is posted. */
const written = `b${Buffer.from(mutations(1, creating("posted", "a", one))).toString("base64")}`;
const POSTED = { posted: { id: "posted", a: 1 } };

/** Says this on a connection of its own, and gives all that it is answered until its end. */
async function say(port: number, text: string, then?: (socket: Socket) => void): Promise<string> {
  const socket = connect({ port, host: "localhost", allowHalfOpen: true });
  stage.afterwards(() => socket.destroy());
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => undefined); // its end is told by "end"
  await once(socket, "connect");
  socket.write(text);
  then?.(socket);
  await new Promise<void>((resolve) => {
    for (const end of ["end", "close"] as const) socket.once(end, () => resolve());
  });
  return Buffer.concat(chunks).toString("latin1");
}

const upgrading = (path: string, ...headers: readonly string[]): string =>
  [`GET ${path} HTTP/1.1`, "Host: localhost", "Connection: Upgrade", ...headers, "\r\n"].join(
    "\r\n",
  );

const WEB_SOCKET = [
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  `Sec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}`,
];

describe("cross-site mutation 403", () => {
  test.each<[what: string, headers: Record<string, string>]>([
    ["of another origin", { Origin: "https://evil.org" }],
    ["of no origin", { Origin: "null" }],
    ["of an origin that looks alike", { Origin: "http://localhost.evil.org" }],
    ["of a form", { "Sec-Fetch-Site": "cross-site" }],
  ])("a page %s posts to a session whose name it has found out", async (_what, headers) => {
    const scene = await HostileScene.open(stage);
    scene.sync.on("error", () => undefined);
    const path = await polling(scene.port);
    expect(await ask(scene.port, "POST", path, written, headers)).toMatchObject({ status: 403 });
    expect(await ask(scene.port, "GET", path, "", headers)).toMatchObject({ status: 403 });
    await scene.isUnharmed();
    // The session goes on with its own page's first write: there was none before.
    expect(await ask(scene.port, "POST", path, written)).toMatchObject({ status: 200 });
    await eventually(() => scene.sync.get("posted"));
    await scene.isUnharmed(POSTED);
  });

  test("a page of another origin makes a WebSocket of such a session", async () => {
    const scene = await HostileScene.open(stage);
    scene.sync.on("error", () => undefined);
    const path = (await polling(scene.port)).replace("polling", "websocket");
    const answer = await say(
      scene.port,
      upgrading(path, ...WEB_SOCKET, "Origin: https://evil.org"),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    await scene.isUnharmed();
  });
});

test("too large 413, and the session that it was posted to goes on", async () => {
  const scene = await HostileScene.open(stage);
  const path = await polling(scene.port);
  expect(await ask(scene.port, "POST", path, "b".repeat(2 * MIB))).toMatchObject({ status: 413 });
  await scene.isUnharmed();
  expect(await ask(scene.port, "POST", path, written)).toMatchObject({ status: 200 });
  await eventually(() => scene.sync.get("posted"));
  await scene.isUnharmed(POSTED);
});

test("a flood `rate_limited`, then goodbye: more packets at once than anybody may send end their session", async () => {
  const limits = { messagesPerSecondMax: 100 };
  const scene = await HostileScene.open(stage, { limits });
  const statusAfter = async (count: number): Promise<number> => {
    const path = await polling(scene.port);
    const pongs = Array.from({ length: count }, () => "3").join("\u001e");
    await ask(scene.port, "POST", path, pongs);
    return (await ask(scene.port, "POST", path, "3")).status;
  };
  expect(await statusAfter(200)).toBe(200);
  expect(await statusAfter(201)).toBe(400); // nobody has such a session any more
  await scene.isUnharmed();
});

describe("a write to a bridge", () => {
  const JSON_TYPE = { "Content-Type": "application/json" };
  const account = { Authorization: `Basic ${Buffer.from("test:secret123").toString("base64")}` };
  const rows: [path: string, headers: Record<string, string>, body: string][] = [
    ["/tasks", {}, '[{"id":"1"}]'],
    ["/v1/d/garden/update/", account, '{"last_revision":1,"data":{"task":{"1":1}}}'],
  ];

  async function bridges(): Promise<HostileScene> {
    const scene = await HostileScene.open(stage);
    const accounts = new Accounts({ cost: { N: 2, r: 1, p: 1 } });
    scene.sync.use(accounts.plugin).use(new Plasmid({ accounts }).plugin);
    scene.sync.use(persistenceSync({ resources: { "/tasks": { namespace: "task" } } }));
    await accounts.create("test", "secret123");
    await accounts.grant("test", "*", "*");
    return scene;
  }

  test.each(rows)("as a page's form can send it 415: %s", async (path, headers, body) => {
    const scene = await bridges();
    for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
      const all = { ...headers, "Content-Type": type };
      expect(await ask(scene.port, "POST", path, body, all)).toMatchObject({ status: 415 });
    }
    await scene.isUnharmed();
  });

  test.each(rows)("with a stale If-Match 412: %s", async (path, headers, body) => {
    const scene = await bridges();
    for (const condition of ['"1"', "*", 'W/"x", "y"']) {
      const all = { ...headers, ...JSON_TYPE, "If-Match": condition };
      expect(await ask(scene.port, "POST", path, body, all)).toMatchObject({ status: 412 });
    }
    await scene.isUnharmed();
    const taken = await ask(scene.port, "POST", path, body, { ...headers, ...JSON_TYPE });
    expect(taken).toMatchObject({ status: 200 });
  });
});

describe("slow request 408", () => {
  const limits = { requestTimeoutMs: 300 };

  test.each<[what: string, text: string]>([
    ["nothing", ""],
    ["half a header", "GET / HTTP/1.1\r\nHost: localh"],
  ])("of which %s comes; who polls meanwhile is patient and is not hurt", async (_what, text) => {
    const patient = { transports: ["polling"] } as const;
    const scene = await HostileScene.open(stage, { limits }, patient);
    expect(await say(scene.port, text)).toMatch(/^HTTP\/1\.1 408 /);
    await scene.isUnharmed();
  });

  test("of which the rest never comes, to a session that polls", async () => {
    const scene = await HostileScene.open(stage, { limits });
    const path = await polling(scene.port);
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nb`;
    expect(await say(scene.port, head)).toMatch(/^HTTP\/1\.1 408 /);
    await scene.isUnharmed();
  });
});

describe("a request to become something else that nobody is there for is answered and closed", () => {
  test.each<[what: string, request: string, status: number]>([
    ["on another path", upgrading("/elsewhere", ...WEB_SOCKET), 404],
    ["on no path", upgrading("*", ...WEB_SOCKET), 404],
    ["on the path without its slash", upgrading(PATH.slice(0, -1), ...WEB_SOCKET), 404],
    ["on a path that begins alike", upgrading(`${PATH.slice(0, -1)}s/`, ...WEB_SOCKET), 404],
    ["to another protocol", upgrading("/", "Upgrade: h2c"), 404],
    ["to another protocol, on our path", upgrading(POLLING, "Upgrade: h2c"), 400],
    ["without a transport", upgrading(PATH, ...WEB_SOCKET), 400],
    ["to a prototype's transport", upgrading(`${PATH}?transport=__proto__`, ...WEB_SOCKET), 400],
    [
      "to a session of a prototype's name",
      upgrading(`${PATH}?EIO=4&transport=websocket&sid=__proto__`, ...WEB_SOCKET),
      400,
    ],
    [
      "without a key",
      upgrading(
        `${PATH}?EIO=4&transport=websocket`,
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
      ),
      400,
    ],
    [
      "with a header that is none",
      upgrading(`${PATH}?EIO=4&transport=websocket`, ...WEB_SOCKET, "\u0001: \u0002"),
      400,
    ],
    [
      "by posting",
      upgrading(`${PATH}?EIO=4&transport=websocket`, ...WEB_SOCKET).replace("GET", "POST"),
      400,
    ],
  ])("%s", async (_what, text, status) => {
    const scene = await HostileScene.open(stage);
    expect(await say(scene.port, text)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    await scene.isUnharmed();
  });

  test("and who resets the connection instead of reading the answer harms nobody", async () => {
    const scene = await HostileScene.open(stage);
    for (let i = 0; i < 20; i++) {
      const path = i % 2 === 0 ? "/elsewhere" : `${PATH}?EIO=4&transport=websocket`;
      await say(scene.port, upgrading(path, ...WEB_SOCKET), (socket) => socket.resetAndDestroy());
    }
    await scene.isUnharmed();
  });
});

describe("on an application's own HTTP server", () => {
  test("what its own listener answers is left to that, however long it takes", async () => {
    const { http, url } = await stage.http();
    const sync = new ObjectSyncServer().attach(http);
    stage.afterwards(() => sync.close());
    const waiting: (() => void)[] = [];
    http.on("upgrade", ({ url: path }, socket) => {
      if (path !== "/chat") return;
      socket.on("error", () => undefined);
      waiting.push(() => socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\nhello"));
    });
    const port = Number(new URL(url).port);
    const answer = say(port, upgrading("/chat", ...WEB_SOCKET));
    await eventually(() => waiting.length === 1);
    const client = await stage.join(url);
    await client.create({ id: "tree" });
    waiting[0]?.();
    expect(await answer).toMatch(/hello$/);
  });

  test("what nobody answers is 404 as well, also when the server has left", async () => {
    const { http, url } = await stage.http();
    const sync = new ObjectSyncServer().attach(http);
    stage.afterwards(() => sync.close());
    const port = Number(new URL(url).port);
    const refused = /^HTTP\/1\.1 404 /;
    expect(await say(port, upgrading("/elsewhere", ...WEB_SOCKET))).toMatch(refused);
    await sync.close();
    expect(await say(port, upgrading("/elsewhere", ...WEB_SOCKET))).toMatch(refused);
    const next = new ObjectSyncServer().attach(http);
    stage.afterwards(() => next.close());
    expect(await say(port, upgrading("/elsewhere", ...WEB_SOCKET))).toMatch(refused);
    await (await stage.join(url)).create({ id: "tree" });
  });
});

test.each<[what: string, text: string]>([
  ["no HTTP", "hello\r\n\r\n"],
  ["a header that never ends", `GET / HTTP/1.1\r\nA: ${"a".repeat(20_000)}`],
])("what is %s gets 4xx and is closed", async (_what, text) => {
  const scene = await HostileScene.open(stage);
  expect(await say(scene.port, text)).toMatch(/^HTTP\/1\.1 4\d\d /);
  await scene.isUnharmed();
});

test.each([
  `${PATH}../../package.json`,
  `${PATH}%2e%2e/package.json`,
  `${PATH}client.js/../../package.json`,
  `${PATH}constructor`,
])("there is nothing but the client at %s", async (path) => {
  const scene = await HostileScene.open(stage);
  const { status, body } = await ask(scene.port, "GET", path);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(body).not.toContain("devDependencies");
  await scene.isUnharmed();
});
