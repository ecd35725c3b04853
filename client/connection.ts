/** What the application sees of the connection. */
export type Status = "offline" | "connecting" | "syncing" | "synced" | "closed";

/** "waiting" and "opening" are two halves of connecting: between two attempts, and in one. */
export type State = "offline" | "waiting" | "opening" | "syncing" | "synced" | "closed";

export type Input =
  /** The application wants to be connected, to be offline, to end. */
  | "connect"
  | "disconnect"
  | "close"
  /** There are other credentials: whatever is under way begins anew with these. */
  | "renew"
  /** The wait between two attempts is over. */
  | "retry"
  /** The server said welcome. */
  | "welcome"
  /** The replica has all that the server had to tell. */
  | "whole"
  /** The attempt failed or the connection ended, and may be tried again. */
  | "lost"
  /** The server will not have this client back. */
  | "refused";

export type Effect =
  /** Begin an attempt. */
  | "open"
  /** End the attempt or connection that is under way, and hear nothing more of it. */
  | "drop"
  /** Ask for a `retry` after a while, longer each time. */
  | "wait"
  /** The attempt, or the `retry`, need no longer be waited for. */
  | "stopTimer"
  /** The next wait is the shortest again. */
  | "calmDown";

export interface Transition {
  readonly to: State;
  readonly effects: readonly Effect[];
}

const go = (to: State, ...effects: Effect[]): Transition => ({ to, effects });

/** What ends any attempt or connection that is under way. */
const ENDINGS = {
  disconnect: go("offline", "drop"),
  close: go("closed", "drop"),
  renew: go("opening", "drop", "open"),
  lost: go("waiting", "drop", "wait"),
  refused: go("offline", "drop"),
} as const;

/** Every input that means something in a state. What comes too late, or twice, changes nothing. */
const TRANSITIONS: Readonly<Record<State, Readonly<Partial<Record<Input, Transition>>>>> = {
  offline: { connect: go("opening", "open"), close: go("closed") },
  waiting: {
    connect: go("opening", "stopTimer", "open"),
    disconnect: go("offline", "stopTimer"),
    close: go("closed", "stopTimer"),
    retry: go("opening", "open"),
  },
  opening: { ...ENDINGS, welcome: go("syncing", "stopTimer") },
  // A server that ends connections before it has told all is not asked at the shortest delay.
  syncing: { ...ENDINGS, whole: go("synced", "calmDown") },
  synced: ENDINGS,
  closed: {},
};

export function transition(state: State, input: Input): Transition {
  return TRANSITIONS[state][input] ?? go(state);
}

export function statusOf(state: State): Status {
  return state === "waiting" || state === "opening" ? "connecting" : state;
}

/** Whether the server has said welcome and not goodbye. */
export function isConnected(state: State): boolean {
  return state === "syncing" || state === "synced";
}
