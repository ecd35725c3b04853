import { SyncError } from "../../lib/errors.ts";
import type { FollowerState } from "../follower-state.ts";

/**
 * Gives up all that is undecided, and has the next connection tell everything anew. Nobody is told before
 * a storage has removed it: after a crash the next client would push what the application has given up.
 */
export function discardUndecided(state: FollowerState): void {
  const { outbox, local, replica, kept, news } = state;
  const undecided = outbox.takeAll();
  news.changed(replica.drop(undecided));
  replica.startAnew();
  const discarded = new SyncError("discarded", "what was not pushed was given up");
  local.onceKept(kept.isFree, {
    settle: (error = discarded) => {
      for (const write of undecided) state.fail(write, error);
    },
    reach: () => undefined,
  });
  kept.noteWrites();
  news.tell();
}
