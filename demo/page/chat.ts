import { line, sayMax } from "./read.ts";

/** The field for talking: Enter opens it, Enter says, Escape leaves. */
export class Chat {
  readonly #field: HTMLInputElement;

  constructor(form: HTMLFormElement, field: HTMLInputElement, say: (text: string) => void) {
    this.#field = field;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = line(field.value, sayMax);
      field.value = "";
      // Back to walking; whoever wants to say more presses Enter again.
      field.blur();
      if (text !== "") say(text);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") field.blur();
    });
  }

  open(): void {
    this.#field.focus();
  }
}
