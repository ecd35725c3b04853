import { noteLengthMax, titleLengthMax, type Task } from "../model.ts";
import { icon, make } from "./dom.ts";
import type { TaskObject } from "./open.ts";

export interface EditorActions {
  /** What the person has changed, and nothing else. */
  readonly save: (changes: Partial<Task>) => void;
  readonly remove: () => void;
  readonly close: () => void;
}

/** A task that is edited in its place. It knows what it was opened with. */
export class TaskEditor {
  readonly id: TaskObject["id"];
  readonly element = make("li", { className: "editor" });
  /** The task as it was when the editor was opened: a reference would change. */
  readonly opened: Task;
  readonly #title: HTMLInputElement;
  readonly #note: HTMLTextAreaElement;
  readonly #meanwhile = make("p", { className: "meanwhile", role: "status", hidden: true });

  constructor(task: TaskObject, actions: EditorActions) {
    const { id, title, note, done, at } = task;
    this.id = id;
    this.opened = { title, note, done, at };
    this.#title = make("input", { value: title, required: true, maxLength: titleLengthMax });
    this.#note = make("textarea", { value: note, rows: 2, maxLength: noteLengthMax });
    const button = (className: string, text: string): HTMLButtonElement =>
      make("button", { type: "button", className }, text);
    const remove = make("button", { type: "button", className: "remove" }, icon("bin"), "Delete");
    const cancel = button("soft", "Cancel");
    const save = make("button", { type: "submit", className: "strong" }, "Save");
    const form = make(
      "form",
      {},
      make("label", {}, "Task", this.#title),
      make("label", {}, "Note", this.#note),
      this.#meanwhile,
      make("div", { className: "row" }, remove, cancel, save),
    );
    remove.addEventListener("click", actions.remove);
    cancel.addEventListener("click", actions.close);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const changes = this.#changes;
      if (changes.title !== "") actions.save(changes);
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") actions.close();
    });
    this.element.append(form);
  }

  /** Tells what others have made of it while the editor is open, before it is overwritten. */
  show(task: TaskObject | undefined): void {
    const { title, note } = this.opened;
    const words =
      task === undefined
        ? "Deleted on another device meanwhile: to save it brings it back."
        : [
            ...(task.title === title ? [] : [`The task is now “${task.title}”.`]),
            ...(task.note === note ? [] : [`The note is now “${task.note}”.`]),
          ].join(" ");
    this.#meanwhile.hidden = words === "";
    if (this.#meanwhile.textContent !== words) this.#meanwhile.textContent = words;
  }

  focus(): void {
    this.#title.focus();
    this.#title.select();
  }

  get #changes(): Partial<Task> {
    const title = this.#title.value.trim();
    const note = this.#note.value.trim();
    return {
      ...(title !== this.opened.title && { title }),
      ...(note !== this.opened.note && { note }),
    };
  }
}
