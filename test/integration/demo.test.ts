import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { ObjectSync, SyncError, Topic } from "../../client/index.ts";
import type { Pass } from "../../demo/pass.ts";
import { PROTOCOL, type ObjectId } from "../../lib/index.ts";
import { encodeFetch, encodeSubscribe, topicsToText } from "../../lib/messages.ts";
import { eventually } from "../support/eventually.ts";
import { HELLO, RawClient } from "../support/raw-client.ts";
import { ServerProcess } from "../support/server-process.ts";
import { next, Stage, urlOf } from "../support/stage.ts";

/** What the README says of `npm start`, without a browser: its server, in a folder of its own. */

const TELLS_PORT = /http:\/\/localhost:(\d+)/;
/** In the world, and far enough from each other. */
const HERE = { x: 300, y: 300 };
const FAR = { x: 2100, y: 1300 };

const stage = new Stage();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
});

afterEach(async () => {
  await stage.clear();
  rmSync(folder, { recursive: true });
});

async function start(port = 0, env: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await ServerProcess.start("demo/server.ts", TELLS_PORT, port, env, folder);
  stage.afterwards(() => server.kill());
  return server;
}

async function passFor(url: string): Promise<Pass> {
  return (await (await fetch(`${url}/pass`)).json()) as Pass;
}

interface Player {
  readonly sync: ObjectSync;
  readonly pass: Pass;
}

/** Somebody who plays, with an avatar; its page is one that we do not have. */
async function enter(url: string, at: { x: number; y: number }, more = {}): Promise<Player> {
  const pass = await passFor(url);
  const sync = await stage.join(url, { auth: pass });
  await sync.create({ id: pass.id, ...at, ...more });
  return { sync, pass };
}

/** A client that asks by hand, and keeps every byte that it is sent. */
class Spy {
  readonly client: RawClient;
  #bytes = "";

  constructor(url: string, pass: Pass | null, asked: readonly Topic[]) {
    const clientId = `a-spy-${String(Math.random()).slice(2, 12)}`;
    this.client = new RawClient(url, {
      ...HELLO,
      clientId,
      auth: pass,
      topics: topicsToText(asked),
    });
    this.client.socket.on(PROTOCOL.event, (data: ArrayBuffer) => {
      this.#bytes += Buffer.from(data).toString("latin1");
    });
    stage.afterwards(() => this.client.close());
  }

  heard(ascii: string): boolean {
    return this.#bytes.includes(ascii);
  }

  /** What it is told that it cannot have, and why. */
  async ask(request: number, message: Uint8Array): Promise<{ missing: readonly string[] }> {
    this.client.send(message);
    return this.client.until(() =>
      this.client.messages.find((one) => one.kind === "fetched" && one.request === request),
    ) as Promise<{ missing: readonly string[] }>;
  }
}

/** What a write was refused with. */
async function refusal(write: Promise<unknown>): Promise<string> {
  return write.then(
    () => "accepted",
    (error: unknown) => (error as SyncError).code,
  );
}

test("the meadow is kept in arena.db in the working folder; players are not", async () => {
  const first = await start();
  const { sync, pass } = await enter(urlOf(first.port), HERE);
  const spectator = await stage.join(urlOf(first.port));
  const size = spectator.allObjects().size;
  expect(size).toBeGreaterThan(300);
  await sync.create({ id: "flower:mine", ...HERE });
  await eventually(() => spectator.get("flower:mine"));
  const away = next(spectator, "disconnect");
  expect(await first.stop()).toBe(0);
  await away;
  expect(readdirSync(folder)).toContain("arena.db");

  await start(first.port);
  await next(spectator, "synced");
  expect(spectator.get("flower:mine")).toBeDefined();
  expect(spectator.get(pass.id)).toBeUndefined();
  expect(spectator.allObjects().size).toBe(size);
});

test("WORLD names another file, and a player goes when it leaves", async () => {
  const { port } = await start(0, { WORLD: join(folder, "other.db") });
  expect(readdirSync(folder)).toContain("other.db");
  expect(readdirSync(folder)).not.toContain("arena.db");
  const ann = await enter(urlOf(port), HERE);
  const bob = await enter(urlOf(port), HERE);
  await eventually(() => bob.sync.get(ann.pass.id) !== undefined);
  await eventually(() => bob.sync.get("census:players")?.["players"] === 2);
  await ann.sync.close();
  await eventually(() => bob.sync.get(ann.pass.id) === undefined);
  await eventually(() => bob.sync.get("census:players")?.["players"] === 1);
});

test("a second server that finds the port taken leaves the first one its world", async () => {
  const first = await start();
  const { sync } = await enter(urlOf(first.port), HERE);
  await expect(start(first.port)).rejects.toThrow("is taken");
  await sync.create({ id: "flower:after", ...HERE });
});

describe("in an arena where others are as well", () => {
  let home: string;
  let server: ServerProcess;
  let url: string;
  /** Another one in each test. */
  let whisperId: string;
  let tests = 0;

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), "object-sync-"));
    server = await ServerProcess.start("demo/server.ts", TELLS_PORT, 0, {}, home);
    url = urlOf(server.port);
  });

  beforeEach(() => {
    whisperId = `whisper:${++tests}`;
  });

  afterAll(async () => {
    await server.kill();
    rmSync(home, { recursive: true });
  });

  describe("fog", () => {
    test("a player is shown what is around its avatar, and a spectator everything", async () => {
      const spectator = await stage.join(url);
      const ann = await enter(url, HERE);
      const bob = await enter(url, FAR, { name: "a canary" });
      await eventually(() => spectator.get(bob.pass.id));
      const all = [...spectator.allObjects().values()].filter(({ x }) => x !== undefined);
      const away = ({ x, y }: Readonly<Record<string, unknown>>): number =>
        Math.hypot(Number(x) - HERE.x, Number(y) - HERE.y);
      const seen = [...ann.sync.allObjects().values()].filter(({ x }) => x !== undefined);
      // All that is clear on the page, and nothing beyond the corners of what the server sends.
      expect(seen.length).toBeGreaterThanOrEqual(all.filter((one) => away(one) < 470).length);
      expect(Math.max(...seen.map(away))).toBeLessThan(1_000);
      expect(seen.length).toBeLessThan(all.length / 2);
      expect(ann.sync.get(bob.pass.id)).toBeUndefined();
      await bob.sync.update({ id: bob.pass.id, x: HERE.x + 100, y: HERE.y });
      await eventually(() => ann.sync.get(bob.pass.id)?.["name"] === "a canary");
      await bob.sync.update({ id: bob.pass.id, ...FAR });
      await eventually(() => ann.sync.get(bob.pass.id) === undefined);
    });

    test("who has a pass and no avatar is shown nothing but how many there are", async () => {
      await enter(url, HERE);
      const lurker = await stage.join(url, { auth: await passFor(url) });
      expect([...lurker.allObjects().keys()]).toEqual(["census:players"]);
    });
  });

  describe("a raw socket that asks for what it may not have", () => {
    const fetching = (request: number, ids: readonly string[]): Uint8Array =>
      encodeFetch({ request, ids: ids as readonly ObjectId[] });

    test.each([
      ["a player", true],
      ["a spectator", false],
    ])("is not sent a byte of a whisper, as %s", async (_who, isPlayer) => {
      const ann = await enter(url, HERE);
      const bob = await enter(url, HERE);
      const pass = isPlayer ? (await enter(url, HERE, { name: "by-stander" })).pass : null;
      const wanted = [{ namespace: "whisper" }, { id: whisperId }, { query: { text: "a-canary" } }];
      const spy = new Spy(url, pass, wanted);
      await spy.client.until(() => spy.heard(ann.pass.id));

      const whisper = { id: whisperId, from: ann.pass.id, to: bob.pass.id, text: "a-canary" };
      await ann.sync.create(whisper);
      await eventually(() => bob.sync.get(whisperId)?.["text"] === "a-canary");
      expect(await spy.ask(1, encodeSubscribe(1, wanted))).toMatchObject({
        error: { code: "forbidden" },
      });
      const ids = [whisperId, "whisper:never"];
      expect((await spy.ask(2, fetching(2, ids))).missing).toEqual(ids);
      await ann.sync.destroy(whisperId);
      // What comes next is the proof that nothing came before.
      await ann.sync.update({ id: ann.pass.id, name: "a-new-name" });
      await spy.client.until(() => spy.heard("a-new-name"));
      for (const secret of ["a-canary", ann.pass.secret, bob.pass.secret]) {
        expect(spy.heard(secret)).toBe(false);
      }
    });

    test("is not sent a byte of what is out of sight", async () => {
      const bob = await enter(url, FAR, { name: "a-far-name", say: { text: "a-word", n: 1 } });
      const ann = await enter(url, HERE);
      const spectator = await stage.join(url);
      const wanted = [{ namespace: "player" }, { channel: "cell:23:14" }, { id: bob.pass.id }];
      const spy = new Spy(url, ann.pass, wanted);
      await spy.client.until(() => spy.heard(ann.pass.id));

      expect(await spy.ask(1, encodeSubscribe(1, wanted))).toMatchObject({
        error: { code: "forbidden" },
      });
      const far = [...spectator.allObjects().values()].filter(({ x }) => Number(x) > 1_500);
      expect(far.length).toBeGreaterThan(50);
      const ids = far.map(({ id }) => id);
      expect((await spy.ask(2, fetching(2, ids))).missing).toEqual(ids);
      await bob.sync.update({ id: bob.pass.id, say: { text: "a-second-word", n: 2 } });
      await ann.sync.update({ id: ann.pass.id, name: "a-new-name" });
      await spy.client.until(() => spy.heard("a-new-name"));
      for (const secret of ["a-far-name", "a-word", "a-second-word"]) {
        expect(spy.heard(secret)).toBe(false);
      }
    });

    test("is shown nothing of a thing out of sight that it pushes", async () => {
      const { sync } = await enter(url, HERE);
      const spectator = await stage.join(url);
      const id = [...spectator.allObjects().values()].find(
        (object) => object.id.startsWith("crate:") && Number(object["x"]) > 1_500,
      )?.id;
      await sync.update({ id: String(id), x: 1_999 });
      await eventually(() => spectator.get(String(id))?.["x"] === 1_999);
      expect(sync.get(String(id))).toBeUndefined();
    });

    test("is refused whatever would change somebody else's", async () => {
      const ann = await enter(url, HERE);
      const bob = await enter(url, HERE);
      const spectator = await stage.join(url);
      await ann.sync.create({
        id: whisperId,
        from: ann.pass.id,
        to: bob.pass.id,
        text: "for bob",
      });
      await eventually(() => bob.sync.get(whisperId));
      const { sync } = await enter(url, HERE);
      await eventually(() => sync.get(bob.pass.id));
      const crate = [...spectator.allObjects().keys()].find((id) => id.startsWith("crate:")) ?? "";
      const refusals = [
        sync.update({ id: bob.pass.id, x: 1 }),
        sync.update({ id: bob.pass.id, name: "not bob" }),
        sync.destroy(bob.pass.id),
        sync.create({ id: "player:of-my-own", ...HERE }),
        sync.create({ id: "whisper:forged", from: ann.pass.id, to: bob.pass.id, text: "forged" }),
        sync.update({ id: "census:players", players: 99 }),
        sync.create({ id: "treasure:1" }),
        sync.update({ id: crate, look: 5 }),
        sync.update({ id: crate, x: undefined }),
        sync.update({ id: "tree:1", x: 1 }),
      ].map(refusal);
      expect(new Set(await Promise.all(refusals))).toEqual(new Set(["forbidden"]));
      // Hidden and absent look alike.
      for (const id of [whisperId, "whisper:never"]) {
        expect(await refusal(sync.update({ id, text: "mine" }))).toBe("not_found");
        expect(await refusal(sync.destroy(id))).toBe("not_found");
      }
      const taken = { id: whisperId, from: ann.pass.id, to: bob.pass.id };
      expect(await refusal(sync.create(taken))).toBe("forbidden");
      expect(await refusal(bob.sync.destroy(whisperId))).toBe("forbidden");
      expect(await refusal(bob.sync.update({ id: whisperId, text: "other" }))).toBe("forbidden");
      expect(bob.sync.get(whisperId)).toMatchObject({ text: "for bob" });
      expect(spectator.get(bob.pass.id)).toEqual({ id: bob.pass.id, ...HERE });
    });

    test("is refused every write as a spectator, and is no player without the secret", async () => {
      const ann = await enter(url, HERE);
      const spectator = await stage.join(url);
      await eventually(() => spectator.get(ann.pass.id));
      const crate = [...spectator.allObjects().keys()].find((id) => id.startsWith("crate:")) ?? "";
      const refusals = [
        spectator.create({ id: "flower:1000", ...HERE }),
        spectator.create({ id: "player:1000", ...HERE }),
        spectator.create({ id: "whisper:1000", to: ann.pass.id, text: "boo" }),
        spectator.create({ ...HERE }),
        spectator.update({ id: crate, x: 1 }),
        spectator.update({ id: ann.pass.id, x: 1 }),
        spectator.destroy(crate),
        spectator.destroy(ann.pass.id),
      ].map(refusal);
      expect(new Set(await Promise.all(refusals))).toEqual(new Set(["forbidden"]));

      const { id } = ann.pass;
      const secret = "x".repeat(ann.pass.secret.length);
      const forger = await stage.join(url, { auth: { id, secret } });
      expect(await refusal(forger.update({ id, x: 1 }))).toBe("forbidden");
      for (const auth of [{ id }, { id, secret: "short" }, { id, secret: [ann.pass.secret] }, 7]) {
        const nobody = stage.client(url, { auth });
        await expect(nobody.whenSynced()).rejects.toMatchObject({ code: "unauthenticated" });
      }
    });
  });

  describe("a whisper", () => {
    test("reaches its two wherever they are, and nobody whispers to who is not there", async () => {
      const ann = await enter(url, HERE);
      const bob = await enter(url, FAR);
      const [from, to] = [ann.pass.id, bob.pass.id];
      await ann.sync.create({ id: whisperId, from, to, text: "hello" });
      await eventually(() => bob.sync.get(whisperId)?.["text"] === "hello");
      const lost = ann.sync.create({
        id: "whisper:lost",
        from,
        to: "player:nobody",
        text: "hello",
      });
      expect(await refusal(lost)).toBe("forbidden");
      await ann.sync.close();
      await eventually(() => bob.sync.get(whisperId) === undefined);
    });
  });
});
