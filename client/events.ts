import type { SyncError } from "../lib/errors.ts";
import type { Changes } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import type { SyncProgress } from "./progress.ts";
import type { Status } from "./connection.ts";

/** What happens to objects. It is told when all that happens in the same step is in the view. */
export interface ObjectEvents<Held> {
  /** Somebody, maybe this client, created the object while this client was connected. */
  create: [object: Held];
  /** `changed` has what is different now, `previous` the same as it was; undefined is not there. */
  update: [object: Held, changed: Changes, previous: Changes];
  /** The object is as it was last seen. */
  destroy: [id: string, object: Held];
  /** The object came into this client's view, for whatever reason. */
  add: [object: Held];
  /** The object left this client's view, for whatever reason. */
  remove: [id: string, object: Held];
}

/** A write that failed, and with it everything in it; nothing, if it could not be understood. */
export interface RejectedWrite {
  readonly operations: readonly Operation[];
}

/** A write that its server may have accepted, and does not remember. Choose one; the second does nothing. */
export interface UncertainWrite extends RejectedWrite {
  /** Sends it again: it may then happen twice. */
  readonly retry: () => void;
  /** Gives it up: it is rejected with `uncertain`, whether or not it has happened. */
  readonly discard: () => void;
}

export interface ClientEvents {
  /** What an earlier client has kept is in view. */
  restored: [];
  /** The view is whole: after each connection, once it has all that was missed. */
  synced: [];
  connect: [];
  /** `reason` is what the server said, if it did. */
  disconnect: [reason?: SyncError];
  /** `reason` is why it is no better, if that is known; told again by each attempt that fails. */
  status: [status: Status, reason?: SyncError];
  /** A write failed. Its promise and its callback get the same error. */
  reject: [error: SyncError, write: RejectedWrite];
  /** The client was away for longer than the server remembers. The write goes on showing until you choose. */
  uncertain: [write: UncertainWrite];
  /** How far a pull, push or sync is. */
  progress: [progress: SyncProgress];
  /** What no call can report. Nothing is thrown when nobody listens. */
  error: [error: SyncError];
}

export interface SyncEvents<Held> extends ObjectEvents<Held>, ClientEvents {}

export type ClientEventName = keyof ClientEvents;
export type EventName = keyof SyncEvents<unknown>;
export type ObjectEventName = keyof ObjectEvents<unknown>;
export type SyncListener<Held, Name extends EventName> = (...args: SyncEvents<Held>[Name]) => void;
