import { SyncError, type HostedWorld, type Properties, type SyncObject } from "../../index.ts";

/** A permission that an account has on a resource, or on all whose names begin alike. */
export interface Grant {
  /** "*" stands for every permission. */
  readonly permission: string;
  /** "*" stands for every resource, "foo*" for those whose names begin with "foo". */
  readonly resource: string;
  /** What the application makes of it; "Yes" unless given. */
  readonly value: string;
}

const LENGTH_MAX = 100;

/**
 * The grants of one account are an object, with a property for each: so two that are made at once are
 * both kept. They are by the account's id, which nobody else ever gets.
 */
export class Grants {
  readonly #world: HostedWorld;

  constructor(world: HostedWorld) {
    this.#world = world;
  }

  /** What is kept of these: an object yet to be created. */
  static objectOf(accountId: string, grants: readonly Grant[]): Properties & { id: string } {
    const kept = grants.map((grant) => [nameOf(checked(grant)), grant.value] as const);
    return { id: idOf(accountId), ...Object.fromEntries(kept) };
  }

  of(accountId: string): Grant[] {
    const object = this.#world.get(idOf(accountId));
    return object === undefined ? [] : grantsOf(object);
  }

  async add(accountId: string, grant: Grant): Promise<void> {
    const object = Grants.objectOf(accountId, [grant]);
    const { id } = object;
    if (this.#world.get(id) === undefined) {
      try {
        await this.#world.create(object);
        return;
      } catch (error) {
        if ((error as SyncError).code !== "exists") throw error; // somebody else was first
      }
    }
    await this.#world.update(object);
  }

  /** Throws `not_found` when there is no such grant. */
  async remove(accountId: string, permission: string, resource: string): Promise<void> {
    const id = idOf(accountId);
    const name = nameOf(checked({ permission, resource, value: "" }));
    if (this.#world.get(id)?.[name] === undefined) {
      throw new SyncError("not_found", `there is no grant of ${permission} on ${resource}`);
    }
    await this.#world.update({ id, [name]: undefined });
  }

  async removeAll(accountId: string): Promise<void> {
    const id = idOf(accountId);
    if (this.#world.get(id) !== undefined) await this.#world.destroy(id);
  }
}

/**
 * The grant that allows this, if one does. One of the very permission comes before one of "*", and
 * among these the one that names the resource most exactly.
 */
export function allowing(
  grants: readonly Grant[],
  permission: string,
  resource: string,
): Grant | undefined {
  const fitting = grants.filter(
    (grant) =>
      (grant.permission === permission || grant.permission === "*") &&
      isMatch(grant.resource, resource),
  );
  const rank = (grant: Grant): number =>
    (grant.permission === permission ? 1_000 : 0) + exactness(grant.resource);
  return fitting.sort((a, b) => rank(b) - rank(a))[0];
}

function isMatch(pattern: string, resource: string): boolean {
  if (pattern.endsWith("*")) return resource.startsWith(pattern.slice(0, -1));
  return pattern === resource;
}

function exactness(pattern: string): number {
  return pattern.endsWith("*") ? pattern.length : 2 * LENGTH_MAX;
}

function checked(grant: Grant): Grant {
  for (const property of ["permission", "resource", "value"] as const) {
    const text: unknown = grant[property];
    const isEmpty = text === "" && property !== "value";
    if (typeof text === "string" && text.length <= LENGTH_MAX && !isEmpty) continue;
    const message = `a grant's ${property} is a text of 1 to ${String(LENGTH_MAX)} characters`;
    throw new SyncError("invalid_value", message, { property });
  }
  // Somebody who writes this means the opposite of what it would do.
  if (/^(no|false|0)$/i.test(grant.value) && !/quota/i.test(grant.permission)) {
    const message = `a grant of the value ${grant.value} would allow it: revoke it instead`;
    throw new SyncError("invalid_value", message, { property: "value" });
  }
  return grant;
}

function idOf(accountId: string): string {
  return `grants:${accountId}`;
}

/** Two texts as one that names a property. */
function nameOf({ permission, resource }: Grant): string {
  return JSON.stringify([permission, resource]);
}

function grantsOf({ id: _id, ...properties }: SyncObject): Grant[] {
  return Object.entries(properties)
    .map(([name, value]) => {
      const [permission, resource] = JSON.parse(name) as [string, string];
      return { permission, resource, value: value as string };
    })
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function keyOf({ resource, permission }: Grant): string {
  return JSON.stringify([resource, permission]);
}
