import type { ObjectSync } from "object-sync/client";
import type { ObjectSyncServer } from "object-sync/server";
import { now, thingId } from "../world.ts";
import type { ClientEvents, ContestantClient, ContestantServer } from "./contestant.ts";
import { clientOf, serve, type Models } from "./object-sync.ts";

/*
 * Both ends of those who show each client a part of the things. A thing notes when it has changed, so that
 * a client who is told of it knows how late that is.
 */

export async function serveThings(
  sync: ObjectSyncServer,
  make: (index: number) => object,
): Promise<ContestantServer> {
  return {
    ...(await serve(sync, make)),
    setHp: (index, hp) => void sync.update({ id: thingId(index), hp, t: now() }),
  };
}

export async function watchThings(
  sync: ObjectSync<Models>,
  events: ClientEvents,
): Promise<ContestantClient> {
  const things = sync.namespace("thing");
  things.on("add", ({ t }) => events.changed(t));
  things.on("update", ({ t }) => events.changed(t));
  things.on("remove", () => events.changed());
  await sync.whenSynced();
  return clientOf(sync);
}
