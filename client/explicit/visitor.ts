import type { Traveller } from "../explicit.ts";
import type { Follower } from "../follower.ts";
import type { Mode, SyncProgress } from "../progress.ts";

/** A client that goes to its server and leaves it again. */
export interface Visitor {
  readonly isBusy: boolean;
  /** Whether something that was asked for is not answered. */
  readonly isAsking: boolean;
  readonly pending: number;
  connect(): void;
  /** Gives up all that is undecided. The application hears of it at once, and may end the visit. */
  discard(): void;
  disconnect(): void;
  /** Says what it has come for, or goes on with. The application may hear of writes that came to nothing. */
  go(mode: Mode): void;
  readonly progressed: (progress: SyncProgress) => void;
}

export function visitorOf({ follower, heirs, progressed }: Traveller): Visitor {
  return {
    get isBusy() {
      const isAtWork = (heir: Follower): boolean => heir.isBusy && heir.status !== "offline";
      return follower.isBusy || [...heirs].some(isAtWork);
    },
    get isAsking() {
      return follower.isAsking;
    },
    get pending() {
      return follower.pending;
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
