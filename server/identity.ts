import { createHash } from "node:crypto";

/** By what one identity is told from another. */
export type IdentityKey = string | number;

/**
 * The key of what `authenticate` has answered: a text or a number itself, or an object's `id`.
 * Undefined when there is neither: then nobody can be told from anybody else.
 */
export function identityKey(identity: unknown): IdentityKey | undefined {
  if (isKey(identity)) return identity;
  if (typeof identity !== "object" || identity === null || !("id" in identity)) return undefined;
  return isKey(identity.id) ? identity.id : undefined;
}

/** The key as clients are told it: they see when it is another one, and learn no more of it. */
export function userOf(identity: unknown): string | undefined {
  const key = identityKey(identity);
  if (key === undefined) return undefined;
  return createHash("sha256").update(JSON.stringify(key)).digest("base64url").slice(0, 22);
}

function isKey(value: unknown): value is IdentityKey {
  return typeof value === "string" || typeof value === "number";
}
