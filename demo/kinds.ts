/** What can stand in the arena, besides players, and how it behaves when somebody walks into it. */
export type Kind = "tree" | "flower" | "stone" | "crate" | "ball";

export interface KindRules {
  /** Collision radius at size 1, in world units; 0 is walked over. */
  readonly radius: number;
  /** How much of a push gets through: 0 never moves, 1 moves as fast as whoever pushes. */
  readonly give: number;
}

export const kinds: Readonly<Record<Kind, KindRules>> = {
  tree: { radius: 13, give: 0 },
  flower: { radius: 0, give: 0 },
  stone: { radius: 17, give: 0.45 },
  crate: { radius: 21, give: 0.85 },
  ball: { radius: 14, give: 1 },
};

/** The part of an id before the colon, when that is one of our kinds. */
export function kindOf(id: string): Kind | undefined {
  const namespace = id.slice(0, Math.max(0, id.indexOf(":")));
  return Object.hasOwn(kinds, namespace) ? (namespace as Kind) : undefined;
}

export const playerNamespace = "player";
export const playerPrefix = `${playerNamespace}:`;

/** What one player tells another alone. */
export const whisperNamespace = "whisper";

/** How many players there are, in sight or not: one object, which the server keeps. */
export const censusNamespace = "census";
export const censusId = `${censusNamespace}:players`;
