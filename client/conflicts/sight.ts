import { conflictsOf, isAbout, placesOf, type Conflict } from "../../lib/conflict.ts";
import type { Change, Cursor } from "../../lib/delta.ts";
import type { Collision } from "../../lib/errors.ts";
import { foldWrites, type State } from "../../lib/fold.ts";
import type { ObjectId, SyncObject } from "../../lib/object.ts";
import type { Operation } from "../../lib/operation.ts";
import { idsReferredTo } from "../../lib/references.ts";
import type { Replica } from "../../lib/replica.ts";
import type { Following } from "../conflict-desk.ts";
import { comes } from "../namespaces.ts";
import type { Write } from "../outbox.ts";

/** What a write met, at one moment. */
export interface Sight {
  readonly write: Write;
  readonly conflicts: readonly Conflict[];
  /** What they would be, if the write were made of these operations on the same objects. */
  readonly conflictsWith: (operations: readonly Operation[]) => readonly Conflict[];
  readonly cursor: Cursor;
  /** What was on its way, and shown as if it were there. */
  readonly underWay: readonly Write[];
  readonly objects: ReadonlyMap<ObjectId, SyncObject | undefined>;
  /** Whether this client has written the same since: the server would take that for known. */
  isOver: boolean;
}

/** What a write that was refused for these collisions meets now; `wantsEqual` as of a handler. */
export function sightOf(
  following: Following,
  write: Write,
  collisions: readonly Collision[],
  wantsEqual: boolean,
): Sight {
  const { options, outbox, replica } = following;
  const objects = objectsNow(following, write, collisions);
  const now = (id: ObjectId): SyncObject | undefined => objects.get(id);
  const also = besides(following, write, now);
  // Of what is only pushed nobody here knows what others have made: it holds, as soon as it is written anew.
  const isShown = ({ id }: Conflict): boolean => comes(id as ObjectId, options.namespaces);
  const conflictsWith = (operations: readonly Operation[]): readonly Conflict[] =>
    conflictsOf({ ...write, operations }, collisions, now, also, wantsEqual).filter(isShown);
  const conflicts = conflictsWith(write.operations);
  const underWay = [...outbox.numbered];
  const isOver = false;
  return { write, conflicts, conflictsWith, cursor: replica.cursor, underWay, objects, isOver };
}

/** All that a write which waits is about. */
export function placesAt({ operations, collisions = [] }: Write): readonly Collision[] {
  return [...operations.flatMap(placesOf), ...collisions];
}

/**
 * What who decides these has seen. Where they write besides what a write of theirs on its way has
 * written, they were shown that, and not what others have made of it since: should it be refused, so must
 * this be.
 */
export function seenBy({ cursor, underWay }: Sight, operations: readonly Operation[]): Cursor {
  const places = operations.flatMap(placesOf);
  const shown = underWay.filter((write) => isAbout(write, places));
  return { ...cursor, seq: Math.min(cursor.seq, ...shown.map(({ seen }) => seen)) };
}

/** Tells of an object whether these changes take it away, for all to see. */
export function lostBy(
  changes: readonly Change[],
  isReplacing: boolean,
  replica: Replica,
): (id: ObjectId) => boolean {
  if (isReplacing) {
    const kept = new Set(
      changes.flatMap((change) => (change.kind === "create" ? [change.id] : [])),
    );
    return (id) => !kept.has(id);
  }
  const lost = new Set<ObjectId | undefined>();
  for (const { kind, handle, silent } of changes)
    if (kind === "destroy" && !silent) lost.add(replica.idOf(handle));
  return (id) => lost.has(id);
}

/** The objects that a write is about, as it would find them now: after all that is on its way. */
function objectsNow(
  { outbox, replica }: Following,
  { operations, former }: Write,
  collisions: readonly Collision[],
): ReadonlyMap<ObjectId, SyncObject | undefined> {
  const confirmed = (id: ObjectId): State => replica.confirmed(id)?.object ?? null;
  const states = foldWrites(outbox.numbered, confirmed);
  const named = [...operations, ...collisions].map(({ id }) => id as ObjectId);
  const ids = [...named, ...(former?.keys() ?? [])];
  return new Map(
    ids.map((id) => {
      const state = states.has(id) ? states.get(id) : confirmed(id);
      return [id, state ? { ...state } : undefined]; // for the replica changes its own in place
    }),
  );
}

/**
 * What others may have written since the server refused a write, and nobody would hear of any more:
 * what is decided passes for seeing all that there is now.
 */
function besides(
  following: Following,
  { operations, base, former }: Write,
  now: (id: ObjectId) => SyncObject | undefined,
): ObjectId[] {
  const { replica, options } = following;
  // What is not there may only be out of view, if not everything is in view.
  const { isPart = false } = replica.cursor;
  return operations.flatMap((operation, i) => {
    const { id, kind } = operation;
    if (!following.isDetected(id)) return [];
    const isKnown = kind === "create" || base?.[i] !== undefined;
    const lost = idsReferredTo(operation, options.references).filter(
      (other) => former?.has(other) === true && now(other) === undefined,
    );
    return isKnown && (now(id) !== undefined || !isPart) ? [id, ...lost] : lost;
  });
}
