import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import type { RequestListener } from "node:http";
import { ObjectSyncServer } from "../../server/index.ts";
import { launchBrowser } from "../support/browser.ts";
import { Stage, viewOf } from "../support/stage.ts";

/** Pages as people write them, with the script and the module that the server serves itself. */
const PAGES: Readonly<Record<string, string>> = {
  "/script.html": `<script src="/object-sync/client.js"></script>
    <script>window.sync = new ObjectSync();</script>`,
  "/module.html": `<script type="module">
      import { ObjectSync } from "/object-sync/client.mjs";
      window.sync = new ObjectSync();
    </script>`,
};
const LISTENING = `<script type="module">
  window.events = [];
  sync.on("create", ({ id }) => events.push("create " + id));
  sync.on("update", ({ id }, changed) => events.push("update " + id + " " + Object.keys(changed)));
  sync.on("destroy", (id) => events.push("destroy " + id));
</script>`;

const stage = new Stage();
let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await stage.clear();
});

afterAll(() => browser.close());

const application: RequestListener = ({ url }, response) => {
  const page = PAGES[url ?? ""];
  response.writeHead(page === undefined ? 404 : 200, { "Content-Type": "text/html" });
  response.end(page === undefined ? "" : `<!doctype html><title>A page</title>${page}${LISTENING}`);
};

async function serve(): Promise<{ sync: ObjectSyncServer; url: string }> {
  const { http, url } = await stage.http(application);
  const sync = new ObjectSyncServer().attach(http);
  stage.afterwards(() => sync.close());
  return { sync, url };
}

/** Opens a page as somebody else's computer would. */
async function visit(url: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(url);
  await page.waitForFunction("window.events !== undefined && sync.status === 'synced'");
  return page;
}

test("two pages with the served script and two with the module see each other's objects", async () => {
  const { sync, url } = await serve();
  const pages = await Promise.all(
    ["/script.html", "/script.html", "/module.html", "/module.html"].map((path) =>
      visit(url + path),
    ),
  );
  const [first, second, third, fourth] = pages as [Page, Page, Page, Page];
  const everyone = (condition: string): Promise<unknown> =>
    Promise.all(pages.map((page) => page.waitForFunction(condition)));

  await first.evaluate("sync.create({ id: 'tree', height: 1, at: new Date(7) })");
  await everyone("sync.get('tree')?.at.getTime() === 7");
  await third.evaluate("sync.save({ id: 'tree', height: 2, name: 'žluťoučký 🌳' })");
  await everyone("sync.get('tree').height === 2 && sync.get('tree').name === 'žluťoučký 🌳'");
  const id = await second.evaluate("sync.save({ by: 'second' }).then(({ id }) => id)");
  await everyone(`sync.get(${JSON.stringify(id)})?.by === 'second'`);
  await fourth.evaluate("sync.destroy('tree')");
  await everyone("sync.get('tree') === undefined");

  const events = await Promise.all(pages.map((page) => page.evaluate("events")));
  const told = ["create tree", "update tree height,name", `create ${String(id)}`, "destroy tree"];
  expect(events).toEqual([told, told, told, told]);
  expect(viewOf(sync)).toEqual({ [String(id)]: { id, by: "second" } });
});

test("a page goes offline, writes on, and comes back: nothing is lost, on either side", async () => {
  const { sync, url } = await serve();
  const network = await stage.network(Number(new URL(url).port));
  await sync.create({ id: "tree", height: 1, name: "ash" });
  const [away, other] = [
    await visit(`${network.url}/script.html`),
    await visit(`${url}/module.html`),
  ];
  await away.context().setOffline(true);
  network.cut(); // the browser lets go of open WebSockets only when they break
  await away.waitForFunction("sync.status === 'connecting'");
  await away.evaluate(`
    window.settled = [];
    const note = (name) => (error) => settled.push(name + " " + (error?.code ?? "accepted"));
    sync.save({ id: "tree", height: 2 }, note("update")).catch(() => {});
    sync.create({ id: "flower" }, note("create")).catch(() => {});
    sync.create({ id: "stone" }, note("create what exists")).catch(() => {});
    sync.get("tree").height + " " + sync.pending;
  `);
  await other.evaluate(
    "sync.save({ id: 'tree', name: 'oak' }).then(() => sync.create({ id: 'stone', by: 'other' }))",
  );
  expect(await away.evaluate("[sync.pending, sync.get('tree').height, settled.length]")).toEqual([
    3, 2, 0,
  ]);
  expect(await other.evaluate("sync.get('tree').height")).toBe(1);

  await away.context().setOffline(false);
  await away.waitForFunction("settled.length === 3");
  expect(await away.evaluate("settled")).toEqual([
    "update accepted",
    "create accepted",
    "create what exists exists",
  ]);
  await other.waitForFunction("sync.get('flower') !== undefined");
  const all = {
    tree: { id: "tree", height: 2, name: "oak" },
    stone: { id: "stone", by: "other" },
    flower: { id: "flower" },
  };
  expect(viewOf(sync)).toEqual(all);
  for (const page of [away, other]) {
    expect(await page.evaluate("Object.fromEntries(sync.allObjects())")).toEqual(all);
  }
});
