import type { Traveller } from "../explicit.ts";
import type { Follower } from "../follower.ts";
import type { Mode, SyncProgress } from "../progress.ts";

/** A client that goes to its server and leaves it again. */
export interface Visitor {
  readonly isBusy: boolean;
  /** Whether something that was asked for is not answered. */
  readonly isAsking: boolean;
  readonly pending: number;
  /** What the next connection is to show, as text; undefined for everything. */
  readonly topics: string | undefined;
  connect(): void;
  /** Gives up all that is undecided. The application may hear of it at once, and end the visit. */
  discard(): void;
  disconnect(): void;
  /** Says what it has come for, or goes on with. The application may hear of writes that came to nothing. */
  go(mode: Mode): void;
  readonly progressed: (progress: SyncProgress) => void;
}

export function visitorOf({ follower, heirs, progressed }: Traveller): Visitor {
  return {
    get isBusy() {
      // One that has nothing to send is there to hear whose the next user is.
      const isAtWork = (heir: Follower): boolean =>
        heir.status !== "offline" && (heir.isBusy || heir.pending === 0);
      return follower.isBusy || [...heirs].some(isAtWork);
    },
    get isAsking() {
      return follower.isAsking;
    },
    get pending() {
      return follower.pending;
    },
    get topics() {
      return follower.topics;
    },
    go: (mode) => {
      follower.mode = mode;
      // What others have left is no part of a pull, and would be in the way of a strict push.
      if (mode === "live") for (const heir of heirs) heir.connect();
    },
    discard: () => follower.discard(),
    connect: () => follower.connect(),
    disconnect: () => {
      for (const one of [follower, ...heirs]) one.disconnect();
    },
    progressed,
  };
}
