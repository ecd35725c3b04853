import type { RequestListener, Server as HttpServer } from "node:http";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launchBrowser } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { ServerProcess } from "../support/server-process.ts";
import { Stage, urlOf } from "../support/stage.ts";

/** "Write offline, reload offline, see it; come back, everyone sees it once": before two browsers. */

const STORAGES = ["webStorage", "indexedDbStorage"] as const;
const TELLS_PORT = /port (\d+)/;

/** What a page needs is served apart from object-sync: it is there when that is not. */
const FILES: Readonly<Record<string, () => string>> = {
  "/": () => `<!doctype html>
    <title>Notes</title>
    <ul></ul>
    <script src="client.js"></script>
    <script src="storage.js"></script>
    <script src="page.js"></script>`,
  "/page.js": () => `
    const query = new URLSearchParams(location.search);
    window.told = [];
    window.added = [];
    window.sync = new ObjectSync(query.get("server"), {
      storage: ObjectSyncStorage[query.get("storage")](),
      transports: ["websocket"], // the page is another origin's
      limits: { retryDelayMinMs: 10, retryDelayMaxMs: 40 },
    });
    const show = () => {
      const texts = Array.from(sync.allObjects().values(), ({ text }) => text).sort();
      document.querySelector("ul").replaceChildren(...texts.map((text) =>
        Object.assign(document.createElement("li"), { textContent: text })));
    };
    for (const name of ["add", "update", "remove"]) sync.on(name, show);
    for (const name of ["error", "reject"]) sync.on(name, ({ code }) => told.push(code));
    sync.on("add", ({ id }) => added.push(id));
    sync.on("restored", () => told.push("restored"));
    if (query.has("worker")) navigator.serviceWorker.register("worker.js");`,
  "/worker.js": () => `
    const files = ["./", "client.js", "storage.js", "page.js"];
    addEventListener("install", (event) => event.waitUntil(
      caches.open("page").then((cache) => cache.addAll(files)).then(() => skipWaiting())));
    addEventListener("activate", (event) => event.waitUntil(clients.claim()));
    addEventListener("fetch", (event) => event.respondWith(
      caches.match(event.request, { ignoreSearch: true }).then((found) => found ?? fetch(event.request))));`,
  "/client.js": () => bundle("client.js"),
  "/storage.js": () => bundle("storage.js"),
};

const bundle = (name: string): string =>
  readFileSync(join(import.meta.dirname, "../../dist/browser", name), "utf8");

const files: RequestListener = ({ url = "/" }, response) => {
  const path = url.split("?", 1)[0] ?? "/";
  const type = path.endsWith(".js") ? "text/javascript" : "text/html";
  response.writeHead(FILES[path] === undefined ? 404 : 200, { "Content-Type": type });
  response.end(FILES[path]?.());
};

const stage = new Stage();
let browser: Browser;
let folder: string;
let server: ServerProcess;
let pageHttp: HttpServer;
let pageUrl: string;

beforeAll(async () => {
  browser = await launchBrowser();
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  server = await startServer();
  ({ http: pageHttp, url: pageUrl } = await stage.http(files));
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await server.kill();
  await stage.clear();
  rmSync(folder, { recursive: true });
});

afterAll(() => browser.close());

/** Servers and browsers are started. */
const TIMEOUT_MS = 120_000;

/** It finds what it has kept when it was killed. */
function startServer(port = 0): Promise<ServerProcess> {
  const STORE = join(folder, "worlds.db");
  return ServerProcess.start("test/support/plain-server.ts", TELLS_PORT, port, { STORE });
}

interface Visit {
  readonly storage: (typeof STORAGES)[number];
  readonly context?: BrowserContext;
  readonly serverUrl?: string;
  readonly worker?: boolean;
}

async function visit(options: Visit): Promise<Page> {
  const { storage, serverUrl = urlOf(server.port), worker = false } = options;
  const page = await (options.context ?? (await browser.newContext())).newPage();
  const query = new URLSearchParams({ server: serverUrl, storage, ...(worker && { worker: "" }) });
  await page.goto(`${pageUrl}/?${query.toString()}`);
  await page.waitForFunction("sync.status === 'synced'");
  return page;
}

/** What somebody who looks at the page reads. */
const shown = (page: Page): Promise<string[]> => page.locator("li").allTextContents();

async function shows(page: Page, texts: readonly string[]): Promise<void> {
  await eventually(
    async () => (await shown(page)).join() === texts.join(),
    () => texts,
  );
}

async function isSettled(page: Page): Promise<void> {
  await page.waitForFunction("sync.status === 'synced' && sync.pending === 0");
}

test.each(STORAGES)(
  "the server is killed, the page writes and reloads: %s",
  async (storage) => {
    const [away, other] = [await visit({ storage }), await visit({ storage })];
    await other.evaluate("sync.create({ id: 'note:1', text: 'before' })");
    await shows(away, ["before"]);
    await away.waitForFunction("sync.status === 'synced'");
    await server.kill();

    const write = `Promise.all([
    sync.create({ id: "note:2", text: "draft" }),
    sync.update({ id: "note:2", text: "written away" }),
    sync.update({ id: "note:1", text: "changed away" }),
  ].map((write) => write.reached("stored")))`;
    await away.waitForFunction("sync.status === 'connecting'");
    await away.evaluate(write);
    for (const _reload of [1, 2]) {
      await away.reload();
      await shows(away, ["changed away", "written away"]);
      expect(await away.evaluate("[sync.isConnected(), sync.pending, told]")).toEqual([
        false,
        3,
        ["restored"],
      ]);
    }
    expect(await shown(other)).toEqual(["before"]);

    server = await startServer(server.port);
    await isSettled(away);
    const late = await visit({ storage });
    for (const page of [away, other, late]) await shows(page, ["changed away", "written away"]);
    expect(await other.evaluate("added")).toEqual(["note:1", "note:2"]);
    expect(await away.evaluate("told")).toEqual(["restored"]);
  },
  TIMEOUT_MS,
);

test.each(STORAGES)(
  "a page reloads before it hears of what it sent: %s",
  async (storage) => {
    const network = await stage.network(server.port);
    const [away, other] = [
      await visit({ storage, serverUrl: network.url }),
      await visit({ storage }),
    ];
    await away.evaluate("sync.create({ id: 'note:1', text: 'first' })");
    network.stopDelivering();
    await away.evaluate(`
    void sync.update({ id: "note:1", text: "second" });
    void sync.create({ id: "note:2", text: "new" });
  `);
    await shows(other, ["new", "second"]);
    await other.evaluate("sync.update({ id: 'note:1', text: 'third' })");
    await away.reload();
    await shows(away, ["new", "second"]); // it does not know yet
    network.cut();
    network.deliverAgain();
    await isSettled(away);
    for (const page of [away, other]) await shows(page, ["new", "third"]); // and not "second" again
    expect(await other.evaluate("added")).toEqual(["note:1", "note:2"]);
    expect(await away.evaluate("told")).toEqual(["restored"]);
  },
  TIMEOUT_MS,
);

test(
  "without any network a service worker brings the page, and the storage its data",
  async () => {
    const storage = "indexedDbStorage";
    const network = await stage.network(server.port);
    const away = await visit({ storage, serverUrl: network.url, worker: true });
    const other = await visit({ storage });
    await away.evaluate("navigator.serviceWorker.ready");
    await away.waitForFunction("navigator.serviceWorker.controller !== null");
    await other.evaluate("sync.create({ id: 'note:1', text: 'before' })");
    await shows(away, ["before"]);

    await away.context().setOffline(true);
    network.goDown(); // the browser lets go of open WebSockets only when they break
    pageHttp.closeAllConnections();
    pageHttp.close(); // and whatever the browser thinks of the network, nobody is there
    await away.waitForFunction("sync.status === 'connecting'");
    await away.evaluate("sync.create({ id: 'note:2', text: 'written away' }).reached('stored')");
    await away.reload();
    await shows(away, ["before", "written away"]);
    expect(await away.evaluate("[sync.isConnected(), sync.pending]")).toEqual([false, 1]);

    network.comeUp();
    await away.context().setOffline(false);
    await isSettled(away);
    for (const page of [away, other]) await shows(page, ["before", "written away"]);
    expect(await other.evaluate("added")).toEqual(["note:1", "note:2"]);
  },
  TIMEOUT_MS,
);
