import { hash } from "../random.ts";
import { playerPrefix } from "../kinds.ts";
import { Track } from "./interpolate.ts";
import { SenderClock } from "./sender-clock.ts";
import { colour, line, nameMax, number, type Properties, said } from "./read.ts";
import { animate, type Walker } from "./walker.ts";

export const isPlayer = (id: string): boolean => id.startsWith(playerPrefix);

interface Other extends Walker {
  readonly track: Track;
  readonly clock: SenderClock;
  readonly shown: { x: number; y: number };
  /** Which of its sayings we know. */
  heard: number | undefined;
}

/** Everybody else, as this page shows them. */
export class Players {
  readonly #players = new Map<string, Other>();

  get size(): number {
    return this.#players.size;
  }

  [Symbol.iterator](): IterableIterator<Walker> {
    return this.#players.values();
  }

  /**
   * An object came, or changed. `seconds` is the page's time. What somebody said before we came is
   * not said again: `heard` tells that these words are old.
   */
  set(id: string, object: Properties, seconds: number, heard = false): void {
    const x = number(object["x"], 0);
    const y = number(object["y"], 0);
    let player = this.#players.get(id);
    const words = said(object["say"]);
    if (player === undefined) {
      player = newcomer(id, x, y, seconds);
      this.#players.set(id, player);
    }
    const last = player.track.latest;
    const at = player.clock.toOurs(number(object["at"], 0, 0, Infinity), seconds * 1000);
    if (last.x !== x || last.y !== y) player.track.add(at, x, y);
    player.name = line(object["name"], nameMax) || "Somebody";
    player.colour = colour(object["color"], id);
    player.hat = number(object["hat"], player.seed);
    if (words === undefined || words.n === player.heard) return;
    player.heard = words.n;
    if (!heard) player.bubble = { said: words, at: seconds };
  }

  get(id: string): Walker | undefined {
    return this.#players.get(id);
  }

  remove(id: string): void {
    this.#players.delete(id);
  }

  step(now: number, seconds: number): void {
    for (const player of this.#players.values()) {
      player.track.at(now * 1000, player.shown);
      const [dx, dy] = [player.shown.x - player.x, player.shown.y - player.y];
      player.x = player.shown.x;
      player.y = player.shown.y;
      animate(player, dx, dy, seconds);
    }
  }
}

function newcomer(id: string, x: number, y: number, seconds: number): Other {
  const seed = hash(id) % 10_007;
  return {
    id,
    seed,
    x,
    y,
    name: "",
    colour: "",
    hat: seed,
    facing: { x: 0, y: 1 },
    stride: 0,
    pace: 0,
    bubble: undefined,
    bornAt: seconds,
    track: new Track(x, y),
    clock: new SenderClock(),
    shown: { x, y },
    heard: undefined,
  };
}
