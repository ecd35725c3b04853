import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import type { Browser, FrameLocator, Locator, Page } from "playwright-core";
import { launchBrowser } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { ServerProcess } from "../support/server-process.ts";
import { urlOf } from "../support/stage.ts";

/** The task list as `npm run tasks` runs it, before people who have a network and have none. */

jest.setTimeout(180_000);

const TELLS_PORT = /http:\/\/localhost:(\d+)/;

let browser: Browser;
let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  browser = await launchBrowser();
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "object-sync-"));
  server = await open();
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await server.kill();
  rmSync(folder, { recursive: true });
});

afterAll(() => browser.close());

function open(port = 0): Promise<ServerProcess> {
  const WORLD = join(folder, "tasks.db");
  return ServerProcess.start("demo/tasks/server.ts", TELLS_PORT, port, { WORLD });
}

/** A page, or one of the two phones in it. */
type Screen = Page | FrameLocator;

/** A device of its own, which has the list. */
async function device(name: string): Promise<Page> {
  const page = await (
    await browser.newContext({ viewport: { width: 390, height: 780 } })
  ).newPage();
  await page.goto(`${urlOf(server.port)}/device?name=${name}`);
  await row(page, "Buy bread").waitFor();
  return page;
}

const row = (screen: Screen, title: string): Locator =>
  screen.getByRole("listitem").filter({ has: screen.getByText(title, { exact: true }) });

const press = (screen: Screen, name: string): Promise<void> =>
  screen.getByRole("button", { name, exact: true }).click();

async function add(screen: Screen, title: string): Promise<void> {
  await screen.getByLabel("A new task").fill(title);
  await press(screen, "Add it");
}

async function rename(screen: Screen, from: string, to: string): Promise<void> {
  await screen.getByText(from, { exact: true }).click();
  await screen.getByRole("textbox", { name: "Task", exact: true }).fill(to);
  await press(screen, "Save");
  await row(screen, to).waitFor();
}

async function remove(screen: Screen, title: string): Promise<void> {
  await screen.getByText(title, { exact: true }).click();
  await press(screen, "Delete");
}

/** Waits until the page says so of itself. */
const says = (screen: Screen, words: string): Promise<void> =>
  screen.getByRole("status").filter({ hasText: words }).waitFor();

const goOffline = (page: Page): Promise<void> => page.context().setOffline(true);
const goOnline = (page: Page): Promise<void> => page.context().setOffline(false);

/** What a person sees of the list. */
const titles = (screen: Screen): Promise<string[]> => screen.locator(".title").allTextContents();

async function agree(...screens: readonly Screen[]): Promise<void> {
  for (const screen of screens) await says(screen, "Nothing unsynced");
  await eventually(async () => {
    const lists = await Promise.all(screens.map(titles));
    return lists.every((list) => list.join() === lists[0]?.join());
  });
}

/** The conflict that both have made while neither had a network, as Ben is shown it. */
async function conflict(anna: Page, ben: Page): Promise<Locator> {
  await Promise.all([goOffline(anna), goOffline(ben)]);
  await rename(anna, "Buy bread", "Buy rye bread");
  await rename(ben, "Buy bread", "Buy white bread");
  await says(anna, "1 unsynced: 1 changed");
  await goOnline(anna);
  await says(anna, "Nothing unsynced");
  await goOnline(ben);
  const panel = ben.getByRole("dialog", { name: "Which one stays?" });
  await panel.waitFor();
  return panel;
}

test("two devices work without a network, show what is unsynced, and agree when they have one", async () => {
  const [anna, ben] = await Promise.all([device("anna"), device("ben")]);
  await Promise.all([goOffline(anna), goOffline(ben)]);
  await add(anna, "Sweep the stairs");
  await rename(anna, "Call the plumber", "Call the gardener");
  await remove(anna, "Water the plants");
  await ben.getByLabel("Done: Book the train").check();
  await says(anna, "3 unsynced: 1 new, 1 changed, 1 deleted");
  await says(ben, "1 unsynced: 1 changed");
  await press(anna, "Sync");
  await says(anna, "The server cannot be reached.");
  expect(await row(anna, "Sweep the stairs").locator(".mark").textContent()).toBe("new");
  expect(await titles(ben)).toContain("Water the plants");
  await Promise.all([goOnline(anna), goOnline(ben)]);
  await agree(anna, ben);
  expect(await titles(ben)).toEqual([
    "Buy bread",
    "Call the gardener",
    "Book the train",
    "Sweep the stairs",
  ]);
  await eventually(() => anna.getByLabel("Done: Book the train").isChecked());
  expect(await anna.locator(".mark:visible").count()).toBe(0);
});

test("a conflict shows both versions, and what one clicks is what both have", async () => {
  const [anna, ben] = await Promise.all([device("anna"), device("ben")]);
  const panel = await conflict(anna, ben);
  const collides = (side: string): Locator =>
    panel.getByRole("region", { name: side, exact: true }).locator("[data-collides=true] dd");
  expect(await collides("Here").allTextContents()).toEqual([
    "Buy white bread",
    "before: Buy bread",
  ]);
  expect(await collides("Elsewhere").first().textContent()).toBe("Buy rye bread");
  await press(ben, "Take theirs");
  await agree(anna, ben);
  expect(await titles(ben)).toContain("Buy rye bread");
  await panel.waitFor({ state: "hidden" });
});

test("what a conflict shows of a version is what comes of choosing it, also of what does not collide", async () => {
  const [anna, ben] = await Promise.all([device("anna"), device("ben")]);
  await Promise.all([goOffline(anna), goOffline(ben)]);
  await rename(anna, "Buy bread", "Buy rye bread");
  await anna.getByLabel("Done: Buy rye bread").check();
  await ben.getByText("Buy bread", { exact: true }).click();
  await ben.getByRole("textbox", { name: "Note" }).fill("At the corner");
  await ben.getByRole("textbox", { name: "Task", exact: true }).fill("Buy white bread");
  await press(ben, "Save");
  await goOnline(anna);
  await says(anna, "Nothing unsynced");
  await goOnline(ben);
  const shown = (side: string): Promise<string[]> =>
    ben.getByRole("region", { name: side, exact: true }).locator("dd").allTextContents();
  await ben.getByRole("dialog").waitFor();
  const before = "before: Buy bread";
  expect(await shown("Here")).toEqual(["Buy white bread", before, "At the corner", "Done"]);
  expect(await shown("Elsewhere")).toEqual(["Buy rye bread", before, "At the corner", "Done"]);
  await press(ben, "Take theirs");
  await agree(anna, ben);
  await row(anna, "Buy rye bread").getByText("At the corner", { exact: true }).waitFor();
  expect(await anna.getByLabel("Done: Buy rye bread").isChecked()).toBe(true);
});

test("who is editing a task is asked about a conflict when that is closed", async () => {
  const [anna, ben] = await Promise.all([device("anna"), device("ben")]);
  await Promise.all([goOffline(anna), goOffline(ben)]);
  await rename(anna, "Buy bread", "Buy rye bread");
  await rename(ben, "Buy bread", "Buy white bread");
  await goOnline(anna);
  await says(anna, "Nothing unsynced");
  await ben.getByText("Book the train", { exact: true }).click();
  await goOnline(ben);
  await says(ben, "1 conflict to settle");
  expect(await ben.getByRole("dialog").isVisible()).toBe(false);
  await press(ben, "Cancel");
  await ben.getByRole("dialog", { name: "Which one stays?" }).waitFor();
  await press(ben, "Keep mine");
  await agree(anna, ben);
});

test("what the server does not accept is taken back, and the page says so when the sync is over", async () => {
  const anna = await device("anna");
  await anna.getByText("Book the train", { exact: true }).click();
  const tooMuch = (note: unknown): unknown =>
    Object.assign(note as object, { value: "x".repeat(501) });
  await anna.getByRole("textbox", { name: "Note" }).evaluate(tooMuch); // nobody could type that
  await add(anna, "Sweep the stairs"); // and this is accepted in the same sync
  await press(anna, "Save");
  await says(anna, "2 unsynced");
  await says(anna, "The server did not accept a change, and it was taken back.");
  expect(await row(anna, "Book the train").locator(".note").textContent()).toBe("");
  await anna.getByLabel("Done: Book the train").check();
  await says(anna, "1 sent");
});

test("a device whose address has no name, or an odd one, is called something", async () => {
  const page = await browser.newPage();
  for (const [name, heading, initial] of [
    ["", "Phone’s tasks", "P"],
    ["😀 bob", "😀 bob’s tasks", "😀"],
  ] as const) {
    await page.goto(`${urlOf(server.port)}/device?name=${encodeURIComponent(name)}`);
    await page.getByRole("heading", { name: heading, exact: true }).waitFor();
    expect(await page.locator("#initial").textContent()).toBe(initial);
  }
});

test("a reload without a network and without a server keeps the tasks and the open conflict", async () => {
  const [anna, ben] = await Promise.all([device("anna"), device("ben")]);
  await ben.evaluate("navigator.serviceWorker.ready");
  const panel = await conflict(anna, ben);
  await ben.keyboard.press("Escape"); // later
  await add(ben, "Fold the washing");
  await goOffline(ben);
  await server.kill();
  const before = await titles(ben);
  await ben.reload();
  await panel.waitFor();
  expect(await titles(ben)).toEqual(before);
  expect(before).toContain("Fold the washing");

  await panel.getByRole("textbox", { name: "Task" }).fill("Buy rye and white bread");
  await press(ben, "Save this one");
  await says(ben, "unsynced");
  await ben.reload();
  await row(ben, "Buy rye and white bread").waitFor();
  server = await open(server.port);
  await goOnline(ben);
  await agree(anna, ben);
  expect(await titles(anna)).toEqual(expect.arrayContaining(["Buy rye and white bread"]));
});

test("a task that one has changed and the other deleted is back, or gone, as a person decides", async () => {
  const page = await browser.newPage({ viewport: { width: 1_000, height: 900 } });
  await page.goto(urlOf(server.port));
  const [anna, ben] = ["Anna", "Ben"].map((name) =>
    page.frameLocator(`iframe[title="${name}'s phone"]`),
  ) as [FrameLocator, FrameLocator];
  const away = (screen: Screen): Locator => screen.getByRole("switch", { name: "Offline" });
  for (const phone of [anna, ben]) {
    await row(phone, "Buy bread").waitFor();
    await away(phone).check();
  }
  await press(anna, "Sync");
  await says(anna, "No network.");
  await rename(anna, "Buy bread", "Buy rye bread");
  await remove(anna, "Call the plumber");
  await remove(ben, "Buy bread");
  await rename(ben, "Call the plumber", "Call the gardener");
  await away(anna).uncheck();
  await says(anna, "Nothing unsynced");
  await away(ben).uncheck();
  await ben.getByText("“Buy bread” was deleted here").waitFor();
  await press(ben, "Decide later");
  await ben.getByText("“Call the plumber” was changed here").waitFor();
  await press(ben, "Keep mine");
  await press(ben, "Settle the conflict about Buy rye bread");
  await press(ben, "Delete it");
  await agree(anna, ben);
  expect(await titles(anna)).toEqual(["Water the plants", "Call the gardener", "Book the train"]);
});

test("what is typed stays on its device, and an editor tells what others have made of its task", async () => {
  const [anna, ben] = await Promise.all([device("anna"), device("ben")]);
  await anna.getByLabel("A new task").fill("Something for");
  await anna.getByText("Book the train", { exact: true }).click();
  await rename(ben, "Book the train", "Book the ferry");
  await says(anna, "The task is now “Book the ferry”.");
  await press(anna, "Cancel");
  await says(anna, "Nothing unsynced");
  await anna.reload();
  await row(anna, "Book the ferry").waitFor();
  expect(await anna.getByLabel("A new task").inputValue()).toBe("Something for");
  expect(await ben.getByLabel("A new task").inputValue()).toBe("");
});
