import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { RequestListener } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { build } from "esbuild";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { storageContract } from "../../client/testing/index.ts";
import { ObjectSyncServer } from "../../server/index.ts";
import { launchBrowser } from "../support/browser.ts";
import { readExample } from "../support/doc-example.ts";
import { eventually } from "../support/eventually.ts";
import { Stage, viewOf } from "../support/stage.ts";

/** What clients keep in a real browser: its Web Storage, its IndexedDB, its Web Locks. */

const CHECKS_PAGE = `<script src="/checks.js"></script>`;
/** A client that writes down all that it is told. The query says which storage, and whether to connect. */
const CLIENT_PAGE = `<script src="/object-sync/client.js"></script>
  <script src="/object-sync/storage.js"></script>
  <script>
    const query = new URLSearchParams(location.search);
    const { [query.get("storage")]: makeStorage } = ObjectSyncStorage;
    window.told = [];
    window.sync = new ObjectSync(location.origin, {
      storage: makeStorage(),
      autoConnect: query.get("connect") === "yes",
    });
    for (const name of ["error", "reject"]) sync.on(name, ({ code, message }) => {
      told.push(name + " " + code + " " + message);
    });
    sync.on("restored", () => told.push("restored"));
  </script>`;
const PAGES: Readonly<Record<string, string>> = {
  "/client": CLIENT_PAGE,
  "/example": readExample("docs/API.md", "offline.html"),
};
const STORAGES = ["webStorage", "indexedDbStorage"] as const;

const stage = new Stage();
let browser: Browser;
let checksScript: string;

beforeAll(async () => {
  browser = await launchBrowser();
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "../support/storage-page.ts")],
    bundle: true,
    write: false,
    platform: "browser",
    logLevel: "warning",
  });
  checksScript = outputFiles[0]?.text ?? "";
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await stage.clear();
});

afterAll(() => browser.close());

const application: RequestListener = ({ url = "" }, response) => {
  const isScript = url === "/checks.js";
  const page = PAGES[url.split("?", 1)[0] ?? ""] ?? CHECKS_PAGE;
  response.writeHead(200, { "Content-Type": isScript ? "text/javascript" : "text/html" });
  response.end(isScript ? checksScript : `<!doctype html><meta charset="utf-8">${page}`);
};

async function serve(): Promise<{ sync: ObjectSyncServer; url: string }> {
  const { http, url } = await stage.http(application);
  const sync = new ObjectSyncServer().attach(http);
  stage.afterwards(() => sync.close());
  return { sync, url };
}

describe.each(["Web Storage", "IndexedDB"])("%s", (kind) => {
  // In one page, one after another: what a check leaves behind would be found by the next.
  let page: Page | undefined;
  const here = new Stage();
  beforeAll(async () => {
    const { url } = await here.http(application);
    page = await (await browser.newContext()).newPage();
    await page.goto(url);
  });
  afterAll(() => here.clear());

  const checks = storageContract(() => {
    throw new Error("they run in the page");
  });
  test("passes the contract", async () => {
    const wrong: string[] = [];
    for (const { name } of checks) {
      const problem = await page?.evaluate<string | undefined>(
        `runCheck(${JSON.stringify(kind)}, ${JSON.stringify(name)})`,
      );
      if (problem !== undefined) wrong.push(`${name}: ${problem}`);
    }
    expect(wrong).toEqual([]);
  }, 120_000);
});

interface Visit {
  readonly connect: boolean;
  readonly storage: (typeof STORAGES)[number];
}

/** A tab, when its client has taken in what was kept. */
async function visit(context: BrowserContext, url: string, options: Visit): Promise<Page> {
  const page = await context.newPage();
  await page.goto(
    `${url}/client?storage=${options.storage}&connect=${options.connect ? "yes" : ""}`,
  );
  await page.waitForFunction("window.told?.includes('restored')");
  return page;
}

const idsIn = (page: Page): Promise<unknown> =>
  page.evaluate("[...sync.allObjects().keys()].sort()");
const told = (page: Page): Promise<string[]> => page.evaluate("told");
/** Ends a tab without its knowing. */
const crash = async (page: Page): Promise<void> => {
  const crashed = page.waitForEvent("crash");
  page.goto("chrome://crash").catch(() => undefined);
  await crashed;
};

/** The ids that are created, as often as they are. */
function creationsOf(sync: ObjectSyncServer): string[] {
  const ids: string[] = [];
  sync.on("create", ({ id }) => ids.push(id));
  return ids;
}

describe.each(STORAGES)("tabs with one %s", (storage) => {
  const offline = { storage, connect: false };
  const online = { storage, connect: true };

  test("never send each other's writes; what closed and crashed tabs left is sent once", async () => {
    const { sync, url } = await serve();
    const creations = creationsOf(sync);
    const context = await browser.newContext();
    const [open, closed, crashed] = (await Promise.all(
      [1, 2, 3].map(() => visit(context, url, offline)),
    )) as [Page, Page, Page];
    for (const [i, page] of [open, closed, crashed].entries()) {
      const writes = `[1, 2, 3].map((n) => sync.create({ id: "tab ${i} write " + n }))`;
      await page.evaluate(`Promise.all(${writes}.map((write) => write.reached("stored")))`);
      expect(await page.evaluate("sync.pending")).toBe(3);
    }
    const writesOf = (...tabs: number[]): string[] =>
      tabs.flatMap((i) => [1, 2, 3].map((n) => `tab ${i} write ${n}`));
    await closed.close();
    await crash(crashed);

    // Two more at the same moment: each finds some of what was left, and none of what is in use.
    const [fourth, fifth] = (await Promise.all([4, 5].map(() => visit(context, url, online)))) as [
      Page,
      Page,
    ];
    await eventually(() => creations.length >= 6);
    expect([...creations].sort()).toEqual(writesOf(1, 2));
    await open.evaluate("sync.connect()");
    for (const page of [open, fourth, fifth]) {
      await page.waitForFunction("sync.status === 'synced' && sync.pending === 0");
      await page.waitForFunction("sync.allObjects().size === 9");
      expect(await told(page)).toEqual(["restored"]);
    }
    expect([...creations].sort()).toEqual(writesOf(0, 1, 2));
  });

  test("a page that reloads in the middle of its writes loses none that was stored, and makes none twice", async () => {
    const { sync, url } = await serve();
    const creations = creationsOf(sync);
    const updates: string[] = [];
    sync.on("update", ({ id }) => updates.push(id));
    const context = await browser.newContext();
    const stored: string[] = [];
    await context.exposeFunction("noteStored", (id: string) => void stored.push(id));
    const problems: string[] = [];
    await context.exposeFunction("noteProblem", (text: string) => void problems.push(text));
    await context.addInitScript("globalThis.life = String(Math.random())");
    const page = await visit(context, url, online);
    for (let life = 1; life <= 6; life++) {
      await page.evaluate(`
        sync.on("reject", ({ code }) => noteProblem(code));
        sync.on("error", ({ code }) => noteProblem(code));
        let n = 0;
        const write = () => {
          const id = life + " " + n++;
          sync.create({ id });
          sync.update({ id, n }).reached("stored").then(() => noteStored(id));
          setTimeout(write, 1);
        };
        write();
      `);
      const least = life * 20;
      await eventually(() => stored.length >= least);
      await page.reload();
      await page.waitForFunction("window.told?.includes('restored')");
    }
    await page.waitForFunction("sync.status === 'synced' && sync.pending === 0");
    expect(problems).toEqual([]);
    expect((await told(page)).filter((line) => line !== "restored")).toEqual([]);
    const view = viewOf(sync);
    expect(stored.filter((id) => view[id] === undefined)).toEqual([]);
    expect(new Set(creations).size).toBe(creations.length);
    expect(new Set(updates).size).toBe(updates.length);
    expect(updates.length).toBe(creations.length);
    expect(await idsIn(page)).toEqual(Object.keys(view).sort());
  }, 60_000);

  test("a site whose data is cleared under an open tab says so, and goes on with its server", async () => {
    const { sync, url } = await serve();
    const context = await browser.newContext();
    const page = await visit(context, url, online);
    await page.evaluate("sync.create({ id: 'before' })");
    const devtools = await context.newCDPSession(page);
    await devtools.send("Storage.clearDataForOrigin", { origin: url, storageTypes: "all" });
    await page.evaluate("sync.create({ id: 'after' })");
    expect(viewOf(sync)).toEqual({ before: { id: "before" }, after: { id: "after" } });
    expect((await told(page)).join()).toContain("error storage_failed");
    await page.reload();
    await page.waitForFunction("sync.status === 'synced'");
    expect(await idsIn(page)).toEqual(["after", "before"]);
    expect(await told(page)).toEqual(["restored"]);
  });

  test("a full storage says so, and what was stored before is sent by the next page", async () => {
    const { sync, url } = await serve();
    const context = await browser.newContext();
    // The browser looks at the quota of databases now and then only: it is to find this one first.
    const devtools = await context.newCDPSession(await context.newPage());
    await devtools.send("Storage.overrideQuotaForOrigin", { origin: url, quotaSize: 50_000 });
    const page = await visit(context, url, offline);
    await page.evaluate("sync.create({ id: 'early' }).reached('stored')");
    if (storage === "webStorage") await page.evaluate(FILL);
    const text = randomBytes(75_000).toString("base64"); // a browser packs what can be packed
    await page.evaluate(`void (window.late = sync.create({ id: "late", text: "${text}" }))`);
    await page.waitForFunction(HAS_FAILED);
    expect(await page.evaluate("late.stage")).toBe("local");
    expect(await page.evaluate("sync.pending")).toBe(2);

    await page.reload();
    await page.waitForFunction("told.includes('restored')");
    expect(await idsIn(page)).toEqual(["early"]);
    await page.evaluate("sync.connect()");
    if (storage === "webStorage") {
      // That it is sent has to be kept first: otherwise the page after this one might send it anew.
      await page.waitForFunction(HAS_FAILED);
      expect(viewOf(sync)).toEqual({});
      await page.evaluate("localStorage.removeItem('full')");
    }
    await page.waitForFunction("sync.status === 'synced' && sync.pending === 0");
    expect(viewOf(sync)).toEqual({ early: { id: "early" } });
  });
});

const HAS_FAILED = "told.some((line) => line.startsWith('error storage_failed'))";

/** Until there is no room for another character. */
const FILL = `for (let size = 2 ** 23, text = ""; size >= 1; size /= 2) {
  try {
    localStorage.setItem("full", text + "x".repeat(size));
    text += "x".repeat(size);
  } catch {}
}`;

test.each(STORAGES)("a blocked %s says so, and the client goes on without", async (storage) => {
  const { sync, url } = await serve();
  const context = await browser.newContext();
  // As browsers do when a site may keep nothing.
  await context.addInitScript(`
    for (const name of ["localStorage", "indexedDB"]) Object.defineProperty(window, name, {
      get: () => { throw new DOMException("access is denied for this document", "SecurityError"); },
    });
  `);
  const page = await context.newPage();
  await page.goto(`${url}/client?storage=${storage}&connect=yes`);
  await page.evaluate("sync.create({ id: 'tree' })");
  expect(viewOf(sync)).toEqual({ tree: { id: "tree" } });
  expect(await told(page)).toEqual([
    expect.stringMatching(/^error storage_failed .*access is denied/),
  ]);
});

test("the page of the documentation keeps what it writes", async () => {
  const { url } = await serve();
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${url}/example`);
  await page.evaluate("sync.disconnect()");
  await page.evaluate("sync.create({ id: 'tree' }).reached('stored')");
  await page.reload();
  await page.waitForFunction("sync.get('tree') !== undefined");
});
