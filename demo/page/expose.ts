import type { Arena } from "./arena.ts";
import type { FrameTimes } from "./loop.ts";
import type { Me } from "./me.ts";
import type { Players } from "./players.ts";
import type { Things } from "./things.ts";

interface Exposed {
  readonly sync: Arena;
  /** A spectator has none. */
  readonly me?: Me;
  readonly players: Players;
  readonly things: Things;
  readonly frames: FrameTimes;
}

declare global {
  interface Window {
    arena: Exposed;
  }
}

/** For the curious, and for tests. */
export function expose(parts: Exposed): void {
  window.arena = parts;
}
