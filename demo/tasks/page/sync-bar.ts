import type { ConflictBook } from "./conflict-book.ts";
import { element } from "./dom.ts";
import type { Tasks } from "./open.ts";
import { summaryOf, unsyncedIn } from "./unsynced.ts";
import type { Visits } from "./visits.ts";

/** Says how far this device is with its server, and has the switches. */
export class SyncBar {
  readonly #sync: Tasks;
  readonly #visits: Visits;
  readonly #book: ConflictBook;
  readonly #state = element("state", HTMLElement);
  readonly #outcome = element("outcome", HTMLElement);
  readonly #button = element("sync", HTMLButtonElement);
  readonly #label = element("sync-label", HTMLElement);
  readonly #auto = element("auto", HTMLInputElement);
  readonly #away = element("away", HTMLInputElement);

  constructor(sync: Tasks, visits: Visits, book: ConflictBook) {
    this.#sync = sync;
    this.#visits = visits;
    this.#book = book;
    this.#button.addEventListener("click", () => visits.sync());
    this.#auto.addEventListener("change", () => visits.set({ isAuto: this.#auto.checked }));
    this.#away.addEventListener("change", () => visits.set({ isAway: this.#away.checked }));
  }

  show(): void {
    const { setting, outcome, isUnderWay } = this.#visits;
    const { kind, text } = this.#stateNow;
    const { dataset } = document.body;
    dataset["state"] = kind;
    dataset["away"] = String(setting.isAway);
    dataset["visiting"] = String(isUnderWay);
    say(this.#state, text);
    const isWaiting = isUnderWay && this.#book.open.length > 0;
    say(this.#outcome, isWaiting ? "The sync goes on when you have settled this." : outcome.text);
    this.#outcome.dataset["error"] = String(outcome.isError && !isWaiting);
    this.#button.disabled = isUnderWay;
    say(this.#label, isUnderWay ? "Syncing" : "Sync");
    this.#auto.checked = setting.isAuto;
    this.#away.checked = setting.isAway;
  }

  get #stateNow(): { readonly kind: string; readonly text: string } {
    const conflicts = this.#book.open.length;
    if (conflicts > 0) {
      const text = conflicts === 1 ? "1 conflict to settle" : `${conflicts} conflicts to settle`;
      return { kind: "conflict", text };
    }
    const unsynced = unsyncedIn(this.#sync);
    if (unsynced.size > 0) return { kind: "unsynced", text: summaryOf(unsynced) };
    return { kind: "synced", text: "Nothing unsynced" };
  }
}

/** What is read aloud when it changes is not to be set when it does not. */
function say(where: HTMLElement, text: string): void {
  if (where.textContent !== text) where.textContent = text;
}
