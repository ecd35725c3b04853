import { AddForm } from "./add-form.ts";
import { ConflictBook } from "./conflict-book.ts";
import { ConflictPanel } from "./conflict-panel.ts";
import { element } from "./dom.ts";
import { openTasks } from "./open.ts";
import { SyncBar } from "./sync-bar.ts";
import { TaskList } from "./task-list.ts";
import { unsyncedIn } from "./unsynced.ts";
import { textOf } from "./version-card.ts";
import { Visits } from "./visits.ts";

/** Puts a device's page together. Every part is its own file; here is only who knows whom. */

const device = new URLSearchParams(location.search).get("name")?.trim() || "phone";
const [first = "", ...rest] = device; // by characters: one may be an emoji
const initial = first.toUpperCase();
const name = initial + rest.join("");
document.documentElement.dataset["device"] = device;
document.title = `${name} · Tasks`;
element("initial", HTMLElement).textContent = initial;
element("device", HTMLElement).textContent = name;

const book = new ConflictBook(show);
const sync = openTasks(device, book.ask);
const visits = new Visits(sync, show);
const bar = new SyncBar(sync, visits, book);
const panel = new ConflictPanel(book);
const addForm = new AddForm(sync);
const list = new TaskList(sync, {
  list: element("tasks", HTMLElement),
  empty: element("empty", HTMLElement),
  marksOf: (id) => ({
    unsynced: unsyncedIn(sync).get(id),
    isInConflict: book.of(id) !== undefined,
  }),
  conflicts: () =>
    book.open.map(({ conflict: { id, theirs, base } }) => ({
      id,
      title: textOf((theirs ?? base)?.["title"]),
    })),
  settle: (id) => {
    const entry = book.of(id);
    if (entry !== undefined) panel.show(entry);
  },
  closed: show, // what was put off while a task was edited
});

let isDue = false;
/** However much has changed, once. */
function show(): void {
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    bar.show();
    list.show();
    if (!list.isEditing) panel.showNext();
  });
}

for (const event of ["add", "update", "remove", "progress", "reject"] as const) {
  sync.on(event, show);
}

let isBegun = false;
/** From what the device has kept, before there is a network; or with nothing, if nothing can be kept. */
function begin(): void {
  if (isBegun) return;
  isBegun = true;
  document.body.dataset["opened"] = "true";
  addForm.restore();
  visits.begin();
  show();
}
sync.on("restored", begin);
sync.on("error", begin);
show();

// The page itself is there without a network as well, where the browser allows that.
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register("worker.js").catch(console.warn);
}
