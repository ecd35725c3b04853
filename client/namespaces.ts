import { SyncError } from "../lib/errors.ts";
import { namespaceOf, type ObjectId } from "../lib/object.ts";
import type { Operation } from "../lib/operation.ts";

/** Which way the objects of a namespace go: both ways, unless said otherwise. */
export interface NamespaceOptions {
  /**
   * False: they never leave this client, and outlive it with its `storage`. "push": they go to the
   * server, and nothing comes from there. "pull": they come, and are not written here.
   */
  readonly sync: boolean | "push" | "pull";
}

export type Namespaces = Readonly<Record<string, NamespaceOptions>>;

const WAYS: readonly unknown[] = [true, false, "push", "pull"];

export function isNamespaces(value: unknown): value is Namespaces {
  if (Object.prototype.toString.call(value) !== "[object Object]") return false;
  return Object.values(value as object).every((one: unknown) =>
    WAYS.includes((Object(one) as Partial<NamespaceOptions>).sync),
  );
}

/** Which way an object goes. */
export function wayOf(id: ObjectId, namespaces: Namespaces): NamespaceOptions["sync"] {
  const namespace = namespaceOf(id);
  return Object.hasOwn(namespaces, namespace) ? (namespaces[namespace]?.sync ?? true) : true;
}

/** Whether objects come from the server. */
export function comes(id: ObjectId, namespaces: Namespaces): boolean {
  const way = wayOf(id, namespaces);
  return way === true || way === "pull";
}

/** Whether a write stays here. Throws when it may not be made, or would do both. */
export function staysHere(operations: readonly Operation[], namespaces: Namespaces): boolean {
  for (const { id } of operations) {
    if (wayOf(id, namespaces) !== "pull") continue;
    throw new SyncError("forbidden", "objects of this namespace are only pulled", { id });
  }
  const here = operations.filter(({ id }) => wayOf(id, namespaces) === false);
  if (here.length > 0 && here.length < operations.length) {
    const message = "one write cannot be about what is synced and about what is not";
    throw new SyncError("invalid_payload", message, { id: here[0]?.id });
  }
  return here.length > 0;
}
