/** What the worlds of the benchmark hold. Every contestant keeps the same, in its own way. */

/** Moves all the time. `x` and `y` are whole, `t` is when it moved, in milliseconds: a float64. */
export interface Player {
  x: number;
  y: number;
  t: number;
}

/** Stands in the world and changes now and then. */
export interface Thing {
  x: number;
  y: number;
  name: string;
  hp: number;
  kind: string;
}

/** What a server or a client sees, by id. */
export interface WorldView {
  readonly players: ReadonlyMap<string, Player>;
  readonly things: ReadonlyMap<string, Thing>;
}

/** Positions are 0 to this. */
export const WORLD_SIZE = 10_000;

export const kinds = ["tree", "rock", "flower", "house", "lamp", "well", "fence", "sheep"] as const;

export type PlayerId = `player:${number}`;
export type ThingId = `thing:${number}`;

export function playerId(index: number): PlayerId {
  return `player:${index}`;
}

export function thingId(index: number): ThingId {
  return `thing:${index}`;
}

/** The same one for the same index, with a name of its own. */
export function thing(index: number): Thing {
  return {
    x: (index * 7919) % WORLD_SIZE,
    y: (index * 104_729) % WORLD_SIZE,
    name: `the thing ${index}`,
    hp: index % 101,
    kind: kinds[index % kinds.length] ?? "tree",
  };
}

/** What things are given as `hp` one after another: 0 to before this, in no order. */
export const HP_END = 9_973;

export function hpAt(turn: number): number {
  return (turn * 7919) % HP_END;
}

/** The number in an id. */
export function indexOf(id: PlayerId | ThingId): number {
  return Number(id.slice(id.indexOf(":") + 1));
}

/** Wall time in milliseconds, with fractions. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** One text that two views have in common only if they are equal. */
export function fingerprint(view: WorldView): string {
  const players = digest(view.players, (player) => `${player.x},${player.y},${player.t}`);
  const things = digest(
    view.things,
    ({ x, y, name, hp, kind }) => `${x},${y},${name},${hp},${kind}`,
  );
  return `${view.players.size} players ${players}, ${view.things.size} things ${things}`;
}

/** Whatever the order of the map. */
export function digest<T>(objects: ReadonlyMap<string, T>, print: (object: T) => string): string {
  let sum = 0;
  for (const [id, object] of objects) sum = (sum + hash(`${id}=${print(object)}`)) >>> 0;
  return sum.toString(16);
}

/** FNV-1a, with the final mixing of MurmurHash3 so that sums of it tell. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
