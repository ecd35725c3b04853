import type { Arena, ArenaObject } from "./arena.ts";
import type { Me } from "./me.ts";
import type { Particles } from "./particles.ts";
import { isPlayer, type Players } from "./players.ts";
import type { Scene } from "./scene.ts";
import type { Things } from "./things.ts";

const leaves = ["#7cc36a", "#9ccf6c", "#58a85c"] as const;
const puffs = ["#fffaf0", "#efe0b8", "#dcc793"] as const;

interface Parts {
  /** A spectator has none. */
  readonly me: Me | undefined;
  readonly players: Players;
  readonly things: Things;
  readonly particles: Particles;
  readonly scene: Scene;
  /** Page time in seconds. */
  readonly now: () => number;
  /** Somebody else changed this object, or it is gone. */
  readonly released: (id: string) => void;
  /** Whether a change that is being reported is our own. */
  readonly ours: () => boolean;
}

/**
 * Carries the events of the replica over to what the page shows. Returns what is to be called when I am
 * back in the arena, and shown what is around me.
 *
 * Who has no avatar is shown nothing. It comes to that after each outage, for a moment; until I am back
 * what I saw last stays.
 */
export function feed(sync: Arena, parts: Parts): () => void {
  const { me, players, things, particles, scene, now } = parts;
  const isMine = (id: string): boolean => id === me?.id;
  const isAway = (): boolean => me !== undefined && sync.get(me.id) === undefined;
  const lost = new Set<string>();

  const show = (object: ArenaObject, fresh: boolean): void => {
    if (isMine(object.id)) return;
    lost.delete(object.id);
    if (isPlayer(object.id)) {
      players.set(object.id, object, now(), !fresh);
      return;
    }
    const known = things.get(object.id);
    if (known !== undefined) things.moved(object.id, object, now());
    const thing = known ?? things.add(object.id, object, -Infinity);
    if (thing === undefined || !fresh) return;
    thing.bornAt = now();
    particles.puff(thing.x, thing.y, thing.kind === "crate" ? puffs : leaves, 9);
  };

  /** It is out of sight: the fog has covered it already. */
  const hide = (id: string): void => {
    parts.released(id);
    lost.delete(id);
    players.remove(id);
    things.remove(id);
  };

  /** It is no more. */
  const end = (id: string): void => {
    const player = players.get(id);
    const thing = things.get(id);
    hide(id);
    if (player !== undefined)
      particles.puff(player.x, player.y - 18, [player.colour, ...puffs], 16);
    if (thing === undefined) return;
    scene.leave(thing, now());
    particles.puff(thing.x, thing.y - 6, thing.kind === "tree" ? leaves : puffs, 10);
  };

  // `add` tells of everything that comes into view, `create` only of what is new: it may follow.
  sync.on("add", (object) => {
    show(object, false);
  });
  sync.on("create", (object) => {
    show(object, true);
  });
  sync.on("update", (object) => {
    if (isMine(object.id)) return;
    if (isPlayer(object.id)) players.set(object.id, object, now());
    else things.moved(object.id, object, now());
    if (!parts.ours()) parts.released(object.id);
  });
  // What is destroyed leaves as well, after that.
  sync.on("destroy", end);
  sync.on("remove", (id) => {
    if (isAway()) lost.add(id);
    else hide(id);
  });
  for (const object of sync.allObjects().values()) show(object, false);
  return () => {
    for (const id of lost) hide(id);
  };
}
