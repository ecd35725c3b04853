import { icon, make } from "./dom.ts";
import type { TaskObject } from "./open.ts";
import type { Unsynced } from "./unsynced.ts";

/** What is to be seen of a task besides itself. */
export interface Marks {
  readonly unsynced: Unsynced | undefined;
  readonly isInConflict: boolean;
}

export interface RowActions {
  readonly tick: (task: TaskObject, done: boolean) => void;
  readonly edit: (task: TaskObject) => void;
  readonly settle: (task: TaskObject) => void;
}

/** One task of the list, as it is now. */
export class TaskRow {
  readonly element = make("li", { className: "task" });
  readonly #box = make("input", { type: "checkbox" });
  readonly #title = make("span", { className: "title" });
  readonly #note = make("span", { className: "note" });
  readonly #open = make("button", { type: "button", className: "open" }, this.#title, this.#note);
  readonly #mark = make("span", { className: "mark" });
  readonly #settle = make("button", { type: "button", className: "settle" }, "Settle");
  #task: TaskObject;
  #isInConflict = false;

  constructor(task: TaskObject, actions: RowActions) {
    this.#task = task;
    this.#box.addEventListener("change", () => actions.tick(this.#task, this.#box.checked));
    this.#open.addEventListener("click", () => {
      (this.#isInConflict ? actions.settle : actions.edit)(this.#task);
    });
    this.#settle.addEventListener("click", () => actions.settle(this.#task));
    this.element.append(this.#box, this.#open, this.#mark, this.#settle);
  }

  show(task: TaskObject, { unsynced, isInConflict }: Marks): void {
    this.#task = task;
    this.#isInConflict = isInConflict;
    this.element.dataset["done"] = String(task.done);
    this.element.dataset["state"] = isInConflict ? "conflict" : (unsynced ?? "synced");
    this.#box.checked = task.done;
    this.#box.disabled = isInConflict;
    this.#box.ariaLabel = `Done: ${task.title}`;
    this.#title.textContent = task.title;
    this.#note.textContent = task.note;
    this.#note.hidden = task.note === "";
    this.#open.title = isInConflict ? "Settle the conflict" : "Edit";
    this.#settle.hidden = !isInConflict;
    this.#settle.ariaLabel = `Settle the conflict about ${task.title}`;
    this.#mark.hidden = isInConflict || unsynced === undefined;
    this.#mark.title = "Not synced yet";
    if (this.#mark.textContent !== unsynced) this.#mark.replaceChildren(icon("up"), unsynced ?? "");
  }

  focus(): void {
    this.#open.focus();
  }
}
