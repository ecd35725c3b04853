import { element } from "./dom.ts";
import { colours } from "./palette.ts";
import { type Profile, randomProfile } from "./profile.ts";
import { line, nameMax } from "./read.ts";

/** Shows who I am, and lets me change it. `change` is told at once, so that I see what I choose. */
export class ProfilePanel {
  #profile: Profile;
  readonly #change: (profile: Profile) => void;
  readonly #button = element("profile-button", HTMLButtonElement);
  readonly #panel = element("profile", HTMLFormElement);
  readonly #name = element("name", HTMLInputElement);
  readonly #swatches: HTMLButtonElement[] = [];

  constructor(profile: Profile, change: (profile: Profile) => void) {
    this.#profile = profile;
    this.#change = change;
    for (const colour of colours) this.#addSwatch(colour);
    this.#button.addEventListener("click", () => {
      this.#toggle(Boolean(this.#panel.hidden));
    });
    this.#panel.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#toggle(false);
    });
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#toggle(false);
    });
    this.#name.addEventListener("input", () => {
      const name = line(this.#name.value, nameMax);
      if (name !== "") this.#set({ ...this.#profile, name }, false);
    });
    element("dice", HTMLButtonElement).addEventListener("click", () => {
      this.#set(randomProfile());
    });
    element("hat", HTMLButtonElement).addEventListener("click", () => {
      this.#set({ ...this.#profile, hat: this.#profile.hat + 1 });
    });
    this.show(profile);
  }

  #set(profile: Profile, fillField = true): void {
    this.show(profile, fillField);
    this.#change(profile);
  }

  show(profile: Profile, fillField = true): void {
    this.#profile = profile;
    const { name, color } = profile;
    if (fillField) this.#name.value = name;
    element("profile-name", HTMLElement).textContent = name;
    element("profile-dot", HTMLElement).style.setProperty("--own", color);
    colours.forEach((colour, i) => {
      this.#swatches[i]?.setAttribute("aria-checked", String(colour === color));
    });
  }

  #toggle(open: boolean): void {
    this.#panel.hidden = !open;
    this.#button.setAttribute("aria-expanded", String(open));
    element("map", HTMLCanvasElement).hidden = open;
    if (open) this.#name.select();
    else if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  }

  #addSwatch(colour: string): void {
    const swatch = document.createElement("button");
    swatch.type = "button";
    swatch.setAttribute("role", "radio");
    swatch.setAttribute("aria-label", `Colour ${colour}`);
    swatch.style.setProperty("--swatch", colour);
    swatch.addEventListener("click", () => {
      this.#set({ ...this.#profile, color: colour });
    });
    this.#swatches.push(swatch);
    element("colours", HTMLElement).append(swatch);
  }
}
