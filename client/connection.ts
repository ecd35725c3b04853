/** What the application sees of the connection. */
export type Status = "offline" | "connecting" | "syncing" | "synced" | "closed";

/** "waiting" and "opening" are two halves of connecting: between two attempts, and in one. */
export type State = "offline" | "waiting" | "opening" | "syncing" | "synced" | "closed";

export type Input =
  /** The application wants to be connected, to be offline, to end. */
  | "connect"
  | "disconnect"
  | "close"
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

/** Every input in every state. What comes too late, or twice, changes nothing. */
const TRANSITIONS: Readonly<Record<State, Readonly<Record<Input, Transition>>>> = {
  offline: {
    connect: go("opening", "open"),
    disconnect: go("offline"),
    close: go("closed"),
    retry: go("offline"),
    welcome: go("offline"),
    whole: go("offline"),
    lost: go("offline"),
    refused: go("offline"),
  },
  waiting: {
    connect: go("opening", "stopTimer", "open"),
    disconnect: go("offline", "stopTimer"),
    close: go("closed", "stopTimer"),
    retry: go("opening", "open"),
    welcome: go("waiting"),
    whole: go("waiting"),
    lost: go("waiting"),
    refused: go("waiting"),
  },
  opening: {
    connect: go("opening"),
    disconnect: go("offline", "drop"),
    close: go("closed", "drop"),
    retry: go("opening"),
    welcome: go("syncing", "stopTimer"),
    whole: go("opening"),
    lost: go("waiting", "drop", "wait"),
    refused: go("offline", "drop"),
  },
  syncing: {
    connect: go("syncing"),
    disconnect: go("offline", "drop"),
    close: go("closed", "drop"),
    retry: go("syncing"),
    welcome: go("syncing"),
    // A server that ends connections before it has told all is not asked at the shortest delay.
    whole: go("synced", "calmDown"),
    lost: go("waiting", "drop", "wait"),
    refused: go("offline", "drop"),
  },
  synced: {
    connect: go("synced"),
    disconnect: go("offline", "drop"),
    close: go("closed", "drop"),
    retry: go("synced"),
    welcome: go("synced"),
    whole: go("synced"),
    lost: go("waiting", "drop", "wait"),
    refused: go("offline", "drop"),
  },
  closed: {
    connect: go("closed"),
    disconnect: go("closed"),
    close: go("closed"),
    retry: go("closed"),
    welcome: go("closed"),
    whole: go("closed"),
    lost: go("closed"),
    refused: go("closed"),
  },
};

export function transition(state: State, input: Input): Transition {
  return TRANSITIONS[state][input];
}

export function statusOf(state: State): Status {
  return state === "waiting" || state === "opening" ? "connecting" : state;
}

/** Whether the server has said welcome and not goodbye. */
export function isConnected(state: State): boolean {
  return state === "syncing" || state === "synced";
}
