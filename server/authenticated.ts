/** An identity, and until when the credentials that prove it are good. */
export class Authenticated {
  readonly identity: unknown;
  /** In milliseconds since 1970, by this machine's clock. */
  readonly expiresAt: number;

  constructor(identity: unknown, expiresAt: number) {
    this.identity = identity;
    this.expiresAt = expiresAt;
  }
}

/**
 * For `authenticate` to answer when its credentials expire: `expiresAt` is in milliseconds since 1970.
 * At that moment the session ends with `token_expired`, and the client comes back with new ones.
 */
export function authenticated(
  identity: unknown,
  { expiresAt }: { readonly expiresAt: number },
): Authenticated {
  // No SyncError: the client, to which that would go, has made no mistake.
  if (Number.isFinite(expiresAt)) return new Authenticated(identity, expiresAt);
  throw new TypeError(`expiresAt must be a number of milliseconds, not ${String(expiresAt)}`);
}

/** Who was let in, and until when, in milliseconds of the server's own clock; mostly Infinity. */
export interface Visitor {
  readonly identity: unknown;
  readonly endsAt: number;
}
