import { SyncError, type Migrations, type Properties, type SyncObject } from "../lib/index.ts";
import { namespaceOf } from "./namespace.ts";

/** Of who has no migrations. */
const FIRST_VERSION = 1;

/** All properties of an object, without its id. What is given is a copy, but what it holds is not. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- of what type they are, only the application knows
export type Migrate = (properties: any, id: string) => Record<string, unknown>;

/** What a namespace's objects become from one version to the next, and how they were before. */
export interface Migration {
  readonly up: Migrate;
  readonly down: Migrate;
}

/** By the version that is reached, and by namespace. */
export type MigrationSteps = Readonly<Record<number, Readonly<Record<string, Migration>>>>;

type Direction = keyof Migration;

/**
 * The history of a schema, for the option `migrations` of servers and clients: what leads to version 2,
 * to 3, and so on, without a gap. The last is the present one; the first that is listed can be dropped
 * when nobody is left who is older. Throws `bad_option`.
 *
 * ```ts
 * export const history = migrations({
 *   2: {
 *     player: {
 *       up: ({ name, ...rest }) => ({ ...rest, nick: name }),
 *       down: ({ nick, ...rest }) => ({ ...rest, name: nick }),
 *     },
 *   },
 * });
 * ```
 */
export function migrations(steps: MigrationSteps): Migrations {
  const versions = versionsOf(steps);
  const stepsOf = versions.map((version) => new Map(Object.entries(steps[version] ?? {})));
  const version = versions.at(-1) ?? FIRST_VERSION;
  const oldest = version - versions.length;
  const between = (id: string, older: number): Migration[] => {
    if (older < oldest) throw new Error(`there is no way to version ${older}: ${oldest} is first`);
    const name = namespaceOf(id);
    return stepsOf.slice(older - oldest).flatMap((step) => step.get(name) ?? []);
  };
  const go = ({ id, ...properties }: SyncObject, path: Migration[], direction: Direction) =>
    path.reduce<Properties>((now, step) => resultOf(step[direction]({ ...now }, id)), properties);
  return {
    version,
    oldest,
    concerns: (id, older) => between(id, older).length > 0,
    up: (object, from) => go(object, between(object.id, from), "up"),
    down: (object, to) => go(object, between(object.id, to).reverse(), "down"),
  };
}

/** What it is worth, the world that takes it sees. */
function resultOf(result: unknown): Properties {
  const isObject = typeof result === "object" && result !== null && !Array.isArray(result);
  if (isObject && !("then" in result && typeof result.then === "function")) {
    return result as Properties;
  }
  throw new TypeError("a migration must answer at once, with an object of properties");
}

/** Throws `bad_option`. */
function versionsOf(steps: unknown): number[] {
  const versions = Object.keys(recordOf(steps, "migrations")).map(Number);
  for (const [i, version] of versions.entries()) {
    const where = `migrations[${version}]`;
    const follows = i === 0 || version === (versions[i - 1] as number) + 1;
    if (!Number.isSafeInteger(version) || version <= FIRST_VERSION || !follows) {
      throw badOption(`${where} must be 2 or higher, and follow on the one before`);
    }
    const step = recordOf((steps as MigrationSteps)[version], where);
    for (const [name, migration] of Object.entries(step)) checkMigration(migration, name, where);
  }
  return versions;
}

function checkMigration(migration: unknown, name: string, where: string): void {
  const what = `${where}[${JSON.stringify(name)}]`;
  if (name === "" || name.includes(":")) throw badOption(`${what} must be called as a namespace`);
  const { up, down, ...others } = recordOf(migration, what) as Partial<Migration>;
  if (typeof up !== "function" || typeof down !== "function") {
    throw badOption(`${what} must have two functions, up and down`);
  }
  const [other] = Object.keys(others);
  if (other !== undefined) throw badOption(`${what} has ${other}, and only up and down are known`);
}

function recordOf(value: unknown, what: string): Record<string, unknown> {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  if (isRecord) return value as Record<string, unknown>;
  throw badOption(`${what} must be an object`);
}

function badOption(message: string): SyncError {
  return new SyncError("bad_option", message, { property: "migrations" });
}
