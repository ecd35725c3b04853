import type { Changes, Rule, Rules, SyncObject } from "../server/index.ts";
import { censusNamespace, kinds, playerNamespace } from "./kinds.ts";
import { playerIn } from "./pass.ts";

/**
 * Who may do what. An avatar is its player's, and things are everybody's to plant, push and remove;
 * spectators have no part in any of it. What is in sight is up to the fog, and not asked here: what
 * somebody did offline comes before their avatar is back.
 */
export function arenaRules(): Rules {
  const things = Object.entries(kinds).map(([kind, { give }]): [string, Rule] => [
    kind,
    { read: true, create: isPlayer, update: give > 0 && isPush, destroy: isPlayer },
  ]);
  return {
    ...Object.fromEntries(things),
    [playerNamespace]: { read: true, create: isOwn, update: isOwn, destroy: isOwn },
    [censusNamespace]: { read: true },
  };
}

function isPlayer(identity: unknown): boolean {
  return playerIn(identity) !== undefined;
}

function isOwn(identity: unknown, avatar: SyncObject): boolean {
  return playerIn(identity)?.id === avatar.id;
}

/** What gives way is moved, and stays what it is. */
function isPush(identity: unknown, _thing: SyncObject, changes: Changes): boolean {
  const isPlace = ([name, value]: [string, unknown]): boolean =>
    (name === "x" || name === "y") && typeof value === "number";
  return isPlayer(identity) && Object.entries(changes).every(isPlace);
}
