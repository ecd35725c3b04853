import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import type { ObjectSync, SyncObject } from "../../client/index.ts";
import { plaza } from "../../demo/terrain.ts";
import { launchBrowser } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, urlOf } from "../support/stage.ts";

/** The demo as `npm start` runs it, in a process of its own, with people before two browsers. */

// Pages draw without a graphics card, beside all other tests: only what never comes is to fail.
jest.setTimeout(180_000);

const TELLS_PORT = /http:\/\/localhost:(\d+)/;

const stage = new Stage();
let browser: Browser;
let folder: string;
let server: ServerProcess;
/** Sees the whole arena, as any spectator does. */
let spectator: ObjectSync;
let ann: Page;
let bob: Page;

beforeAll(async () => {
  browser = await launchBrowser();
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  server = await open();
  [ann, bob] = await Promise.all([visit(), visit()]);
  spectator = await stage.join(urlOf(server.port));
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await stage.clear();
  await server.kill();
  rmSync(folder, { recursive: true });
});

afterAll(() => browser.close());

function open(port = 0): Promise<ServerProcess> {
  const WORLD = join(folder, "arena.db");
  return ServerProcess.start("demo/server.ts", TELLS_PORT, port, { WORLD });
}

/** Opens the arena, and waits until the visitor's own avatar stands in it. */
async function visit(): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 480, height: 320 } });
  const page = await context.newPage();
  await page.goto(urlOf(server.port));
  await isHere(page);
  return page;
}

/** Opens the page for spectators by the link that players have. */
async function watch(player: Page): Promise<Page> {
  const opened = player.context().waitForEvent("page");
  await player.locator("#watch").click();
  const page = await opened;
  await until(page, "window.arena?.sync.status === 'synced'");
  return page;
}

/** Far above what anything here takes, and below what a test may: so that it says what never came. */
const PATIENCE_MS = 80_000;

/** Waits until a condition holds in the page, whose policy forbids the eval of `waitForFunction`. */
async function until(page: Page, condition: string): Promise<void> {
  const holds = await page.evaluate<boolean>(`new Promise((resolve) => {
    const endsAt = performance.now() + ${PATIENCE_MS};
    const look = () => {
      if (${condition}) resolve(true);
      else if (performance.now() > endsAt) resolve(false);
      else setTimeout(look, 20);
    };
    look();
  })`);
  if (!holds) throw new Error(`this never came, in ${page.url()}: ${condition}`);
}

/** Waits until the visitor's avatar is in the arena, and what is around it in the page. */
async function isHere(page: Page): Promise<void> {
  await until(page, "window.arena?.sync.status === 'synced' && arena.sync.get(arena.me.id)");
  await until(page, "arena.sync.pending === 0 && arena.sync.allObjects().size > 50");
}

async function idOf(page: Page): Promise<string> {
  return page.evaluate<string>("arena.me.id");
}

/** Waits until this page sees the player of that one. */
async function sees(page: Page, other: Page): Promise<void> {
  await until(page, `arena.sync.get(${JSON.stringify(await idOf(other))})`);
}

/** Waits until a player stands still, in the other one's page where in her own. */
async function standsWhere(player: Page, other: Page): Promise<void> {
  const id = JSON.stringify(await idOf(player));
  const own = "Math.round(arena.me.x) + ' ' + Math.round(arena.me.y)";
  const seen = `(({ x, y }) => x + ' ' + y)(arena.sync.get(${id}))`;
  await eventually(async () => (await player.evaluate(own)) === (await other.evaluate(seen)));
}

/** Waits until nothing is on its way, and what each page has is as it is. */
async function agree(): Promise<void> {
  const isQuiet = "arena.sync.status === 'synced' && arena.sync.pending === 0";
  await eventually(async () => {
    await Promise.all([ann, bob].map((page) => until(page, isQuiet)));
    const views = await Promise.all(
      [ann, bob].map((page) =>
        page.evaluate<SyncObject[]>("[...arena.sync.allObjects().values()]"),
      ),
    );
    return views.flat().every((object) => isDeepStrictEqual(object, spectator.get(object.id)));
  });
}

/**
 * Has a player at `x` walk by the keyboard until a page shows something: away from the fountain, around which
 * players appear, for it stops whoever walks into it.
 */
async function walk(player: Page, x: number, arrival: readonly [Page, string]): Promise<void> {
  const key = x < plaza.x ? "ArrowLeft" : "ArrowRight";
  await player.keyboard.down(key);
  await until(...arrival);
  await player.keyboard.up(key);
}

/** Ids of things of a kind that both see, wherever each of them has appeared. */
async function between(kind: string, count: number): Promise<string[]> {
  const ids = await ann.evaluate<string[]>(
    `arena.things.list.filter(({ kind, x, y }) => kind === ${JSON.stringify(kind)} &&
       Math.hypot(x - 1000, y - 770) < 300).map(({ id }) => id)`,
  );
  expect(ids.length).toBeGreaterThanOrEqual(count);
  return ids.slice(0, count);
}

test("two pages see each other walk, and a player who leaves is gone", async () => {
  await Promise.all([sees(ann, bob), sees(bob, ann)]);
  const id = JSON.stringify(await idOf(ann));
  const x = await bob.evaluate<number>(`arena.sync.get(${id}).x`);
  await walk(ann, x, [bob, `Math.abs(arena.sync.get(${id}).x - ${x}) > 40`]);
  const bobId = JSON.stringify(await idOf(bob));
  const y = await ann.evaluate<number>(`arena.sync.get(${bobId}).y`);
  // Away from the fountain as well.
  const target = `arena.me.x, arena.me.y + ${y < plaza.y ? -60 : 60}`;
  await bob.evaluate(`arena.me.walkTo(${target})`); // as by a click
  await until(ann, `Math.abs(arena.sync.get(${bobId}).y - ${y}) > 40`);
  await standsWhere(ann, bob);
  expect(await bob.locator("#players").textContent()).toBe("2");

  await ann.close();
  await until(bob, `arena.sync.get(${id}) === undefined`);
  await until(bob, "document.querySelector('#players').textContent === '1'");
});

test("who is out of sight is not received, and is again when they come near", async () => {
  await Promise.all([sees(ann, bob), sees(bob, ann)]);
  const id = JSON.stringify(await idOf(bob));
  await bob.evaluate(`arena.sync.save({ id: ${id}, x: 2100, y: 1300, name: "Far Away" })`);
  await until(ann, `arena.sync.get(${id}) === undefined && arena.players.size === 0`);
  // He sees what is there, and not her.
  await until(bob, `arena.sync.get(${JSON.stringify(await idOf(ann))}) === undefined`);
  expect(await ann.evaluate("JSON.stringify([...arena.sync.allObjects()])")).not.toContain("Far A");
  expect(spectator.get(await idOf(bob))).toMatchObject({ name: "Far Away" });
  // That there is somebody is no secret.
  await until(ann, "document.querySelector('#players').textContent === '2'");

  await bob.evaluate(`arena.sync.save({ id: ${id}, x: 1100, y: 800 })`);
  await until(ann, `[...arena.players].some(({ name }) => name === "Far Away")`);
  await sees(bob, ann);
});

test("a whisper is shown to two, and to nobody else", async () => {
  const eve = await visit();
  await Promise.all([sees(ann, bob), sees(ann, eve), sees(eve, bob)]);
  await bob.evaluate("arena.sync.save({ id: arena.me.id, name: 'Bob Be' })");
  await until(ann, "[...arena.players].some(({ name }) => name === 'Bob Be')");
  await ann.locator("#say").fill("/w bob be the treasure is under the bridge");
  await ann.locator("#say").press("Enter");
  await until(ann, "document.querySelector('#whispers').textContent.includes('You to Bob Be')");
  await until(bob, "document.querySelector('#whispers').textContent.includes('to you')");
  const heard = `[...arena.players].map(({ bubble }) => bubble?.said.text + bubble?.aside).join()`;
  expect(await bob.evaluate(heard)).toContain("the treasure is under the bridgeto you alone");

  await bob.locator("#whispers button").click(); // answers
  await bob.locator("#say").fill("I know");
  await bob.locator("#say").press("Enter");
  await until(ann, "document.querySelector('#whispers').textContent.includes('I know')");
  await ann.evaluate("arena.sync.save({ id: arena.me.id, name: 'Ann An' })");
  await until(eve, "[...arena.players].some(({ name }) => name === 'Ann An')");
  const all = "JSON.stringify([...arena.sync.allObjects()])";
  expect(await bob.evaluate(all)).toContain("the treasure");
  expect(await eve.evaluate(all)).not.toMatch(/whisper|treasure|I know/);
  expect(JSON.stringify([...spectator.allObjects()])).not.toMatch(/whisper|treasure|I know/);
  expect(await eve.locator("#whispers").textContent()).toBe("");

  // By a click on somebody.
  const { x, y } = await eve.evaluate<{ x: number; y: number }>(
    "({ x: arena.me.x, y: arena.me.y })",
  );
  const beside = Math.round(x) + 60;
  await bob.evaluate(`arena.sync.save({ id: arena.me.id, x: ${beside}, y: ${Math.round(y)} })`);
  await ann.evaluate("arena.sync.save({ id: arena.me.id, x: 1000, y: 600 })"); // out of the way
  await until(eve, "[...arena.players].some(({ y }) => y < 601)");
  await until(eve, `[...arena.players].some((player) => Math.abs(player.x - ${beside}) < 1)`);
  await eve.mouse.click(240 + 60 * 0.82, 160 - 20); // the camera follows her, at the zoom of small windows
  await until(eve, "document.querySelector('#to').textContent.includes('Bob Be')");
  await eve.keyboard.press("Escape");
  expect(await eve.locator("#to").isVisible()).toBe(false);

  // Never aloud what was meant for one.
  await eve.locator("#say").fill("/w nobody of that name");
  await eve.locator("#say").press("Enter");
  expect(await eve.evaluate("arena.sync.get(arena.me.id).say")).toBeUndefined();
  expect(await eve.locator("#say").inputValue()).toBe("/w nobody of that name");
});

test("a spectator sees the whole arena, and has nothing to touch it with", async () => {
  const page = await watch(ann);
  await until(page, `arena.players.size === 2`);
  expect(await page.evaluate("arena.things.list.length")).toBeGreaterThan(300);
  expect(await page.evaluate("arena.me")).toBeUndefined();
  for (const name of ["#tools", "#chat", "#profile-button", "#offline", "#map"]) {
    expect(await page.locator(name).isVisible()).toBe(false);
  }
  const refused = `(write) => write.then(() => "accepted", ({ code }) => code)`;
  const writes = `[
    arena.sync.create({ id: "flower:not-mine", x: 700, y: 500 }),
    arena.sync.save({ id: arena.things.list.find(({ kind }) => kind === "ball").id, x: 1 }),
    arena.sync.destroy("tree:1"),
    ...[...arena.players].map(({ id }) => arena.sync.save({ id, x: 1 })),
  ]`;
  const codes = await page.evaluate(`Promise.all(${writes}.map(${refused}))`);
  expect(codes).toEqual(Array.from({ length: 5 }, () => "forbidden"));
  await until(ann, "document.querySelector('#players').textContent === '2'");

  await page.locator("#watching a").click();
  await isHere(page);
  await until(ann, "document.querySelector('#players').textContent === '3'");
});

test("the offline switch loses nothing", async () => {
  await Promise.all([sees(ann, bob), sees(bob, ann)]);
  const id = JSON.stringify(await idOf(ann));
  const [crate, doomed] = (await between("crate", 2)) as [string, string];
  await ann.locator("#offline").setChecked(true, { force: true });
  await until(ann, "document.querySelector('#status').dataset.status === 'offline'");
  await until(bob, `arena.sync.get(${id}) === undefined`); // her avatar has gone with her
  await ann.evaluate(`
    for (const id of ["flower:of-the-test", "crate:of-the-test", "ball:of-the-test"]) {
      void arena.sync.create({ id, x: 1000, y: 900, look: 1, size: 1 });
    }
  `);
  await bob.evaluate(
    `arena.sync.save({ id: "${crate}", y: 640 }).then(() => arena.sync.destroy("${doomed}"))`,
  );
  const from = await ann.evaluate<number>("arena.me.x");
  await walk(ann, from, [ann, `Math.abs(arena.me.x - ${from}) > 40`]);
  await until(ann, "Number(document.querySelector('#pending').textContent) >= 3");
  expect(spectator.get("flower:of-the-test")).toBeUndefined();

  await ann.locator("#offline").setChecked(false, { force: true });
  await isHere(ann);
  await until(bob, `arena.sync.get('flower:of-the-test') && arena.sync.get(${id})`);
  await until(bob, `Math.abs(arena.sync.get(${id}).x - ${from}) > 40`); // where she has walked to
  await agree();
  for (const id of ["flower:of-the-test", "crate:of-the-test", "ball:of-the-test"]) {
    expect(spectator.get(id)).toBeDefined();
  }
  // What she did not see happen has happened in her page as well.
  expect(await ann.evaluate(`arena.things.get("${doomed}")`)).toBeUndefined();
  await until(ann, "document.querySelector('#status').dataset.status === 'connected'");
  await until(ann, "document.querySelector('#pending').textContent === '0'");
});

test("the server is killed and started again: the world is as it was, and the pages come back by themselves", async () => {
  await Promise.all([sees(ann, bob), sees(bob, ann)]);
  const size = spectator.allObjects().size;
  await ann.evaluate(
    "arena.sync.create({ id: 'flower:planted', x: 1000, y: 900, look: 1, size: 1 })",
  );
  await until(bob, "arena.sync.get('flower:planted')");
  const { port } = server;
  await server.kill();
  for (const page of [ann, bob]) {
    await until(page, "document.querySelector('#status').dataset.status === 'reconnecting'");
  }
  await bob.evaluate(
    "void arena.sync.create({ id: 'flower:meanwhile', x: 1020, y: 900, look: 1, size: 1 })",
  );

  server = await open(port);
  await Promise.all([isHere(ann), isHere(bob)]);
  await Promise.all([sees(ann, bob), sees(bob, ann)]);
  await until(ann, "arena.sync.get('flower:meanwhile') && arena.sync.get('flower:planted')");
  await eventually(() => spectator.allObjects().size === size + 2);
  await agree();
});
