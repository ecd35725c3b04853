import { type Arena, settle } from "./arena.ts";
import type { Me } from "./me.ts";
import type { Profile } from "./profile.ts";
import type { Said } from "./read.ts";

/** When my avatar is missing, it is made again, but not more often than this. */
const appearEveryMs = 1000;

/**
 * My avatar as others see it. The server removes it a moment after my connection has ended; so after
 * an outage, or when the server was started anew, the page puts it back where I stand, as I look by
 * then and with what I said last meanwhile. (Written while away, that would be refused: it is gone.)
 */
export class Presence {
  readonly #sync: Arena;
  readonly #me: Me;
  readonly #appeared: () => void;
  #appearedAt = -Infinity;
  #unheard: { readonly say?: Said } = {};

  /** `appeared` is told when my avatar is there, and with it what is around it. */
  constructor(sync: Arena, me: Me, appeared: () => void) {
    this.#sync = sync;
    this.#me = me;
    this.#appeared = appeared;
    sync.on("synced", () => {
      this.#appear();
    });
    // Also when it is removed while connected: by the late end of an older connection of ours.
    setInterval(() => {
      if (this.#isAway || this.#isHere) return;
      if (performance.now() - this.#appearedAt > appearEveryMs) this.#appear();
    }, appearEveryMs / 4);
  }

  wear(profile: Profile): void {
    this.#me.wear(profile);
    if (!this.#isAway) settle(this.#sync.save({ id: this.#me.id, ...profile }));
  }

  say(text: string, now: number): void {
    // The time tells two sayings of the same words apart, also after a reload.
    const say = { text, n: Date.now() };
    this.#me.bubble = { said: say, at: now };
    if (this.#isAway) this.#unheard = { say };
    else settle(this.#sync.save({ id: this.#me.id, say }));
  }

  get #isAway(): boolean {
    return this.#sync.status !== "synced";
  }

  get #isHere(): boolean {
    return this.#sync.get(this.#me.id) !== undefined;
  }

  #appear(): void {
    this.#appearedAt = performance.now();
    const { id, name, colour, hat } = this.#me;
    const [x, y] = [Math.round(this.#me.x), Math.round(this.#me.y)];
    const avatar = { id, x, y, name, color: colour, hat, ...this.#unheard };
    this.#unheard = {};
    const write = this.#isHere ? this.#sync.save(avatar) : this.#sync.create(avatar);
    settle(write.then(this.#appeared));
  }
}
