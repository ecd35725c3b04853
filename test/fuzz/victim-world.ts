import { SignJWT } from "jose";
import { namespaceOf } from "../../lib/object.ts";
import type { Permission, Rules, SyncObject } from "../../server/index.ts";

/*
 * What is known on both sides of the fuzzer: who may see and do what in the world under attack.
 */

export const ADMIN = "admin";
/** A world in which the server decides what is shown. */
export const ARENA = "arena";
/** Who attacks: each a user with a token of its own. */
export const ATTACKERS = ["eve-0", "eve-1", "eve-2", "eve-3", "eve-4"] as const;
/** Ids of honest clients have this after their namespace: all else is swept away between two waves. */
export const HONEST = "honest-";

export const TOKEN_SECRET = "a secret of the fuzzer, which is on both sides of it";
/** In 2100, so that a token is the same in each run. */
const EXPIRES_AT_S = 4_102_444_800;

export function tokenOf(user: string): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(user)
    .setExpirationTime(EXPIRES_AT_S)
    .sign(new TextEncoder().encode(TOKEN_SECRET));
}

export function userOf(identity: unknown): string {
  return (identity as { id: string }).id;
}

export function isAttacker(user: string): boolean {
  return (ATTACKERS as readonly string[]).includes(user);
}

const isOwn: Permission = (identity, { owner }) => owner === userOf(identity);
const isAdmin: Permission = (identity) => userOf(identity) === ADMIN;
const ANYBODY = { read: true, create: true, update: true, destroy: true };
const OWNER = { read: true, create: isOwn, update: isOwn, destroy: isOwn };

export const RULES = {
  note: { ...OWNER, properties: { draft: { read: isOwn } } },
  player: { ...OWNER, properties: { hand: { read: isOwn } } },
  vault: { read: isAdmin, create: isAdmin, update: isAdmin, destroy: isAdmin },
  common: { ...ANYBODY, properties: { seed: { read: isAdmin } } },
  shot: ANYBODY,
  /** What the fetch handler knows of. */
  db: { read: true, update: true },
  /** Provisional ids, which the create handler replaces. */
  "": ANYBODY,
} satisfies Rules;

/** What somebody may see of all that there is: by the rules, and not by the code that is tested. */
export function shownTo(user: string, objects: readonly SyncObject[]): SyncObject[] {
  const identity = { id: user };
  const rules: Rules = RULES;
  const isAllowed = (permission: Permission, object: SyncObject): boolean =>
    typeof permission === "boolean" ? permission : permission(identity, object);
  return objects.flatMap((object) => {
    const { read = false, properties = {} } = rules[namespaceOf(object.id)] ?? {};
    if (!isAllowed(read, object)) return [];
    const shown = Object.entries(object).filter(([name]) => {
      const rule = Object.hasOwn(properties, name) ? properties[name] : undefined;
      return isAllowed(rule?.read ?? true, object);
    });
    return [{ ...Object.fromEntries(shown), id: object.id }];
  });
}
