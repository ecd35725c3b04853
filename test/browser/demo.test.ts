import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { ServerProcess } from "../support/server-process.ts";
import { urlOf } from "../support/stage.ts";

/** The demo as `npm start` runs it, in a process of its own, with people before two browsers. */

// Pages draw without a graphics card, beside all other tests: only what never comes is to fail.
jest.setTimeout(180_000);

const TELLS_PORT = /http:\/\/localhost:(\d+)/;

let browser: Browser;
let folder: string;
let server: ServerProcess;
let ann: Page;
let bob: Page;

beforeAll(async () => {
  browser = await launchBrowser();
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  server = await open();
  [ann, bob] = await Promise.all([visit(), visit()]);
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
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

/** Waits until a condition holds in the page, whose policy forbids the eval of `waitForFunction`. */
async function until(page: Page, condition: string): Promise<void> {
  await page.evaluate(`new Promise((resolve) => {
    const look = () => ((${condition}) ? resolve() : setTimeout(look, 20));
    look();
  })`);
}

async function isHere(page: Page): Promise<void> {
  await until(page, "arena.sync.status === 'synced' && arena.sync.get(arena.me.id)");
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

/** What a page has of all objects, as a text. */
async function world(page: Page): Promise<string> {
  return page.evaluate<string>(`JSON.stringify(
    [...arena.sync.allObjects().values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
  )`);
}

/** Waits until nothing is on its way and both pages have the same. */
async function agree(): Promise<string> {
  const isQuiet = "arena.sync.status === 'synced' && arena.sync.pending === 0";
  return eventually(async () => {
    await Promise.all([ann, bob].map((page) => until(page, isQuiet)));
    const [atAnn, atBob] = await Promise.all([ann, bob].map(world));
    return atAnn === atBob && atAnn;
  });
}

test("two pages see each other walk, and a player who leaves is gone", async () => {
  await Promise.all([sees(ann, bob), sees(bob, ann)]);
  const id = JSON.stringify(await idOf(ann));
  const before = await bob.evaluate<number>(`arena.sync.get(${id}).x`);
  await ann.keyboard.down("ArrowRight");
  await until(bob, `arena.sync.get(${id}).x > ${before + 40}`);
  await ann.keyboard.up("ArrowRight");
  const bobId = JSON.stringify(await idOf(bob));
  const at = await ann.evaluate<number>(`arena.sync.get(${bobId}).y`);
  await bob.evaluate("arena.me.walkTo(arena.me.x, arena.me.y + 60)"); // as by a click
  await until(ann, `arena.sync.get(${bobId}).y > ${at + 40}`);
  await standsWhere(ann, bob);
  expect(await bob.locator("#players").textContent()).toBe("2");

  await ann.close();
  await until(bob, `arena.sync.get(${id}) === undefined`);
  await until(bob, "document.querySelector('#players').textContent === '1'");
});

test("the offline switch loses nothing", async () => {
  await Promise.all([sees(ann, bob), sees(bob, ann)]);
  const id = JSON.stringify(await idOf(ann));
  await ann.locator("#offline").setChecked(true, { force: true });
  await until(ann, "document.querySelector('#status').dataset.status === 'offline'");
  await until(bob, `arena.sync.get(${id}) === undefined`); // her avatar has gone with her
  await ann.evaluate(`
    void arena.sync.create({ id: "flower:of-the-test", x: 700, y: 500, look: 1, size: 1 });
    void arena.sync.save({ id: "tree:1", size: 1.25 });
    void arena.sync.destroy("tree:2");
  `);
  await bob.evaluate(
    "arena.sync.save({ id: 'tree:1', look: 123 }).then(() => arena.sync.destroy('tree:3'))",
  );
  const from = await ann.evaluate<number>("arena.me.x");
  await ann.keyboard.down("ArrowLeft");
  await until(ann, `arena.me.x < ${from - 40}`);
  await ann.keyboard.up("ArrowLeft");
  await until(ann, "Number(document.querySelector('#pending').textContent) >= 3");
  expect(
    await bob.evaluate("[!!arena.sync.get('flower:of-the-test'), !!arena.sync.get('tree:2')]"),
  ).toEqual([false, true]);

  await ann.locator("#offline").setChecked(false, { force: true });
  await isHere(ann);
  await until(bob, `arena.sync.get('flower:of-the-test') && arena.sync.get(${id})`);
  await until(bob, `arena.sync.get(${id}).x < ${from - 40}`); // where she has walked to
  await agree();
  expect(
    await bob.evaluate("[arena.sync.get('tree:1').size, arena.sync.get('tree:1').look]"),
  ).toEqual([1.25, 123]);
  expect(await ann.evaluate("[!!arena.sync.get('tree:2'), !!arena.sync.get('tree:3')]")).toEqual([
    false,
    false,
  ]);
  await until(ann, "document.querySelector('#status').dataset.status === 'connected'");
  await until(ann, "document.querySelector('#pending').textContent === '0'");
});

test("the server is killed and started again: the world is as it was, and the pages come back by themselves", async () => {
  await Promise.all([sees(ann, bob), sees(bob, ann)]);
  await ann.evaluate(
    "arena.sync.create({ id: 'flower:planted', x: 700, y: 500, look: 1, size: 1 })",
  );
  await until(bob, "arena.sync.get('flower:planted')");
  const { port } = server;
  await server.kill();
  for (const page of [ann, bob]) {
    await until(page, "document.querySelector('#status').dataset.status === 'reconnecting'");
  }
  await bob.evaluate(
    "void arena.sync.create({ id: 'flower:meanwhile', x: 720, y: 500, look: 1, size: 1 })",
  );

  server = await open(port);
  await Promise.all([isHere(ann), isHere(bob)]);
  await Promise.all([sees(ann, bob), sees(bob, ann)]);
  await until(ann, "arena.sync.get('flower:meanwhile')");
  const agreed = await agree();
  expect(agreed).toContain("flower:meanwhile");
  expect(agreed).toContain("flower:planted");
  for (const page of [ann, bob]) expect(agreed).toContain(await idOf(page));
  const size = await ann.evaluate<number>("arena.sync.allObjects().size");
  expect(size).toBeGreaterThan(300);
});
