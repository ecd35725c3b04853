import { type Arena, settle } from "./arena.ts";
import type { Me } from "./me.ts";
import type { Profile } from "./profile.ts";
import type { Said } from "./read.ts";

/** When my avatar is missing, it is made again, but not more often than this. */
const appearEveryMs = 1000;

/**
 * My avatar as others see it. The server removes it when my connection ends; so after an outage,
 * or when the server was started anew, the page puts it back where I stand.
 */
export class Presence {
  readonly #sync: Arena;
  readonly #me: Me;
  #appearedAt = -Infinity;
  /** Said while away: an avatar that has to be made again brings it along. */
  #unheard: Said | undefined;

  constructor(sync: Arena, me: Me) {
    this.#sync = sync;
    this.#me = me;
    const appear = () => {
      this.#appear();
    };
    sync.on("synced", appear);
    // Also when it is removed while connected: by the late end of an older connection of ours.
    setInterval(appear, appearEveryMs);
  }

  wear(profile: Profile): void {
    this.#me.wear(profile);
    if (this.#here) settle(this.#sync.save({ id: this.#me.id, ...profile }));
  }

  say(text: string, now: number): void {
    // The time tells two sayings of the same words apart, also after a reload.
    const said = { text, n: Date.now() };
    this.#me.bubble = { said, at: now };
    if (this.#sync.status !== "synced") this.#unheard = said;
    if (this.#here) settle(this.#sync.save({ id: this.#me.id, say: said }));
  }

  get #here(): boolean {
    return this.#sync.get(this.#me.id) !== undefined;
  }

  #appear(): void {
    const now = performance.now();
    if (this.#sync.status !== "synced" || this.#here) return;
    if (now - this.#appearedAt < appearEveryMs / 2) return;
    this.#appearedAt = now;
    const { id, name, colour, hat } = this.#me;
    const [x, y] = [Math.round(this.#me.x), Math.round(this.#me.y)];
    const say = this.#unheard === undefined ? {} : { say: this.#unheard };
    this.#unheard = undefined;
    settle(this.#sync.create({ id, x, y, name, color: colour, hat, ...say }));
  }
}
