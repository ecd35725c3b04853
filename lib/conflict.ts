import { SyncError, type Collision } from "./errors.ts";
import { applied, REFUSED, type State } from "./fold.ts";
import {
  equalValues,
  propertyOf,
  withChanges,
  type Changes,
  type ObjectId,
  type SyncObject,
  type Value,
} from "./object.ts";
import { toProperties, type Operation } from "./operation.ts";
import { idsReferredTo, type References } from "./references.ts";

/** A write and what others have written meanwhile, about one object. Not to be changed. */
export interface Conflict {
  readonly id: string;
  /**
   * What collides, and nothing else: properties; or the object as a whole, if one side lacks it. A
   * property of which both have made the same is among them only for who wants that. Empty when both
   * have come to the same, and nothing is to be written any more.
   */
  readonly collisions: readonly Collision[];
  /**
   * The object as it was when the write was made; null when it was not there, or is not known. What
   * collides and it did not have, is undefined there.
   */
  readonly base: SyncObject | null;
  /** As the write has it; null when it destroys it. What it removes is undefined there. */
  readonly mine: SyncObject | null;
  /** As it is now, without the write; null when it is gone. */
  readonly theirs: SyncObject | null;
}

/**
 * What is to become of the object. What is given of it is written where it differs from `theirs`; with
 * another id it is created, as another object. Null destroys it; undefined leaves it to the others.
 */
export type Resolution = Readonly<Record<string, Value | undefined>> | null | undefined;

export interface Decided {
  readonly conflict: Conflict;
  readonly resolution: Resolution;
}

/** A write that was refused. */
export interface Refused {
  readonly operations: readonly Operation[];
  /**
   * For each operation what it has changed: the properties of an update, the whole of what was
   * destroyed. Absent where that was not noted.
   */
  readonly base?: readonly (Changes | undefined)[] | undefined;
  /** As objects were before others destroyed them. */
  readonly former?: ReadonlyMap<ObjectId, SyncObject> | undefined;
}

/**
 * What of a refused write is in conflict with what is there now. `named` is what collided when it was
 * refused; it may be as it was by now, and it may have been the client itself that had changed it. What
 * others have done since then to the other objects of the write collides as well, of those in `also`.
 * With `wantsEqual` so does what both sides have made the same of something else.
 */
export function conflictsOf(
  write: Refused,
  named: readonly Collision[],
  now: (id: ObjectId) => SyncObject | undefined,
  also: readonly ObjectId[] = [],
  wantsEqual = false,
): readonly Conflict[] {
  if (write.operations.length === 0) return [];
  const ids = new Set([...named.map(({ id }) => id as ObjectId), ...also]);
  return [...ids].flatMap((id) => {
    const ofObject = named.filter((one) => one.id === id);
    return conflictOver(write, id, ofObject, now(id) ?? null, wantsEqual) ?? [];
  });
}

/** Why a write was refused, by what collides: the first is what the error is about. */
export function conflictError(collisions: readonly Collision[]): SyncError {
  const { id, property } = collisions[0] ?? {};
  const message = "somebody else has written this since this client last looked";
  return new SyncError("conflict", message, { id, property, collisions });
}

/** What an operation is about to change, as it is: all that a later look at the same can differ from. */
export function valuesBefore(
  operation: Operation,
  object: SyncObject | undefined,
): Changes | undefined {
  if (object === undefined || operation.kind === "create") return undefined;
  if (operation.kind === "destroy") return { ...object };
  const names = Object.keys(operation.changes);
  return Object.fromEntries(names.map((name) => [name, propertyOf(object, name)]));
}

/** The properties that an operation is about; or the object, if it is about all of it. */
export function placesOf(operation: Operation): readonly Collision[] {
  const { id } = operation;
  if (operation.kind !== "update") return [{ id }];
  return Object.keys(operation.changes).map((property) => ({ id, property }));
}

/** Whether a write is about one of these places. */
export function isAbout(
  { operations }: Pick<Refused, "operations">,
  places: readonly Collision[],
): boolean {
  return operations.some((operation) => places.some((place) => writes(operation, place)));
}

/** A write that waits until it is decided what becomes of it. */
export interface Waiting extends Pick<Refused, "operations" | "base"> {
  readonly collisions: readonly Collision[];
}

/**
 * What is left of a write that waits, when its writer has written some of the same later, and that was
 * accepted: besides what collides the later one holds. Undefined when all of it is left.
 */
export function without(
  { operations, base, collisions }: Waiting,
  later: readonly Operation[],
  references: References,
): Waiting | undefined {
  const kept = operations.map((operation) => restOf(operation, later, collisions));
  if (kept.every((operation, i) => operation === operations[i])) return undefined;
  const left = kept.filter((operation) => operation !== undefined);
  const isOpen = (collision: Collision): boolean =>
    left.some((one) => {
      const isReferred = idsReferredTo(one, references).includes(collision.id as ObjectId);
      return isReferred || writes(one, collision);
    });
  return {
    operations: left,
    base: base?.filter((_, i) => kept[i] !== undefined),
    collisions: collisions.filter(isOpen),
  };
}

/** What of an update none of these writes or ends, and all that collides. */
function restOf(
  operation: Operation,
  later: readonly Operation[],
  collisions: readonly Collision[],
): Operation | undefined {
  if (operation.kind !== "update") return operation;
  const { id, changes } = operation;
  const isLeft = (property: string): boolean => {
    const place = { id, property };
    const isOpen = collisions.some(
      (one) => one.id === id && (one.property ?? property) === property,
    );
    return isOpen || !later.some((one) => writes(one, place));
  };
  if (Object.keys(changes).every(isLeft)) return operation;
  return updates(id, changes, isLeft)[0];
}

function writes(operation: Operation, { id, property }: Collision): boolean {
  if (operation.id !== id) return false;
  if (property === undefined || operation.kind !== "update") return true;
  return Object.hasOwn(operation.changes, property);
}

/**
 * The operations that take the place of a refused write: what does not collide as it was, and of the
 * rest what was decided. None, if nothing is left of it.
 */
export function resolve(
  operations: readonly Operation[],
  decided: readonly Decided[],
): readonly Operation[] {
  const written = new Set<string>(operations.map(({ id }) => id));
  const referredTo = decided.filter(({ conflict }) => !written.has(conflict.id));
  // A write cannot be without what it refers to.
  if (referredTo.some(({ resolution }) => !resolution)) return [];
  const resolved = referredTo.flatMap(writesOf);
  const byId = new Map<string, Decided>(decided.map((one) => [one.conflict.id, one]));
  const begun = new Set<string>();
  for (const operation of operations) {
    const one = byId.get(operation.id);
    if (one === undefined) {
      resolved.push(operation);
      continue;
    }
    if (!begun.has(operation.id)) resolved.push(...writesOf(one));
    begun.add(operation.id);
    resolved.push(...uncontested(operation, one));
  }
  return joined(resolved);
}

function conflictOver(
  write: Refused,
  id: ObjectId,
  named: readonly Collision[],
  theirs: SyncObject | null,
  wantsEqual: boolean,
): Conflict | undefined {
  const operations = write.operations.filter((operation) => operation.id === id);
  const [first] = operations;
  const former = write.former?.get(id) ?? null;
  // It is only referred to: that is right again if it is there.
  if (first === undefined) return theirs ? undefined : asWhole(id, former, former, theirs);
  if (first.kind === "create") {
    if (theirs === null) return undefined;
    const mine = after(operations, null);
    if (isSame(mine, theirs)) return { id, collisions: [], base: null, mine, theirs };
    return asWhole(id, null, mine, theirs);
  }
  const base = baseOf(write, id);
  if (first.kind === "destroy") {
    if (theirs === null) return undefined;
    const seen = base ? { ...base, id } : null;
    const referredBy = named.find((one) => one.referredBy !== undefined)?.referredBy;
    const mine = after(operations, theirs);
    return asWhole(id, seen, mine, theirs, referredBy);
  }
  if (theirs === null) {
    const seen = former && withChanges(former, base ?? {});
    return asWhole(id, seen, after(operations, seen ?? { id }), theirs);
  }
  const seen = withChanges(theirs, base ?? {});
  const mine = after(operations, theirs);
  if (mine === null) return asWhole(id, seen, mine, theirs);
  // To an older schema than the server's it is not told which; and since it was refused others may have
  // written more of it.
  const names = named.map(({ property }) => property);
  const isAny = base !== undefined || names.includes(undefined);
  const touched = isAny ? namesIn(operations) : new Set(names as string[]);
  const collisions = [...touched].flatMap((property): Collision[] => {
    const [before, here, there] = [seen, mine, theirs].map((one) => propertyOf(one, property));
    const isUntouched = base !== undefined && equalValues(before, there);
    // Without a base nobody could tell what either side has done.
    const isEqual = equalValues(here, there) && !(wantsEqual && base !== undefined);
    if (isUntouched || isEqual) return [];
    return [{ id, property, base: base && before, mine: here, theirs: there }];
  });
  if (collisions.length === 0) return undefined;
  // Who gives one of these back means what it lacks as well.
  for (const side of [seen, mine] as Changes[])
    for (const name of touched)
      if (!Object.hasOwn(side, name) && Object.hasOwn(theirs, name)) side[name] = undefined;
  return { id, collisions, base: seen, mine, theirs };
}

/** Undefined when the others have done nothing. */
function asWhole(
  id: ObjectId,
  base: SyncObject | null,
  mine: SyncObject | null,
  theirs: SyncObject | null,
  referredBy?: string,
): Conflict | undefined {
  if (theirs !== null && isSame(base, theirs) && referredBy === undefined) return undefined;
  const collision = { id, ...(referredBy !== undefined && { referredBy }), base, mine, theirs };
  return { id, collisions: [collision], base, mine, theirs };
}

function isSame(a: SyncObject | null, b: SyncObject | null): boolean {
  return equalValues(a, b);
}

/** What becomes of an object by all operations on it. */
function after(operations: readonly Operation[], before: SyncObject | null): SyncObject | null {
  let state: State = before;
  for (const operation of operations) {
    const next = applied(operation, state);
    if (next !== REFUSED) state = next;
  }
  return state ? { ...state } : null;
}

/** What was there before the first of several operations on an object. */
function baseOf({ operations, base }: Refused, id: ObjectId): Changes | undefined {
  const parts = operations.flatMap((operation, i) => (operation.id === id ? [base?.[i]] : []));
  if (parts[0] === undefined) return undefined;
  return Object.assign({}, ...parts.reverse()) as Changes;
}

function namesIn(operations: readonly Operation[]): Set<string> {
  return new Set(
    operations.flatMap((one) => (one.kind === "update" ? Object.keys(one.changes) : [])),
  );
}

function writesOf({ conflict, resolution }: Decided): Operation[] {
  const id = conflict.id as ObjectId;
  const { theirs } = conflict;
  if (resolution === undefined) return [];
  if (resolution === null) return theirs === null ? [] : [{ kind: "destroy", id }];
  const { id: given = id, ...wanted } = resolution;
  if (theirs === null || given !== id) {
    const properties = toProperties(wanted);
    return [{ kind: "create", id: given as ObjectId, properties, chosen: true }];
  }
  const isOther = (name: string): boolean => !equalValues(wanted[name], propertyOf(theirs, name));
  return updates(id, wanted, isOther);
}

/** What of an operation nobody else has touched, and the resolution does not speak of. */
function uncontested(operation: Operation, { conflict, resolution }: Decided): Operation[] {
  const isGone = resolution === null || conflict.theirs === null || conflict.mine === null;
  if (isGone || operation.kind !== "update") return [];
  const contested = new Set(conflict.collisions.map(({ property }) => property));
  if (contested.has(undefined)) return [];
  const isKept = (name: string): boolean =>
    !contested.has(name) && !Object.hasOwn(resolution ?? {}, name);
  return updates(operation.id, operation.changes, isKept);
}

/** One update of an object, in the place of several in a row. */
function joined(operations: readonly Operation[]): Operation[] {
  const all: Operation[] = [];
  for (const operation of operations) {
    const last = all.at(-1);
    if (last?.kind !== "update" || operation.kind !== "update" || last.id !== operation.id)
      all.push(operation);
    else all.splice(-1, 1, { ...last, changes: { ...last.changes, ...operation.changes } });
  }
  return all;
}

function updates(id: ObjectId, from: Changes, isOne: (name: string) => boolean): Operation[] {
  const names = Object.keys(from).filter(isOne);
  if (names.length === 0) return [];
  return [
    { kind: "update", id, changes: Object.fromEntries(names.map((name) => [name, from[name]])) },
  ];
}
