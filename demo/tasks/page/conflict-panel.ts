import type { Conflict, ConflictHandler } from "../../../client/index.ts";
import { preferLocal, preferRemote } from "../../../client/conflicts/index.ts";
import type { ConflictBook, OpenConflict } from "./conflict-book.ts";
import { element, icon, make } from "./dom.ts";
import { mergeForm } from "./merge-form.ts";
import { textOf, versionCard } from "./version-card.ts";

/** Shows both versions of a task side by side, and lets the person decide. */
export class ConflictPanel {
  readonly #book: ConflictBook;
  readonly #panel = element("conflict", HTMLElement);
  readonly #page = element("page", HTMLElement);
  readonly #postponed = new WeakSet<OpenConflict>();
  #shown: OpenConflict | undefined;
  #before: Element | null = null;

  constructor(book: ConflictBook) {
    this.#book = book;
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#postpone();
    });
  }

  get isOpen(): boolean {
    return this.#shown !== undefined;
  }

  /** Shows what was not put off until later. */
  showNext(): void {
    if (this.#shown !== undefined) return;
    const next = this.#book.open.find((entry) => !this.#postponed.has(entry));
    if (next !== undefined) this.show(next);
  }

  show(entry: OpenConflict): void {
    this.#before = document.activeElement;
    this.#shown = entry;
    const settle = (handler: ConflictHandler): void => {
      this.#close();
      entry.settle(handler);
    };
    this.#panel.replaceChildren(...this.#contentsFor(entry.conflict, settle));
    this.#panel.hidden = false;
    this.#page.inert = true;
    // Another device in the same window may have the keyboard, and keeps it.
    if (document.hasFocus()) this.#panel.focus();
  }

  #contentsFor(conflict: Conflict, settle: (handler: ConflictHandler) => void): HTMLElement[] {
    const { mine, theirs, base } = conflict;
    const name = textOf((base ?? theirs ?? mine)?.["title"]);
    const later = make("button", { type: "button", className: "later", ariaLabel: "Decide later" });
    later.append(icon("close"));
    later.addEventListener("click", () => this.#postpone());
    const choice = (className: string, text: string, handler: ConflictHandler) => {
      const button = make("button", { type: "button", className }, text);
      button.addEventListener("click", () => settle(handler));
      return button;
    };
    const sides = make(
      "div",
      { className: "sides" },
      versionCard(conflict, {
        heading: "Here",
        object: mine,
        choice:
          mine === null
            ? choice("gone", "Delete it", preferLocal)
            : choice("mine", "Keep mine", preferLocal),
      }),
      versionCard(conflict, {
        heading: "Elsewhere",
        object: theirs,
        choice:
          theirs === null
            ? choice("gone", "Let it go", preferRemote)
            : choice("theirs", "Take theirs", preferRemote),
      }),
    );
    const merge = mergeForm(conflict, settle);
    return [
      make("header", {}, make("h2", { id: "conflict-title" }, "Which one stays?"), later),
      make("p", { className: "story" }, storyOf(conflict, name)),
      sides,
      ...(merge === undefined ? [] : [merge]),
    ];
  }

  #postpone(): void {
    if (this.#shown !== undefined) this.#postponed.add(this.#shown);
    this.#close();
    this.showNext();
  }

  #close(): void {
    this.#shown = undefined;
    this.#panel.hidden = true;
    this.#page.inert = false;
    if (this.#before instanceof HTMLElement && document.hasFocus()) this.#before.focus();
  }
}

function storyOf({ mine, theirs }: Conflict, name: string): string {
  if (theirs === null) return `“${name}” was changed here, and deleted elsewhere meanwhile.`;
  if (mine === null) return `“${name}” was deleted here, and changed elsewhere meanwhile.`;
  return `“${name}” was changed here and elsewhere, and neither knew of the other.`;
}
