import type { SyncError } from "../lib/errors.ts";
import type { State } from "./connection.ts";

/** What a connection is for: to pull only; to push, if there is nothing to pull; or for all. */
export type Mode = "live" | "pull" | "push";

/** What has come to pass. */
export interface Progress {
  readonly state: State;
  /** Why the connection is no better, if it is known. */
  readonly reason?: SyncError | undefined;
  /** How many objects the server has told something new of. */
  readonly pulled: number;
  /** How many writes it has accepted. */
  readonly pushed: number;
}

/** What a visit to the server has brought. */
export interface SyncResult {
  /** Objects of which something new was heard, or that they are gone. */
  readonly pulled: number;
  /** Writes that were accepted. */
  readonly pushed: number;
}

/** How far a visit is. */
export interface SyncProgress extends SyncResult {
  readonly phase: "pull" | "push";
  /** Writes that are not decided yet. */
  readonly pending: number;
}
