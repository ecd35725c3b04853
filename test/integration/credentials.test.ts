import { afterEach, describe, expect, test } from "@jest/globals";
import type { ObjectSync, ObjectSyncOptions } from "../../client/index.ts";
import {
  authenticated,
  SyncError,
  type Credentials,
  type ServerOptions,
} from "../../server/index.ts";
import { eventually } from "../support/eventually.ts";
import { Stage } from "../support/stage.ts";

const stage = new Stage();
afterEach(() => stage.clear());

/** Tokens that say who it is and until when: "ann until 1790000000000". */
function tokenOf(id: string, forMs: number): string {
  return `${id} until ${String(Date.now() + forMs)}`;
}

function authenticate({ auth }: Credentials): unknown {
  const [, id, expiresAt] = /^(\w+) until (\d+)$/.exec(String(auth)) ?? [];
  if (id === undefined) throw new SyncError("unauthenticated", "no token");
  return authenticated({ id }, { expiresAt: Number(expiresAt) });
}

const serve = (options: ServerOptions = {}) => stage.serve({ authenticate, ...options });

/** The reasons that a client's status events give, each time they give one. */
function reasonsOf(sync: ObjectSync): string[] {
  const reasons: string[] = [];
  sync.on("status", (status, reason) => {
    if (reason !== undefined) reasons.push(`${status} ${reason.code}`);
  });
  return reasons;
}

describe("credentials that expire", () => {
  test("a client whose token expires comes back at once with a new one, and nothing is lost or done twice", async () => {
    const { sync, url } = await serve();
    let asked = 0;
    const auth = (): string => tokenOf("ann", ++asked === 1 ? 300 : 60_000);
    const limits = { retryDelayMinMs: 100, retryDelayMaxMs: 60_000 };
    const client = await stage.join(url, { auth: auth, limits });
    const reasons = reasonsOf(client);
    const changes: string[] = [];
    sync.on("create", ({ id }) => changes.push(id));

    let n = 0;
    const written: Promise<unknown>[] = [];
    while (asked < 2 || !client.isConnected()) {
      written.push(client.create({ id: `tree:${String(n++)}` }));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(written);
    expect(reasons).toEqual(["connecting token_expired"]);
    expect(changes).toEqual(written.map((_, i) => `tree:${String(i)}`));
  });

  test("what is written between the expiry and the new token waits, and is sent in order", async () => {
    const { sync, url } = await serve();
    let give: (token: string) => void = () => undefined;
    let asked = 0;
    const auth = (): unknown =>
      ++asked === 1 ? tokenOf("ann", 150) : new Promise((resolve) => (give = resolve));
    const client = await stage.join(url, { auth, limits: { retryDelayMinMs: 1 } });
    await eventually(() => asked === 2);
    const first = client.create({ id: "tree" });
    const second = client.update({ id: "tree", height: 2 });
    expect(client.pending).toBe(2);
    expect(sync.get("tree")).toBeUndefined();
    give(tokenOf("ann", 60_000));
    await Promise.all([first, second]);
    expect(sync.get("tree")).toEqual({ id: "tree", height: 2 });
  });

  test("with a token that is dead the client stays offline with all it has, until it is given another", async () => {
    const { sync, url } = await serve();
    const attempts: unknown[] = [];
    sync.on("connect", ({ identity }) => attempts.push(identity));
    const client = await stage.join(url, { auth: tokenOf("ann", 200) });
    const reasons = reasonsOf(client);
    await eventually(() => client.status === "offline");
    const written = client.create({ id: "tree" });
    expect(reasons.at(-1)).toBe("offline token_expired");
    expect(reasons.length).toBeLessThanOrEqual(2); // it came back once, and was refused
    await expect(client.whenSynced()).rejects.toMatchObject({
      code: "token_expired",
      retryable: true,
    });
    client.setAuth(tokenOf("ann", 60_000));
    await written;
    expect(client.status).toBe("synced");
    expect(attempts).toEqual([{ id: "ann" }, { id: "ann" }]);
  });

  test("a function that gives a dead token again is asked less and less often", async () => {
    const { url } = await serve();
    const dead = tokenOf("ann", 100);
    let asked = 0;
    const auth = (): string => {
      asked += 1;
      return dead;
    };
    const limits = { retryDelayMinMs: 60_000, retryDelayMaxMs: 60_000 };
    const client = await stage.join(url, { auth, limits });
    const reasons = reasonsOf(client);
    await eventually(() => reasons.length > 0);
    expect(client.status).toBe("connecting");
    expect(asked).toBeLessThanOrEqual(2);
    client.setAuth(tokenOf("ann", 60_000)); // ends the wait
    await client.whenSynced();
  });

  test("other credentials are used at once while connected, and the view stays", async () => {
    const { sync, url } = await serve();
    await sync.create({ id: "tree" });
    const client = await stage.join(url, { auth: tokenOf("ann", 60_000) });
    const tree = client.get("tree");
    const gone: string[] = [];
    client.on("remove", (id) => gone.push(id));
    const { sessionId } = client;
    client.setAuth(() => Promise.resolve(tokenOf("ann", 90_000)));
    expect(client.status).toBe("connecting");
    await client.whenSynced();
    expect(client.sessionId).not.toBe(sessionId);
    expect(client.get("tree")).toBe(tree);
    expect(gone).toEqual([]);
  });

  test("other credentials connect nobody who is to be offline", async () => {
    const { url } = await serve();
    const options: ObjectSyncOptions = { auth: "none", autoConnect: false };
    const client = stage.client(url, options);
    client.setAuth(tokenOf("ann", 60_000));
    expect(client.status).toBe("offline");
    client.connect();
    await client.whenSynced();
    client.disconnect();
    client.setAuth(tokenOf("ann", 60_000));
    expect(client.status).toBe("offline");
  });

  test("a token for longer than a timer can wait is not taken for one that is over", async () => {
    const { url } = await serve();
    const client = await stage.join(url, { auth: tokenOf("ann", 40 * 24 * 3_600_000) });
    await client.create({ id: "tree" });
    await client.create({ id: "house" });
    expect(client.status).toBe("synced");
  });

  test("an expiry that is no time is the server's mistake, and tells the client nothing", async () => {
    const { sync, url } = await stage.serve({
      authenticate: () => authenticated("ann", { expiresAt: Number.NaN }),
    });
    const errors: SyncError[] = [];
    sync.on("error", (error) => errors.push(error));
    await expect(stage.client(url).whenSynced()).rejects.toMatchObject({
      code: "unauthenticated",
      message: "these credentials are not accepted",
    });
    expect(errors).toMatchObject([{ code: "handler_failed", cause: { name: "TypeError" } }]);
  });
});
