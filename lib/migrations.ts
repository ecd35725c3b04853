import type { Properties, SyncObject } from "./object.ts";

/**
 * How the objects of one version of an application's schema become those of another. Versions are
 * 1, 2, 3 ...; who says nothing is of the first. `object-sync/schema` makes one out of the steps
 * between them.
 */
export interface Migrations {
  /** What those are of who have this. */
  readonly version: number;
  /** The oldest version that there is a way from, and back to. */
  readonly oldest: number;
  /** Whether such an object is another one in that version. */
  concerns(id: string, version: number): boolean;
  /** The properties of an object of an earlier version as they are now. May throw anything. */
  up(object: SyncObject, from: number): Properties;
  /** Those of an object of now as an earlier version has them. May throw anything. */
  down(object: SyncObject, to: number): Properties;
}

/** The version of who has no migrations. */
export const FIRST_VERSION = 1;

export function isMigrations(value: unknown): value is Migrations {
  if (typeof value !== "object" || value === null) return false;
  const { version, oldest, up, down } = value as Partial<Record<keyof Migrations, unknown>>;
  const areFunctions = typeof up === "function" && typeof down === "function";
  return areFunctions && Number.isSafeInteger(version) && Number.isSafeInteger(oldest);
}
