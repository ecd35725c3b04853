import type { Conflict } from "../../lib/conflict.ts";
import type { ConflictHandler } from "../conflict-desk.ts";

/** What this client has written holds. */
export const preferLocal: ConflictHandler = ({ mine }) => mine;

/** What others have written holds, and nothing is written. */
export const preferRemote: ConflictHandler = () => undefined;

/** What asks another handler wants what that one wants. */
function askingFor(others: ConflictHandler, handler: ConflictHandler): ConflictHandler {
  return Object.assign(handler, { wantsEqual: others.wantsEqual === true });
}

/**
 * An object that one side has changed, or refers to, while the other destroyed it, stays or comes back;
 * `others` decides what else collides.
 */
export function keepAlive(others: ConflictHandler): ConflictHandler {
  return askingFor(others, (conflict) => {
    const { mine, theirs } = conflict;
    if (theirs === null) return mine;
    return mine === null ? undefined : others(conflict);
  });
}

/**
 * Two objects that were created under one id both stay: the local one under the id that `newId` gives,
 * with all that refers to it. `others` decides what else collides.
 */
export function keepBoth(
  newId: (id: string) => string,
  others: ConflictHandler = preferLocal,
): ConflictHandler {
  return askingFor(others, (conflict) => {
    const { id, base, mine, theirs } = conflict;
    const areTwo = base === null && mine !== null && theirs !== null;
    return areTwo ? { ...mine, id: newId(id) } : others(conflict);
  });
}

/** What a property is to be, of which both sides have made something else: perhaps the same. */
export type PropertyMerge = (
  collision: Conflict["collisions"][number],
  conflict: Conflict,
) => unknown;

/**
 * Decides property by property, also of what both sides have made the same; `others` decides where one
 * side has no such object.
 */
export function mergeProperties(
  merge: PropertyMerge,
  others: ConflictHandler = keepAlive(preferLocal),
): ConflictHandler {
  const handler: ConflictHandler = (conflict) => {
    const merged: Record<string, unknown> = {};
    for (const collision of conflict.collisions) {
      if (collision.property === undefined) return others(conflict);
      merged[collision.property] = merge(collision, conflict);
    }
    return merged as ReturnType<ConflictHandler>;
  };
  return Object.assign(handler, { wantsEqual: true });
}
