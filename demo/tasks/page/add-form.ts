import { freshId } from "../../page/fresh-id.ts";
import { element } from "./dom.ts";
import type { TaskId, Tasks } from "./open.ts";

const draftId = "draft:new";

/** Adds tasks. What is typed is kept on this device, and is still there after a reload. */
export class AddForm {
  readonly #sync: Tasks;
  readonly #input = element("new", HTMLInputElement);

  constructor(sync: Tasks) {
    this.#sync = sync;
    this.#input.addEventListener("input", () => this.#keep(this.#input.value));
    element("add", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const title = this.#input.value.trim();
      if (title === "") return;
      const id = freshId("task") as TaskId;
      void sync.create({ id, title, note: "", done: false, at: Date.now() });
      this.#input.value = "";
      this.#keep("");
    });
  }

  /** Shows what was typed before the page was loaded. */
  restore(): void {
    if (this.#input.value === "") this.#input.value = this.#sync.get(draftId)?.text ?? "";
  }

  #keep(text: string): void {
    if (this.#sync.get(draftId) === undefined) void this.#sync.create({ id: draftId, text });
    else void this.#sync.update({ id: draftId, text });
  }
}
