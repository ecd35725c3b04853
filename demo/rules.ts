import type { Changes, Rule, Rules, SyncObject } from "../server/index.ts";
import { censusNamespace, kinds, playerNamespace, whisperNamespace } from "./kinds.ts";
import { playerIn } from "./pass.ts";

/**
 * Who may do what. An avatar is its player's, a whisper is between two, and things are everybody's to
 * plant, push and remove; spectators have no part in any of it. What is in sight is up to the fog, and
 * not asked here: what somebody did offline comes before their avatar is back.
 *
 * `isHere` tells whether a player is in the arena, to whom one would whisper.
 */
export function arenaRules(isHere: (id: unknown) => boolean): Rules {
  const things = Object.entries(kinds).map(([kind, { give }]): [string, Rule] => [
    kind,
    { read: true, create: isPlayer, update: give > 0 && isPush, destroy: isPlayer },
  ]);
  return {
    ...Object.fromEntries(things),
    [playerNamespace]: { read: true, create: isOwn, update: isOwn, destroy: isOwn },
    [whisperNamespace]: {
      read: (identity, whisper) => isFrom(identity, whisper) || isTo(identity, whisper),
      create: (identity, whisper) => isFrom(identity, whisper) && isHere(whisper["to"]),
      destroy: isFrom,
    },
    [censusNamespace]: { read: true },
  };
}

function isPlayer(identity: unknown): boolean {
  return playerIn(identity) !== undefined;
}

function isOwn(identity: unknown, avatar: SyncObject): boolean {
  return playerIn(identity)?.id === avatar.id;
}

function isFrom(identity: unknown, whisper: SyncObject): boolean {
  return isPlayer(identity) && playerIn(identity)?.id === whisper["from"];
}

function isTo(identity: unknown, whisper: SyncObject): boolean {
  return isPlayer(identity) && playerIn(identity)?.id === whisper["to"];
}

/** What gives way is moved, and stays what it is. */
function isPush(identity: unknown, _thing: SyncObject, changes: Changes): boolean {
  const isPlace = ([name, value]: [string, unknown]): boolean =>
    (name === "x" || name === "y") && typeof value === "number";
  return isPlayer(identity) && Object.entries(changes).every(isPlace);
}
