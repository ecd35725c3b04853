import type { Credentials } from "../../index.ts";

/** A permission that an account has on a resource. */
export interface PlasmidGrant {
  readonly permission: string;
  readonly resource: string;
  readonly value: string;
}

/** Who there is and who may do what: as `Accounts` of object-sync/accounts, or anything like it. */
export interface PlasmidAccounts {
  /** Throws `unauthenticated`, and the like, as for the server's option of this name. */
  authenticate(credentials: Credentials): Promise<{ readonly name: string }>;
  /** Makes one that has these grants, as one step. Throws `exists`. */
  create(name: string, secret: string, grants: readonly PlasmidGrant[]): Promise<unknown>;
  /** Throws `not_found`, as do the next two, when there is no such account. */
  grants(name: string): Promise<readonly PlasmidGrant[]>;
  /** The grant that allows it, the one of the very permission before one of "*". */
  permits(name: string, permission: string, resource: string): Promise<PlasmidGrant | undefined>;
  grant(name: string, permission: string, resource: string, value: string): Promise<void>;
}
