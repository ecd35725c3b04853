import { element } from "./dom.ts";
import type { Listener, Whisper } from "./whispers.ts";

const linesMax = 5;

/** The last whispers, in a corner: they fade like other speech, only later. A click answers. */
export class WhisperLog {
  readonly #list = element("whispers", HTMLElement);
  readonly #answer: (listener: Listener) => void;

  constructor(answer: (listener: Listener) => void) {
    this.#answer = answer;
  }

  said({ other, text, isMine }: Whisper): void {
    const who = document.createElement("b");
    who.textContent = isMine ? `You to ${other.name}` : `${other.name} to you`;
    const line = document.createElement("button");
    line.type = "button";
    line.title = `Whisper to ${other.name}`;
    line.append(who, " ", text);
    line.addEventListener("click", () => {
      this.#answer(other);
    });
    this.#add(line);
  }

  missed({ name }: Listener): void {
    this.#add(`${name} has left, and did not hear that.`);
  }

  #add(content: Node | string): void {
    const item = document.createElement("li");
    item.append(content);
    item.addEventListener("animationend", () => {
      item.remove();
    });
    this.#list.append(item);
    while (this.#list.childElementCount > linesMax) this.#list.firstElementChild?.remove();
  }
}
