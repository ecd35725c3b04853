import { WORLD_SIZE, type Player } from "./world.ts";

/*
 * The field of the workload `interest`: players walk about, and each sees those in the cell that it is in
 * and in the eight around that. A cell changes only when somebody is a margin beyond it.
 */

export const CELL_SIZE = 600;
export const MARGIN = 60;
/** Whoever is so near must be seen. */
export const RADIUS = 480;
/** Nobody is seen who is further away than this, in `x` or in `y`: both may be a margin beyond their cells. */
const SIGHT_MAX = 2 * (CELL_SIZE + MARGIN);

/** For so many players the field is the whole world; others have as much room each. */
const PLAYERS_OF_WORLD = 1_000;

/** The side of the square in which so many players see about 30 others each. */
export function fieldSizeOf(players: number): number {
  return Math.round(WORLD_SIZE * Math.sqrt(players / PLAYERS_OF_WORLD));
}

/** Scattered evenly: the sequence R2 of Martin Roberts, "The unreasonable effectiveness of quasirandom sequences". */
export function startOf(index: number, fieldSize: number): Player {
  const x = Math.floor(((index * 0.7548776662466927) % 1) * fieldSize);
  const y = Math.floor(((index * 0.5698402909980532) % 1) * fieldSize);
  return { x, y, t: 0 };
}

/** Whether the client of `own` sees whom it must see, nobody who is out of sight, and all as they are. */
export function isSeenRightly(
  own: string,
  seen: ReadonlyMap<string, Player>,
  all: ReadonlyMap<string, Player>,
): boolean {
  const me = all.get(own);
  if (me === undefined) return false;
  for (const [id, player] of seen) {
    const real = all.get(id);
    if (real === undefined || !isSame(player, real)) return false;
    if (Math.max(Math.abs(real.x - me.x), Math.abs(real.y - me.y)) > SIGHT_MAX) return false;
  }
  for (const [id, { x, y }] of all) {
    if (Math.hypot(x - me.x, y - me.y) <= RADIUS && !seen.has(id)) return false;
  }
  return true;
}

function isSame(a: Player, b: Player): boolean {
  return a.x === b.x && a.y === b.y && a.t === b.t;
}
