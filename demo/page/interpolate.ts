/** Where a remote thing is shown: a little behind what has arrived, so that it glides between. */
const delayMs = 100;
/** Positions are sent only when they change: after a longer silence the thing stood still. */
const stillAfterMs = 160;
/** What a sender leaves between two positions while it moves. */
const beatMs = 50;
const samplesMax = 12;
/** Farther than this between two samples is a jump, not a walk. */
const jumpUnits = 260;

interface Sample {
  readonly at: number;
  readonly x: number;
  readonly y: number;
}

export interface Place {
  x: number;
  y: number;
}

/** A short history of the positions of one thing, sampled in the past. Times in milliseconds. */
export class Track {
  #samples: Sample[] = [];

  constructor(x: number, y: number) {
    this.reset(x, y);
  }

  /** Forgets the history: the thing is here, now. */
  reset(x: number, y: number): void {
    this.#samples = [{ at: -Infinity, x, y }];
  }

  add(at: number, x: number, y: number): void {
    const last = this.#samples.at(-1);
    if (last === undefined || Math.hypot(x - last.x, y - last.y) > jumpUnits) {
      this.reset(x, y);
      return;
    }
    if (at <= last.at) return;
    if (at - last.at > stillAfterMs) this.#samples.push({ at: at - beatMs, x: last.x, y: last.y });
    this.#samples.push({ at, x, y });
    if (this.#samples.length > samplesMax)
      this.#samples.splice(0, this.#samples.length - samplesMax);
  }

  /** The newest known place, whether or not it is shown yet. */
  get latest(): Place {
    return this.#samples.at(-1) ?? { x: 0, y: 0 };
  }

  /** The place to show at `now`, written into `out` so that a frame allocates nothing. */
  at(now: number, out: Place): void {
    const time = now - delayMs;
    for (let i = this.#samples.length - 1; i >= 0; i--) {
      const before = this.#samples[i];
      if (before === undefined || before.at > time) continue;
      const after = this.#samples[i + 1];
      const span = after === undefined ? 0 : after.at - before.at;
      const part = after === undefined || !Number.isFinite(span) ? 0 : (time - before.at) / span;
      out.x = before.x + ((after?.x ?? before.x) - before.x) * part;
      out.y = before.y + ((after?.y ?? before.y) - before.y) * part;
      return;
    }
    const first = this.#samples[0];
    if (first === undefined) return;
    out.x = first.x;
    out.y = first.y;
  }
}
