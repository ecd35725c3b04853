import type { Arena } from "./arena.ts";
import { element } from "./dom.ts";

/** Often enough to be honest, rarely enough to be read. */
const everySeconds = 0.1;
const roundTripBlend = 0.25;

type Shown = "connected" | "connecting" | "reconnecting" | "offline";

const words: Readonly<Record<Shown, string>> = {
  connected: "Connected",
  connecting: "Connecting…",
  reconnecting: "Reconnecting…",
  offline: "Offline",
};

/** The line at the top: connection, players, pending writes, and the offline switch. */
export class Hud {
  readonly #sync: Arena;
  readonly #status = element("status", HTMLElement);
  readonly #text = element("status-text", HTMLElement);
  readonly #time = element("round-trip", HTMLElement);
  readonly #players = element("players", HTMLElement);
  readonly #pending = element("pending", HTMLElement);
  readonly #pendingPart = element("pending-part", HTMLElement);
  readonly #banner = element("banner", HTMLElement);
  readonly #switch = element("offline", HTMLInputElement);
  #roundTripMs: number | undefined;
  #wasSynced = false;
  #shownAt = -Infinity;

  constructor(sync: Arena) {
    this.#sync = sync;
    this.#switch.addEventListener("change", () => {
      if (this.#switch.checked) sync.disconnect();
      else sync.connect();
      this.#switch.blur();
    });
  }

  /** How long one write took until it was decided. */
  roundTrip(ms: number): void {
    const before = this.#roundTripMs ?? ms;
    this.#roundTripMs = before + (ms - before) * roundTripBlend;
  }

  show(now: number, players: number, waiting: number): void {
    if (now - this.#shownAt < everySeconds) return;
    this.#shownAt = now;
    const shown = this.#shown();
    const pending = this.#sync.pending + (shown === "connected" ? 0 : waiting);
    this.#status.dataset["status"] = shown;
    put(this.#text, words[shown]);
    const ms = this.#roundTripMs;
    put(this.#time, shown !== "connected" || ms === undefined ? "" : `${Math.round(ms)} ms`);
    put(this.#players, String(players));
    put(this.#pending, String(pending));
    this.#pendingPart.dataset["busy"] = String(shown !== "connected" && pending > 0);
    this.#switch.checked = shown === "offline";
    this.#banner.hidden = shown !== "offline";
  }

  #shown(): Shown {
    const { status } = this.#sync;
    // Also when the server sent us away for good: switching back on tries again.
    if (status === "offline" || status === "closed") return "offline";
    this.#wasSynced ||= status === "synced";
    if (status === "synced") return "connected";
    return this.#wasSynced ? "reconnecting" : "connecting";
  }
}

/** Sets text only when it changed: nothing is laid out anew for nothing. */
function put(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}
