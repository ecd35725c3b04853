import type { Arena, ArenaObject } from "./arena.ts";
import type { Me } from "./me.ts";
import type { Particles } from "./particles.ts";
import { isPlayer, type Players } from "./players.ts";
import type { Scene } from "./scene.ts";
import type { Thing, Things } from "./things.ts";

const leaves = ["#7cc36a", "#9ccf6c", "#58a85c"] as const;
const puffs = ["#fffaf0", "#efe0b8", "#dcc793"] as const;

interface Parts {
  readonly me: Me;
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

/** Carries the events of the replica over to what the page shows. */
export function feed(sync: Arena, parts: Parts): void {
  const { me, players, things, particles, scene, now } = parts;

  const show = (object: ArenaObject, fresh: boolean): void => {
    if (object.id === me.id) return;
    if (isPlayer(object.id)) {
      players.set(object.id, object, now(), !fresh);
      return;
    }
    const known = things.get(object.id);
    const thing = known ?? things.add(object.id, object, -Infinity);
    if (thing === undefined || !fresh) return;
    thing.bornAt = now();
    particles.puff(thing.x, thing.y, thing.kind === "crate" ? puffs : leaves, 9);
  };

  const hide = (id: string): void => {
    parts.released(id);
    const player = players.remove(id);
    if (player !== undefined)
      particles.puff(player.x, player.y - 18, [player.colour, ...puffs], 16);
    const thing = things.remove(id);
    if (thing !== undefined) leave(thing);
  };

  const leave = (thing: Thing): void => {
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
    if (object.id === me.id) return;
    if (isPlayer(object.id)) players.set(object.id, object, now());
    else things.moved(object.id, object, now());
    if (!parts.ours()) parts.released(object.id);
  });
  sync.on("remove", hide);
  sync.on("destroy", hide);
  for (const object of sync.allObjects().values()) show(object, false);
}
