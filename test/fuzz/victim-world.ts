import { SignJWT } from "jose";
import { namespaceOf } from "../../lib/object.ts";
import type { Permission, Rules, SyncObject } from "../../server/index.ts";
import { leaseRules } from "../../server/plugins/leases/index.ts";

/*
 * What is known on both sides of the fuzzer: who may see and do what in the world under attack.
 */

export const ADMIN = "admin";
/** A world in which the server decides what is shown. */
export const ARENA = "arena";
/** Who attacks: each a user with a token of its own. */
export const ATTACKERS = ["eve-0", "eve-1", "eve-2", "eve-3", "eve-4"] as const;
/** Of accounts, which are asked for over HTTP: those of attackers, and one that they guess at. */
export const GUESSED = "carl";
export const ACCOUNTS = [...ATTACKERS, "olga", GUESSED] as const;
/** Databases of Plasmid Sync that attackers share, the second within a quota; and one that is not theirs. */
export const DATABASES = ["eves", "eves-small", "olgas"] as const;
/** What persistence.js asks for: the namespace by the path. */
export const RESOURCES = {
  "/notes": "note",
  "/cards": "card",
  "/trees": "tree",
  "/open": "common",
  "/vault": "vault",
} as const;
/** Where Plasmid Sync answers. */
export const SERVICE = "/v1";
/** Where somebody says that they come from: failed sign-ins are counted by that. */
export const ADDRESS_HEADER = "x-address";
/** Objects that are there from the beginning, `tree:honest-0` and on: a world is no desert. */
export const TREES = 9_000;
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

export function secretOf(account: string): string {
  return `a secret of ${account}'s`;
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
  /** Where conflicts are detected. */
  card: { ...ANYBODY, properties: { seed: { read: isAdmin } } },
  tree: { read: true, update: true },
  shot: ANYBODY,
  ...leaseRules,
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
