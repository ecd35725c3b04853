import type { Environment } from "../lib/environment.ts";
import type { SyncError } from "../lib/errors.ts";
import type { ExplicitWrites } from "./follower-state.ts";
import type { Follower } from "./follower.ts";
import type { Progress, SyncProgress, SyncResult } from "./progress.ts";

/**
 * What makes a client explicit, which goes to its server when it is told to. The core knows no more of
 * it than this, so that who is always live does not load it: `client/explicit` has the one there is.
 */
export interface Explicit extends ExplicitWrites {
  open(traveller: Traveller, environment: Environment): Visits;
}

/** Who goes to the server: a client, with those that finish what others have left. */
export interface Traveller {
  readonly follower: Follower;
  readonly heirs: ReadonlySet<Follower>;
  readonly progressed: (progress: SyncProgress) => void;
}

export type VisitKind = "register" | "pull" | "push" | "sync" | "repair";

/** Visits to the server, one after the other. */
export interface Visits {
  go(kind: VisitKind, settle: (error: SyncError | undefined, result: SyncResult) => void): void;
  /**
   * Syncs again and again; `failed` hears of each time that it cannot. 0 ends it. Throws `bad_option`.
   */
  auto(everyMs: number, failed: (error: SyncError) => void): void;
  /** Ends what `auto` began. */
  stop(): void;
  /**
   * Leaves, and fails the visit that is under way, and all that wait. Ends what `auto` began as well,
   * unless the client is only `unavailable` for now.
   */
  cancel(error: SyncError): void;
  /** To be told when something may be over that kept it busy. */
  look(): void;
  /** To be told whatever happens to the client. */
  progressed(progress: Progress): void;
}
