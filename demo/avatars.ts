import type { ObjectSyncServer } from "../server/index.ts";
import { playerPrefix } from "./kinds.ts";

/**
 * A player's avatar goes when the player goes: whatever a session created under `player:` is
 * destroyed at its end. A page that comes back makes its avatar again.
 */
export function removeAvatarsOfTheGone(sync: ObjectSyncServer): void {
  const avatarsOf = new Map<string, Set<string>>();

  sync.on("create", (object, { sessionId }) => {
    if (sessionId === null || !object.id.startsWith(playerPrefix)) return;
    const avatars = avatarsOf.get(sessionId) ?? new Set();
    avatarsOf.set(sessionId, avatars.add(object.id));
  });

  sync.on("disconnect", (session) => {
    for (const id of avatarsOf.get(session.id) ?? []) {
      // Removed already, or not to be removed: either way nothing more to do for this avatar.
      if (sync.get(id) !== undefined) sync.destroy(id).catch(console.warn);
    }
    avatarsOf.delete(session.id);
  });
}
