import { namespaceOf } from "../../lib/object.ts";
import { migrations, type Migration } from "../../schema/index.ts";
import type { PlainObject } from "./plain-object.ts";

/* The application's schema: with its second version, pairs of properties have changed their names. */

export const OLD = 1;
export const NEW = 2;

const NAMESPACES = ["shared", "seed", "ext"];
/** What a client of each version writes, and the other calls otherwise. */
export const MARKS = { [OLD]: "o", [NEW]: "n" } as const;

export type SchemaVersion = keyof typeof MARKS;

type Swapped = Readonly<Record<"d" | "e" | "n" | "o", unknown>>;

const swap: Migration = {
  up: ({ d, e, n, o, ...rest }: Swapped) => ({ ...rest, d: e, e: d, n: o, o: n }),
  down: ({ d, e, n, o, ...rest }: Swapped) => ({ ...rest, d: e, e: d, n: o, o: n }),
};

export const HISTORY = migrations({
  [NEW]: Object.fromEntries(NAMESPACES.map((name) => [name, swap])),
});

const OLD_NAMES: ReadonlyMap<string, string> = new Map(
  ["de", "ed", "no", "on"].map(([now = "", before = ""]) => [now, before]),
);

/** An object as clients of that version know it, by the plainest reading. */
export function asOf(version: SchemaVersion, object: PlainObject): PlainObject {
  if (version === NEW || !isConcerned(object.id)) return object;
  const entries = Object.entries(object).map(([name, value]): [string, unknown] => [
    nameAsOf(version, object, name),
    value,
  ]);
  return Object.fromEntries(entries) as unknown as PlainObject;
}

/** What clients of that version call a property of an object. */
export function nameAsOf(version: SchemaVersion, { id }: PlainObject, name: string): string {
  return version === NEW || !isConcerned(id) ? name : (OLD_NAMES.get(name) ?? name);
}

/** Whether somebody's write is here under the name that it has in another version than the server's. */
export function isMisnamed(object: PlainObject): boolean {
  return isConcerned(object.id) && object[MARKS[OLD]] !== undefined;
}

function isConcerned(id: string): boolean {
  return NAMESPACES.includes(namespaceOf(id));
}
