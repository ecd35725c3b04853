import { createPublicKey, KeyObject, type webcrypto } from "node:crypto";
import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from "jose";
import { authenticated, SyncError, type Authenticated, type Credentials } from "../../index.ts";

/** What a token says of its bearer: `sub`, `exp` and whatever its issuer adds. */
export type JwtClaims = JWTPayload;

/** Exactly one of `secret`, `key` and `jwksUrl` says by what tokens are recognised. */
export interface JwtOptions {
  /** Shared with who signs the tokens: at least 32 bytes, as text in UTF-8. */
  readonly secret?: string | Uint8Array;
  /** The public key of who signs the tokens: PEM, JWK or a KeyObject. */
  readonly key?: string | KeyObject | webcrypto.JsonWebKey;
  /** Where who signs the tokens publishes its keys, as "https://example.com/.well-known/jwks.json". */
  readonly jwksUrl?: string | URL;
  /** For whom a token must be, any of these. Asked for, unless with a `secret`. */
  readonly audience?: string | readonly string[];
  /** Who must have signed it, any of these. Asked for, unless with a `secret`. */
  readonly issuer?: string | readonly string[];
  /** How it may be signed: HS256 with a `secret`, else any public-key algorithm, unless given. */
  readonly algorithms?: readonly string[];
  /** How far the clocks of this server and of who signs may differ, in milliseconds; 5,000 unless given. */
  readonly clockToleranceMs?: number;
  /** The identity of a token's bearer; `{ id: claims.sub, claims }` unless given. */
  readonly identity?: (claims: JwtClaims) => unknown;
}

type Verify = (token: string) => Promise<JwtClaims>;

const SECRET_BYTES_MIN = 32;
/** Far more than any token has, and little to look at. */
const TOKEN_LENGTH_MAX = 16_384;
const SHARED = ["HS256", "HS384", "HS512"];
const PUBLIC = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];
const NAMES: ReadonlySet<string> = new Set<keyof JwtOptions>([
  "secret",
  "key",
  "jwksUrl",
  "audience",
  "issuer",
  "algorithms",
  "clockToleranceMs",
  "identity",
]);

/**
 * An `authenticate` for clients that show a JSON Web Token (RFC 7519), as `auth: token` or
 * `auth: { token }`. A session ends when its token does. Throws `bad_option`.
 *
 * ```ts
 * const authenticate = jwt({ jwksUrl, issuer: "https://id.example.com/", audience: "my-game" });
 * const sync = new ObjectSyncServer({ authenticate });
 * ```
 */
export function jwt(
  options: JwtOptions,
): (credentials: Pick<Credentials, "auth">) => Promise<Authenticated> {
  for (const name of Object.keys(options)) if (!NAMES.has(name)) throw bad(name, "is no option");
  const { identity = identityOf, clockToleranceMs = 5_000 } = options;
  if (typeof identity !== "function") throw bad("identity", "must be a function");
  if (!Number.isSafeInteger(clockToleranceMs) || clockToleranceMs < 0) {
    throw bad("clockToleranceMs", "must be a whole number of milliseconds");
  }
  const verify = verifier(options, clockToleranceMs);
  return async ({ auth }) => {
    const claims = await verify(tokenOf(auth));
    const expiresAt = (claims.exp as number) * 1_000 + clockToleranceMs;
    return authenticated(identity(claims), { expiresAt });
  };
}

function identityOf(claims: JwtClaims): unknown {
  if (typeof claims.sub !== "string" || claims.sub === "") throw refused("the token names nobody");
  return { id: claims.sub, claims };
}

function tokenOf(auth: unknown): string {
  const isObject = typeof auth === "object" && auth !== null;
  const token: unknown = isObject && "token" in auth ? auth.token : auth;
  if (typeof token === "string" && token.length <= TOKEN_LENGTH_MAX) return token;
  throw refused("there is no token");
}

function verifier(options: JwtOptions, clockToleranceMs: number): Verify {
  const isShared = options.secret !== undefined;
  const key = keyOf(options);
  const algorithms = algorithmsOf(options, isShared);
  const { audience, issuer } = options;
  if (!isShared) {
    // Of the same issuer there are tokens for others, who could use them here.
    if (audience === undefined) throw bad("audience", "must be given");
    if (issuer === undefined) throw bad("issuer", "must be given");
  }
  const checks = {
    algorithms,
    ...(audience !== undefined && { audience: listOf("audience", audience) }),
    ...(issuer !== undefined && { issuer: listOf("issuer", issuer) }),
    requiredClaims: ["exp"],
    clockTolerance: clockToleranceMs / 1_000,
  };
  return async (token) => {
    try {
      // One signature for both kinds of key: jose's own types have one for each.
      const { payload } = await jwtVerify(token, key as JWTVerifyGetKey, checks);
      return payload;
    } catch (error) {
      if (error instanceof SyncError) throw error;
      if (error instanceof errors.JWTExpired) {
        throw new SyncError("token_expired", "the token has expired");
      }
      throw refused("the token is not accepted");
    }
  };
}

function keyOf({ secret, key, jwksUrl }: JwtOptions): KeyObject | Uint8Array | JWTVerifyGetKey {
  const given = [secret, key, jwksUrl].filter((one) => one !== undefined);
  if (given.length !== 1) throw bad("secret", "or key or jwksUrl must be given, and only one");
  if (secret !== undefined) return secretOf(secret);
  return key === undefined ? published(jwksUrl as string | URL) : publicKeyOf(key);
}

function secretOf(secret: string | Uint8Array): Uint8Array {
  const bytes = typeof secret === "string" ? new TextEncoder().encode(secret) : secret;
  const isLong = bytes instanceof Uint8Array && bytes.length >= SECRET_BYTES_MIN;
  if (isLong) return bytes;
  throw bad("secret", `must have at least ${String(SECRET_BYTES_MIN)} bytes`);
}

function publicKeyOf(key: string | KeyObject | webcrypto.JsonWebKey): KeyObject {
  try {
    if (key instanceof KeyObject) return key.type === "public" ? key : createPublicKey(key);
    return createPublicKey(typeof key === "string" ? key : { key: { ...key }, format: "jwk" });
  } catch (cause) {
    throw bad("key", "must be a public key", cause);
  }
}

/** Asks for the keys when a token names one that is not known, at most twice a minute. */
function published(jwksUrl: string | URL): JWTVerifyGetKey {
  if (!URL.canParse(String(jwksUrl))) throw bad("jwksUrl", "must be a URL");
  const keys = createRemoteJWKSet(new URL(jwksUrl));
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (cause) {
      if (isAboutToken(cause)) throw cause;
      // The token may be good: the client tries again, and the server's `error` event tells the cause.
      throw new SyncError("unavailable", "the keys for tokens cannot be had", { cause });
    }
  };
}

function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

/** A public key must never be taken for a shared secret: anybody could sign with it. */
function algorithmsOf({ algorithms }: JwtOptions, isShared: boolean): string[] {
  const allowed = isShared ? SHARED : PUBLIC;
  if (algorithms === undefined) return isShared ? ["HS256"] : PUBLIC;
  const list = listOf("algorithms", algorithms);
  if (list.every((one) => allowed.includes(one))) return list;
  throw bad("algorithms", `must be some of ${allowed.join(", ")}`);
}

function listOf(name: string, given: unknown): string[] {
  const list: unknown[] = Array.isArray(given) ? given : [given];
  const isText = (one: unknown): one is string => typeof one === "string" && one !== "";
  if (list.length > 0 && list.every(isText)) return [...list];
  throw bad(name, "must be a text or a list of texts");
}

function refused(message: string): SyncError {
  return new SyncError("unauthenticated", message);
}

function bad(property: string, reason: string, cause?: unknown): SyncError {
  return new SyncError("bad_option", `jwt's option ${property} ${reason}`, { property, cause });
}
