import { ObjectSync } from "../../client/index.ts";
import type { Pass } from "../pass.ts";
import type { Properties } from "./read.ts";

export type Arena = ObjectSync;

/** What this page reads of an object; everything else about it is checked where it is used. */
export type ArenaObject = Properties & { readonly id: string };

/** Without a pass one watches. */
export function openArena(pass?: Pass): Arena {
  const sync = new ObjectSync(location.origin, { auth: pass && { secret: pass.secret } });
  sync.on("error", (error) => {
    console.warn(error);
  });
  sync.on("reject", (error) => {
    console.info("Not accepted:", error);
  });
  // The network is back, or somebody looks again: no need to sit out the wait for the next attempt.
  const hurry = () => {
    if (sync.status === "connecting" && !document.hidden) sync.connect();
  };
  addEventListener("online", hurry);
  document.addEventListener("visibilitychange", hurry);
  return sync;
}

/**
 * Every write is settled some day; a refused one is undone by object-sync itself and reported by
 * its `reject` event, so nothing is left to do here.
 */
export function settle(write: Promise<unknown>): void {
  write.catch(() => undefined);
}
