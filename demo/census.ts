import type { ObjectSyncServer } from "../server/index.ts";
import { censusId, playerPrefix } from "./kinds.ts";

/** Tells everybody how many players there are: nobody sees all of them. */
export async function takeCensus(sync: ObjectSyncServer): Promise<void> {
  const count = (): number =>
    [...sync.allObjects().keys()].filter((id) => id.startsWith(playerPrefix)).length;
  const recount = (id: string): void => {
    if (!id.startsWith(playerPrefix)) return;
    // It fails when the arena is closed, and then there is nobody to be told.
    sync.update({ id: censusId, players: count() }).catch(() => undefined);
  };
  await sync.create({ id: censusId, players: count() });
  sync.on("create", ({ id }) => recount(id));
  sync.on("destroy", recount);
}
