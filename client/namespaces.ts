import { SyncError } from "../lib/errors.ts";
import { isByNamespace, namespaceOf, type ObjectId } from "../lib/object.ts";
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
  const isWay = (one: unknown): boolean =>
    WAYS.includes((Object(one) as Partial<NamespaceOptions>).sync);
  return isByNamespace(value) && Object.values(value).every(isWay);
}

/** Which way an object goes. */
export function wayOf(id: ObjectId, namespaces: Namespaces): NamespaceOptions["sync"] {
  const namespace = namespaceOf(id);
  return !Object.hasOwn(namespaces, namespace) || (namespaces[namespace] as NamespaceOptions).sync;
}

/** Whether objects come from the server. */
export function comes(id: ObjectId, namespaces: Namespaces): boolean {
  const way = wayOf(id, namespaces);
  return way === true || way === "pull";
}

/** Whether objects go to the server. */
export function goes(id: ObjectId, namespaces: Namespaces): boolean {
  const way = wayOf(id, namespaces);
  return way === true || way === "push";
}

/** Whether a write stays here. Throws when it may not be made, or would do both. */
export function staysHere(operations: readonly Operation[], namespaces: Namespaces): boolean {
  for (const { id } of operations) {
    if (wayOf(id, namespaces) !== "pull") continue;
    throw new SyncError("forbidden", "it can only be pulled", { id });
  }
  const here = operations.filter(({ id }) => wayOf(id, namespaces) === false);
  if (here.length > 0 && here.length < operations.length) {
    const message = "a write is about what is synced, or what is not";
    throw new SyncError("invalid_payload", message, { id: here[0]?.id });
  }
  return here.length > 0;
}
