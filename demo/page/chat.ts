import { addressed } from "./address.ts";
import { element } from "./dom.ts";
import { line, sayMax } from "./read.ts";
import type { Listener } from "./whispers.ts";

interface Parts {
  readonly say: (text: string) => void;
  readonly whisper: (to: Listener, text: string) => void;
  /** Who can be spoken to by name. */
  readonly players: Iterable<Listener>;
}

/**
 * The field for talking: Enter opens it, Enter says, Escape leaves. What is said is for all who are
 * near, or for one alone: who was chosen, until Escape, or is named in the line.
 */
export class Chat {
  readonly #parts: Parts;
  readonly #form = element("chat", HTMLFormElement);
  readonly #field = element("say", HTMLInputElement);
  readonly #to = element("to", HTMLButtonElement);
  #listener: Listener | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    const [field, form] = [this.#field, this.#form];
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    field.addEventListener("input", () => {
      field.setCustomValidity("");
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.#speakTo(undefined);
      field.blur();
    });
    this.#to.addEventListener("click", () => {
      this.#speakTo(undefined);
      field.focus();
    });
  }

  open(): void {
    this.#field.focus();
  }

  /** What is said next is for one alone. */
  whisperTo(listener: Listener): void {
    this.#speakTo(listener);
    this.open();
  }

  /** Nobody is whispered to who is not there. */
  forget({ id }: Listener): void {
    if (this.#listener?.id === id) this.#speakTo(undefined);
  }

  #submit(): void {
    const words = line(this.#field.value, sayMax);
    const address = addressed(words, this.#parts.players);
    if (address !== undefined && address.to === undefined) {
      // Never aloud what was meant for one.
      this.#field.setCustomValidity("Nobody of that name is in sight.");
      this.#form.reportValidity();
      return;
    }
    this.#field.value = "";
    // Back to walking; whoever wants to say more presses Enter again.
    this.#field.blur();
    const { to, text } = address ?? { to: this.#listener, text: words };
    if (text === "") return;
    if (to === undefined) this.#parts.say(text);
    else this.#parts.whisper(to, text);
  }

  #speakTo(listener: Listener | undefined): void {
    this.#listener = listener;
    this.#form.dataset["whisper"] = String(listener !== undefined);
    this.#to.hidden = listener === undefined;
    this.#to.textContent = `${listener?.name ?? ""} ×`;
    this.#field.placeholder = listener === undefined ? "Say something…" : "Whisper…";
  }
}
