import {
  propertyOf,
  textBytes,
  valueBytes,
  type ObjectId,
  type OwnedObject,
  type Value,
} from "./object.ts";
import type { PropertySet } from "./shape.ts";

/** Where a replica is: which world, and how many of its commits it has seen. */
export interface Cursor {
  readonly epoch: string;
  readonly seq: number;
  /** Whether it was shown less than all of it: then no delta leads it on, but only a snapshot. */
  readonly isPart?: boolean | undefined;
}

/**
 * Which ledger the numbers of an epoch's mutations belong to. A restored backup is a new epoch that
 * goes on with its ledger: its name begins as before, up to the first dot.
 */
export function ledgerOf(epoch: string): string {
  return epoch.split(".", 1)[0] as string;
}

export interface ObjectCreated {
  readonly kind: "create";
  readonly handle: number;
  readonly id: ObjectId;
  readonly shape: PropertySet;
  /** In the order of `shape.names`; undefined is a property that was removed. */
  readonly values: readonly (Value | undefined)[];
  readonly silent: boolean;
}

export interface ObjectUpdated extends Omit<ObjectCreated, "kind" | "id"> {
  readonly kind: "update";
}

export interface ObjectDestroyed {
  readonly kind: "destroy";
  readonly handle: number;
  readonly silent: boolean;
}

/** What happened to one object between two cursors. `silent` asks for no create, update or destroy event. */
export type Change = ObjectCreated | ObjectUpdated | ObjectDestroyed;

/**
 * The changes between two cursors, oldest first, each object once: what a replica at `from` must
 * apply to be at `to`. Applying one twice does no harm.
 */
export interface Delta {
  readonly from: number;
  readonly to: number;
  readonly changes: readonly Change[];
}

/**
 * The parts of one whole with each object once: what a later part says of an object takes the place
 * of what an earlier one said, for each part tells all that happened to it since the same cursor.
 */
export function joinParts(parts: readonly Delta[]): readonly Change[] {
  if (parts.length === 1 && parts[0] !== undefined) return parts[0].changes;
  // In a snapshot nearly all handles are higher than those before: only the others may come again,
  // and to note these alone takes an eighth of the time.
  const again = new Map<number, Delta>();
  let handleMax = -1;
  for (const part of parts) {
    let partMax = handleMax;
    for (const { handle } of part.changes) {
      if (handle > handleMax) partMax = Math.max(partMax, handle);
      else again.set(handle, part);
    }
    handleMax = partMax;
  }
  const kept: Change[] = [];
  for (const part of parts) {
    for (const change of part.changes) {
      if ((again.get(change.handle) ?? part) === part) kept.push(change);
    }
  }
  return kept;
}

export function valuesOf(object: OwnedObject, names: readonly string[]): (Value | undefined)[] {
  const values = new Array<Value | undefined>(names.length);
  for (let i = 0; i < values.length; i++) values[i] = propertyOf(object, names[i] as string);
  return values;
}

/** About how many bytes a change takes as it travels. */
export function changeBytes(change: Change): number {
  if (change.kind === "destroy") return 4;
  let bytes = change.kind === "create" ? textBytes(change.id) + 4 : 4;
  for (const value of change.values) bytes += value === undefined ? 1 : valueBytes(value);
  return bytes;
}
