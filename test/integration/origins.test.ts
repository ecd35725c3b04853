import { request } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Server as SocketIoServer } from "socket.io";
import { PROTOCOL } from "../../lib/index.ts";
import { ObjectSyncServer, type ServerOptions, type SyncError } from "../../server/index.ts";
import { HELLO, RawClient } from "../support/raw-client.ts";
import { Stage } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** What the server answers to a request for a new connection, as a page of this origin makes it. */
function ask(
  port: number,
  transport: "websocket" | "polling",
  headers: Record<string, string>,
): Promise<Answer> {
  const path = `${PROTOCOL.defaultPath}/?EIO=4&transport=${transport}`;
  const upgrade = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  return new Promise((resolve, reject) => {
    const asked = request({
      host: "localhost",
      port,
      path,
      headers: { ...(transport === "websocket" && upgrade), ...headers },
    });
    asked.on("error", reject);
    asked.on("response", (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
    });
    asked.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
    });
    asked.end();
  });
}

async function serve(options: ServerOptions = {}) {
  const errors: string[] = [];
  const served = await stage.serve(options);
  served.sync.on("error", (error: SyncError) => errors.push(`${error.code} ${error.message}`));
  return { ...served, errors };
}

const OPENED = { websocket: 101, polling: 200 };

describe.each(["websocket", "polling"] as const)("a page that connects by %s", (transport) => {
  test("is let in if it is the server's own, or no page at all", async () => {
    const { port, errors } = await serve();
    const own = { Origin: `http://localhost:${String(port)}` };
    for (const headers of [own, {}]) {
      expect(await ask(port, transport, headers)).toMatchObject({ status: OPENED[transport] });
    }
    expect(errors).toEqual([]);
  });

  test("gets 403 of a foreign, `null` or look-alike Origin, and the server is told", async () => {
    const { port, errors } = await serve();
    const strange = [
      "https://evil.org",
      "null",
      `http://localhost:${String(port)}.evil.org`,
      `http://localhost.:${String(port)}`,
      `http://localhost:${String(port)}@evil.org`,
      `http://127.0.0.1:${String(port)}`,
    ];
    for (const Origin of [...strange, ...strange]) {
      expect(await ask(port, transport, { Origin })).toMatchObject({ status: 403 });
    }
    expect(errors).toEqual(
      strange.map((one) => `forbidden a page of ${one} may not connect: see the option origins`),
    );
  });

  test("is told of only so often, whatever origins are invented", async () => {
    const { port, errors } = await serve();
    for (let i = 0; i < 15; i++) await ask(port, transport, { Origin: `https://${String(i)}.org` });
    expect(errors).toHaveLength(10);
  });

  test("is let in if it is listed, and others are not", async () => {
    const { port } = await serve({ origins: ["https://app.example.com"] });
    const listed = await ask(port, transport, { Origin: "https://app.example.com" });
    expect(listed.status).toBe(OPENED[transport]);
    const others = ["https://example.com", `http://localhost:${String(port)}`, "null"];
    for (const Origin of others) {
      expect(await ask(port, transport, { Origin })).toMatchObject({ status: 403 });
    }
  });

  test("is let in from anywhere if the server says so", async () => {
    const { port } = await serve({ origins: "*" });
    for (const Origin of ["null", "https://evil.org"]) {
      expect(await ask(port, transport, { Origin })).toMatchObject({ status: OPENED[transport] });
    }
  });
});

test("pages of listed origins may poll with credentials; those of any, without", async () => {
  const Origin = "https://app.example.com";
  const listed = await serve({ origins: [Origin] });
  expect((await ask(listed.port, "polling", { Origin })).headers).toMatchObject({
    "access-control-allow-origin": Origin,
    "access-control-allow-credentials": "true",
  });
  const open = await serve({ origins: "*" });
  const { headers } = await ask(open.port, "polling", { Origin });
  expect(headers).toMatchObject({ "access-control-allow-origin": "*" });
  expect(headers).not.toHaveProperty("access-control-allow-credentials");
});

describe("in an application's own socket.io server", () => {
  test("pages of elsewhere are refused before their credentials are looked at", async () => {
    const { http, url } = await stage.http();
    const io = new SocketIoServer(http);
    let asked = 0;
    const authenticate = (): string => String(++asked);
    const sync = new ObjectSyncServer({ authenticate, origins: ["https://a.org"] }).attach(io);
    sync.on("error", () => undefined);
    stage.afterwards(() => sync.close());
    stage.afterwards(() => io.close());
    const connect = (Origin: string): RawClient => {
      const options = { path: "/socket.io", extraHeaders: { Origin }, parser: undefined };
      const client = new RawClient(url, HELLO, options);
      stage.afterwards(() => client.close());
      return client;
    };
    const strange = connect("https://evil.org");
    const error = await strange.until(() => strange.connectError);
    expect(error.data).toMatchObject({ code: "forbidden" });
    expect(asked).toBe(0);
    const listed = connect("https://a.org");
    await listed.until(() => listed.socket.connected || listed.messages.length > 0);
    expect(asked).toBe(1);
  });
});
