import { kindOf } from "../kinds.ts";
import { Track } from "./interpolate.ts";
import type { Body } from "./push.ts";
import { number, type Properties } from "./read.ts";

/** How long our own push decides where a thing is shown, after the last touch. */
const holdSeconds = 0.25;

export interface Thing extends Body {
  readonly look: number;
  /** Page time at which it was planted before our eyes; -Infinity for what was there already. */
  bornAt: number;
  /** How much it still trembles: 1 just touched, 0 at rest. */
  tremble: number;
  /** How far a ball has rolled. */
  turn: number;
  readonly track: Track;
  heldUntil: number;
  /** Where the last frame showed it. */
  readonly before: { x: number; y: number };
}

/** Trees, flowers, stones, crates and balls, as this page shows them. */
export class Things {
  readonly #things = new Map<string, Thing>();
  #list: Thing[] = [];
  readonly #shown = { x: 0, y: 0 };

  /** All of them, in no particular order. The array is replaced, not changed, when things come or go. */
  get list(): readonly Thing[] {
    if (this.#list.length !== this.#things.size) this.#list = [...this.#things.values()];
    return this.#list;
  }

  get(id: string): Thing | undefined {
    return this.#things.get(id);
  }

  add(id: string, object: Properties, bornAt: number): Thing | undefined {
    const kind = kindOf(id);
    if (kind === undefined) return undefined;
    const x = number(object["x"], 0);
    const y = number(object["y"], 0);
    const thing: Thing = {
      id,
      kind,
      x,
      y,
      size: number(object["size"], 1, 0.5, 1.6),
      look: Math.trunc(Math.abs(number(object["look"], 0))),
      bornAt,
      tremble: 0,
      turn: 0,
      track: new Track(x, y),
      heldUntil: -Infinity,
      before: { x, y },
    };
    this.#things.set(id, thing);
    this.#list = [];
    return thing;
  }

  /** Somebody moved it: glide there, unless we are moving it ourselves. */
  moved(id: string, object: Properties, seconds: number): void {
    const thing = this.#things.get(id);
    if (thing === undefined) return;
    thing.track.add(seconds * 1000, number(object["x"], thing.x), number(object["y"], thing.y));
  }

  /** We moved it (its x and y are changed already): until the store has it, ours is what is shown. */
  hold(thing: Thing, seconds: number): void {
    thing.heldUntil = seconds + holdSeconds;
    thing.tremble = Math.max(thing.tremble, 0.35);
  }

  /** The store's place counts again. */
  release(id: string): void {
    const thing = this.#things.get(id);
    if (thing !== undefined) thing.heldUntil = -Infinity;
  }

  remove(id: string): void {
    this.#things.delete(id);
    this.#list = [];
  }

  /** `waiting` tells whether a place of ours is still to be written. */
  step(now: number, seconds: number, waiting: (id: string) => boolean): void {
    // Towards the store's place rather than onto it, so that letting go never makes a thing jump.
    const part = 1 - Math.exp(-22 * seconds);
    for (const thing of this.#things.values()) {
      thing.tremble *= Math.exp(-4.5 * seconds);
      if (now < thing.heldUntil || waiting(thing.id)) {
        // What we wrote meanwhile is no history to play back once we let go.
        const latest = thing.track.latest;
        thing.track.reset(latest.x, latest.y);
      } else {
        thing.track.at(now * 1000, this.#shown);
        thing.x += (this.#shown.x - thing.x) * part;
        thing.y += (this.#shown.y - thing.y) * part;
      }
      if (thing.kind === "ball") roll(thing);
    }
  }
}

/** Turns a ball as far as it has moved since the last frame. */
function roll(ball: Thing): void {
  const [dx, dy] = [ball.x - ball.before.x, ball.y - ball.before.y];
  Object.assign(ball.before, { x: ball.x, y: ball.y });
  ball.turn += (Math.hypot(dx, dy) / (14 * ball.size)) * Math.sign(dx + dy * 0.3 || 1);
}
