import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "@jest/globals";
import { ObjectSyncServer, readJson, SyncError, type ServerOptions } from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import { writeExample } from "../support/doc-example.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, urlOf } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

const JSON_TYPE = { "Content-Type": "application/json" };

/** A server that says at /echo what it was sent. */
async function serve(options: ServerOptions = {}) {
  const served = await stage.serve(options);
  const errors: string[] = [];
  served.sync.on("error", (error) => errors.push(`${error.code} ${error.message}`));
  served.sync.http("/echo", async (request, response) => {
    const body = await readJson(request, { bytesMax: 100, timeoutMs: 500, valuesMax: 80 });
    response.end(JSON.stringify(body));
  });
  return { ...served, errors };
}

function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = JSON_TYPE,
) {
  return fetch(url, { method: "POST", body, headers });
}

/** With headers that fetch would not send. */
function ask(url: string, method: string, headers: Record<string, string>) {
  return new Promise<{ status: number | undefined; headers: object }>((resolve, reject) => {
    const asked = request(url, { method, headers }, (response) => {
      response.resume();
      resolve({ status: response.statusCode, headers: response.headers });
    });
    asked.on("error", reject).end();
  });
}

test("what is put at a path answers there and below, on any HTTP server, until it is taken away", async () => {
  const { http, url } = await stage.http((_request, response) => response.end("the application"));
  const sync = new ObjectSyncServer();
  stage.afterwards(() => sync.close());
  const undo = sync.attach(http).http("/a", (_request, response) => response.end("a"));
  sync.http("/a/b", (_request, response) => response.end("b"));
  const said = async (path: string): Promise<string> => (await fetch(url + path)).text();
  expect(await Promise.all(["/a", "/a?x", "/a/", "/a/c", "/a/bc"].map(said))).toEqual(
    Array.from({ length: 5 }, () => "a"),
  );
  expect(await Promise.all(["/a/b", "/a/b?x=/", "/a/b/c"].map(said))).toEqual(["b", "b", "b"]);
  expect(await Promise.all(["/", "/ab", "/b?/a"].map(said))).toEqual(
    Array.from({ length: 3 }, () => "the application"),
  );
  undo();
  expect(await said("/a")).toBe("the application");
  expect(await said("/a/b")).toBe("b");
  await sync.close();
  expect(await said("/a/b")).toBe("the application");
});

test("a path that is none or taken, and a listener that is none, are refused", async () => {
  const { sync } = await serve();
  const listener = (): void => undefined;
  for (const path of ["", "/", "echo", "/a/", "/a b", "/a?b", "/echo", "/object-sync", 1]) {
    expect(() => sync.http(path as string, listener)).toThrow(/http\(\) takes/);
  }
  expect(() => sync.http("/free", undefined as never)).toThrow(SyncError);
});

test("only pages that may connect are answered, and a browser is told so", async () => {
  const own = await serve();
  expect(await ask(`${own.url}/echo`, "POST", { Origin: "https://evil.org" })).toMatchObject({
    status: 403,
  });
  expect(await ask(`${own.url}/echo`, "GET", { "Sec-Fetch-Site": "cross-site" })).toMatchObject({
    status: 403,
  });
  expect(await ask(`${own.url}/echo`, "POST", { ...JSON_TYPE, Origin: own.url })).toMatchObject({
    status: 400,
  });
  expect(own.errors).toHaveLength(2);
  const Origin = "https://app.example.com";
  const listed = await serve({ origins: [Origin] });
  const wanted = "content-type";
  expect(
    await ask(`${listed.url}/echo`, "OPTIONS", {
      Origin,
      "Access-Control-Request-Headers": wanted,
    }),
  ).toMatchObject({
    status: 204,
    headers: {
      "access-control-allow-origin": Origin,
      "access-control-allow-credentials": "true",
      "access-control-allow-headers": wanted,
    },
  });
  expect(await ask(`${listed.url}/echo`, "OPTIONS", { Origin: listed.url })).toMatchObject({
    status: 403,
  });
  const open = await serve({ origins: "*" });
  const { headers } = await ask(`${open.url}/echo`, "GET", { Origin });
  expect(headers).toMatchObject({ "access-control-allow-origin": "*" });
  expect(headers).not.toHaveProperty("access-control-allow-credentials");
});

test("a body is JSON that says so, of a size, and whole; or the answer tells what it is not", async () => {
  const { url, errors } = await serve();
  const echo = `${url}/echo`;
  const good = { a: 1, 'of [["s in a text,,,,,, there are none\\': [1, 2, 3, 4, 5, 6] };
  expect(await (await post(echo, JSON.stringify(good))).json()).toEqual(good);
  const bad: [string | Uint8Array<ArrayBuffer>, Record<string, string>, number, string][] = [
    ["{}", { "Content-Type": "text/plain" }, 415, "unsupported"],
    ["{}", { "Content-Type": "application/jsonp" }, 415, "unsupported"],
    ["{", JSON_TYPE, 400, "invalid_payload"],
    ["", JSON_TYPE, 400, "invalid_payload"],
    [new Uint8Array([0x22, 0xff, 0x22]), JSON_TYPE, 400, "invalid_payload"],
    [`"${"x".repeat(200)}"`, JSON_TYPE, 413, "too_large"],
    [`"${"x".repeat(200_000)}"`, JSON_TYPE, 413, "too_large"],
    [`[${",".repeat(80)}]`, JSON_TYPE, 413, "too_large"],
    ["[]".repeat(40) + "[", JSON_TYPE, 400, "invalid_payload"],
    ["[".repeat(65) + "]".repeat(30), JSON_TYPE, 400, "too_deep"],
  ];
  for (const [body, headers, status, code] of bad) {
    const answer = await post(echo, body, headers);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ status: "error", code, message: expect.any(String) });
  }
  expect(errors).toEqual([]);
});

test("a body of which the rest never comes is answered 408", async () => {
  const { port } = await serve();
  const socket = connect(port, "localhost");
  socket.write(
    "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
  );
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
});

test("what a listener throws is answered, and ends nothing: a SyncError as it is, the rest as a fault", async () => {
  const { sync, url, errors } = await serve();
  const failures: [() => unknown, number, string][] = [
    [() => Promise.reject(new SyncError("exists", "taken", { id: "a" })), 409, "exists"],
    [
      () => {
        throw new Error("secret");
      },
      500,
      "handler_failed",
    ],
    [
      () => Promise.reject(new SyncError("rate_limited", "slow", { retryAfterMs: 1 })),
      429,
      "rate_",
    ],
  ];
  for (const [i, [fail, status, code]] of failures.entries()) {
    sync.http(`/fail${String(i)}`, fail);
    const answer = await fetch(`${url}/fail${String(i)}`);
    expect(answer.status).toBe(status);
    const body = await answer.text();
    expect(body).toContain(`"code":"${code}`);
    expect(body).not.toContain("secret");
  }
  expect(errors).toEqual(["handler_failed what answers requests over HTTP failed"]);
  sync.http("/half", (_request, response) => {
    response.write("half");
    throw new Error("then it failed");
  });
  await expect(fetch(`${url}/half`).then((answer) => answer.text())).rejects.toThrow();
  expect((await post(`${url}/echo`, "1")).status).toBe(200);
});

test("of requests that come at once on one connection, each waits until the one before was answered", async () => {
  const { sync, port } = await stage.serve();
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  sync.http("/slow", ({ url = "" }, response) => {
    asked.push(url);
    answers.push(() => response.end(url));
  });
  const socket = connect(port, "localhost");
  stage.afterwards(() => socket.destroy());
  let heard = "";
  socket.on("data", (chunk) => (heard += String(chunk)));
  const get = (n: number): string => `GET /slow/${String(n)} HTTP/1.1\r\nHost: here\r\n\r\n`;
  socket.write([1, 2, 3].map(get).join(""));
  const other = fetch(`${urlOf(port)}/slow/other`);
  await eventually(() => asked.length === 2);
  expect([...asked].sort()).toEqual(["/slow/1", "/slow/other"]); // one of each connection
  answers[asked.indexOf("/slow/1")]?.();
  await eventually(() => asked.length === 3);
  expect([asked[2], heard.includes("/slow/1")]).toEqual(["/slow/2", true]);
  answers[asked.indexOf("/slow/other")]?.();
  expect(await (await other).text()).toBe("/slow/other");
  const isOver = new Promise((resolve) => socket.on("close", resolve));
  socket.destroy(); // and what it still waited for is not asked any more
  await isOver;
  expect((await post(`${urlOf(port)}/nothing`, "{}")).status).toBe(404);
  expect(asked).toHaveLength(3);
});

test("the example of a resource in docs/API.md runs", async () => {
  const folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  stage.afterwards(() => rmSync(folder, { recursive: true }));
  const file = writeExample("docs/API.md", "http.mjs", folder);
  const server = await ServerProcess.start(file, /localhost:(\d+)/);
  stage.afterwards(() => server.kill());
  const notes = `${urlOf(server.port)}/notes`;
  expect(await (await post(notes, `{"id":"note:1","text":"hello"}`)).json()).toEqual([
    { id: "note:1", text: "hello" },
  ]);
  expect((await post(notes, `{"id":"note:1"}`)).status).toBe(409);
});
