import { SyncError } from "../lib/errors.ts";
import type { CommonLimits } from "../lib/limits.ts";
import { FIRST_VERSION, type Migrations } from "../lib/migrations.ts";
import {
  copyChanges,
  equalValues,
  setProperty,
  withChanges,
  type Changes,
  type ObjectId,
  type OwnedObject,
  type Properties,
  type SyncObject,
} from "../lib/object.ts";
import { toProperties, type Operation } from "../lib/operation.ts";
import type { Audience } from "./audience.ts";

/** Until a server of their version is there, and buffer what they write. */
const NEWER_RETRY_MS = 5_000;

/** What becomes of what clients of other versions of the application's schema write, and are shown. */
export class SchemaVersions {
  readonly #migrations: Migrations | undefined;
  readonly #limits: CommonLimits;
  readonly #onError: (error: SyncError) => void;

  constructor(
    migrations: Migrations | undefined,
    limits: CommonLimits,
    onError: (error: SyncError) => void,
  ) {
    this.#migrations = migrations;
    this.#limits = limits;
    this.#onError = onError;
  }

  /** That of the world. */
  get current(): number {
    return this.#migrations?.version ?? FIRST_VERSION;
  }

  /** Whether such an object is another one in that version. */
  concerns(id: ObjectId, version: number): boolean {
    return this.#migrations?.concerns(id, version) === true;
  }

  /** Throws `schema_version` to a client that is too old, and `unavailable` to one that is too new. */
  checkClient(version: number): void {
    const { current } = this;
    if (version > current) {
      const message = `the server's schema is of version ${current}, and the client's of ${version}`;
      throw new SyncError("unavailable", message, { retryAfterMs: NEWER_RETRY_MS });
    }
    const oldest = this.#oldest;
    if (version >= oldest) return;
    const message = `the client's schema is of version ${version}, and ${oldest} is the oldest here`;
    throw new SyncError("schema_version", `${message}: it must be loaded anew`);
  }

  /** Throws `schema_version` when there is no way from the version of a stored world. */
  checkStored(version: number, world: string): void {
    const { current } = this;
    if (version <= current && version >= this.#oldest) return;
    const here = `the migrations here lead from version ${this.#oldest} to ${current}`;
    const message = `the world ${world} is of version ${version} of its schema: ${here}`;
    throw new SyncError("schema_version", message, { property: "migrations" });
  }

  /** Those of whom it is looked at differently, if their version is an older one. */
  audience(audience: Audience, version: number): Audience {
    const migrations = this.#migrations;
    if (migrations === undefined || version === migrations.version) return audience;
    return {
      key: `v${version} ${audience.key}`,
      hasChanged: () => audience.hasChanged(),
      mayHide: (id) => audience.mayHide(id),
      hidden: (object) => audience.hidden(object),
      lower: (object) => {
        if (!migrations.concerns(object.id, version)) return null;
        const hidden = audience.hidden(object);
        return hidden && this.#lower(without(object, hidden), version);
      },
    };
  }

  /**
   * What a client of an earlier version has written, as it would have written it today. An update
   * changes what is different between what the object would be with it and without it, so that what
   * the client does not know of stays as it is. Throws `migration_failed`, and what a create or update
   * of such properties throws.
   */
  raise(
    operations: readonly Operation[],
    from: number,
    read: (id: ObjectId) => SyncObject | undefined,
  ): readonly Operation[] {
    const migrations = this.#migrations;
    if (migrations === undefined || from === migrations.version) return operations;
    const states = new Map<ObjectId, SyncObject | undefined>();
    return operations.map((operation): Operation => {
      const { id, kind } = operation;
      if (!migrations.concerns(id, from)) return operation;
      switch (kind) {
        case "create": {
          const properties = this.up({ ...operation.properties, id }, from);
          states.set(id, { ...properties, id });
          return { ...operation, properties };
        }
        case "update": {
          const before = states.has(id) ? states.get(id) : read(id);
          // It will be refused.
          if (before === undefined) return operation;
          const changes = this.#raiseChanges(before, operation.changes, from);
          states.set(id, withChanges(before, changes));
          return { kind, id, changes };
        }
        case "destroy":
          states.set(id, undefined);
          return operation;
      }
    });
  }

  /** The properties of an object of an earlier version as they are now. Throws `migration_failed`. */
  up(object: SyncObject, from: number): Properties {
    return this.#go(object, `up from version ${from}`, (migrations) => migrations.up(object, from));
  }

  get #oldest(): number {
    return this.#migrations?.oldest ?? FIRST_VERSION;
  }

  #raiseChanges(before: SyncObject, changes: Changes, from: number): Changes {
    const known = this.#down(before, from);
    return differences(this.up(known, from), this.up(withChanges(known, changes), from));
  }

  #down(object: SyncObject, to: number): SyncObject {
    const properties = this.#go(object, `down to version ${to}`, (migrations) =>
      migrations.down(object, to),
    );
    return { ...properties, id: object.id };
  }

  /** A failure is the application's, which hears of it: who cannot be shown an object is not. */
  #lower(object: SyncObject, version: number): SyncObject | undefined {
    try {
      return this.#down(object, version);
    } catch (error) {
      this.#onError(error as SyncError);
      return undefined;
    }
  }

  #go({ id }: SyncObject, way: string, go: (migrations: Migrations) => Properties): Properties {
    try {
      return toProperties(copyChanges(go(this.#migrations as Migrations), this.#limits, id));
    } catch (cause) {
      const message = `the migration of ${id} ${way} failed`;
      throw new SyncError("migration_failed", message, { id, cause });
    }
  }
}

function without(object: SyncObject, hidden: readonly string[]): SyncObject {
  if (hidden.length === 0) return object;
  const seen: OwnedObject = { ...object };
  for (const name of hidden) setProperty(seen, name, undefined);
  return seen;
}

/** What makes the one of the other. */
export function differences(before: Properties, after: Properties): Changes {
  const changes: Changes = {};
  for (const name of Object.keys(before))
    if (!Object.hasOwn(after, name)) changes[name] = undefined;
  for (const [name, value] of Object.entries(after)) {
    if (!equalValues(before[name], value)) changes[name] = value;
  }
  return changes;
}
