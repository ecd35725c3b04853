import type { Change, Cursor } from "../lib/delta.ts";
import type { Conflict, Resolution } from "../lib/conflict.ts";
import type { Collision, SyncError } from "../lib/errors.ts";
import type { ClientLimits } from "../lib/limits.ts";
import type { Changes, ObjectId } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";
import type { References } from "../lib/references.ts";
import type { Replica } from "../lib/replica.ts";
import type { KeptState } from "./kept-state.ts";
import type { Namespaces } from "./namespaces.ts";
import type { News } from "./news.ts";
import type { Decided, Outbox, Write } from "./outbox.ts";

/** Decides a conflict, at once or later: what it gives is written anew. */
export interface ConflictHandler {
  (conflict: Conflict): Resolution | Promise<Resolution>;
  /**
   * Whether it is asked as well about a property of which both sides have made the same, where it is
   * known that it was something else: to a counter both have added. Otherwise that is settled unasked.
   */
  readonly wantsEqual?: boolean;
}

/**
 * Decides what becomes of writes that collide with what others have written. The core knows no more
 * of it than this, so that who does not ask for it does not load it: `client/conflicts` has the one
 * there is. Without it such a write fails.
 */
export interface ConflictResolver {
  open(following: Following, sendSoon: () => void): ConflictDesk;
}

/** What of a follower is needed to decide about its writes. */
export interface Following {
  readonly options: {
    readonly limits: ClientLimits;
    readonly references: References;
    readonly namespaces: Namespaces;
  };
  readonly outbox: Outbox;
  readonly replica: Replica;
  readonly kept: KeptState;
  readonly news: News;
  /** Whether the server detects conflicts over such an object, as far as it has told. */
  isDetected(id: ObjectId): boolean;
  /** What is `seen` of a write whose writer had this before them. */
  seenAt(cursor: Cursor): number;
  fail(write: Write, error: SyncError): void;
  /** To be called whatever has come to pass, for a visit may have waited for it. */
  progressed(nothing: Readonly<Record<string, never>>): void;
  tellIfDrained(): void;
}

/** A write of which less is left than there was. */
export interface Shortened {
  readonly write: Write;
  readonly former: readonly Operation[];
}

/** Where writes wait that collide. */
export interface ConflictDesk {
  /** Whether the application is yet to decide about something, and has not failed to. */
  readonly isAsking: boolean;
  /** Whether the write that was just decided is to be looked at again: then it waits in the outbox. */
  takes(decided: Decided): boolean;
  /** A write was accepted: returns those that wait of which less is left by it. */
  outdate(write: Write): readonly Shortened[];
  /** What was there before each operation: all that a later look at the same can differ from. */
  baseOf(operations: readonly Operation[]): (Changes | undefined)[];
  /** What of these operations is written upon what waits here, if anything is. */
  waitingUnder(operations: readonly Operation[]): readonly Collision[] | undefined;
  /** A write is on its way from now on. */
  noteWrite(write: Write): void;
  /** Others are about to destroy objects, before the replica hears of it. */
  noteLosses(changes: readonly Change[], isReplacing: boolean): void;
  /** Asks about all that can be asked about now. */
  ask(): void;
  /** The same, and again about what could not be decided. */
  askAgain(): void;
  /** All that waited was given up. */
  forget(): void;
}
