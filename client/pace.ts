// Of what the server allows: messages that it gets in a bunch after a delay must not be too many.
const SHARE = 0.8;

/** Keeps what is sent below a number a second on average, and below twice as many in one burst. */
export class Pace {
  readonly #perMs: number;
  readonly #roomMax: number;
  #room: number;
  #filledAt: number;

  constructor(perSecondMax: number, now: number) {
    this.#perMs = (perSecondMax * SHARE) / 1_000;
    this.#roomMax = Math.max(1, perSecondMax * 2 * SHARE);
    this.#room = this.#roomMax;
    this.#filledAt = now;
  }

  /** How many may be sent now; below 1, none. */
  roomAt(now: number): number {
    const gained = (now - this.#filledAt) * this.#perMs;
    this.#room = Math.min(this.#roomMax, this.#room + gained);
    this.#filledAt = now;
    return this.#room;
  }

  /** How long it takes until one may be sent. */
  waitMsAt(now: number): number {
    return Math.max(0, Math.ceil((1 - this.roomAt(now)) / this.#perMs));
  }

  spend(count: number): void {
    this.#room -= count;
  }
}
