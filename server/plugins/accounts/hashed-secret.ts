import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** The cost of one hash, by scrypt's own names (RFC 7914): 128 * N * r bytes of memory, p times. */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** How a secret is kept. With its own cost, so that this can be raised for those to come. */
export interface HashedSecret extends ScryptCost {
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** One of the costs that OWASP's Password Storage Cheat Sheet names: 32 MiB, three times. */
export const DEFAULT_COST: ScryptCost = { N: 32_768, r: 8, p: 3 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;

export async function hashSecret(secret: string, { N, r, p }: ScryptCost): Promise<HashedSecret> {
  const salt = Uint8Array.from(randomBytes(SALT_BYTES));
  return { N, r, p, salt, hash: await hashOf(secret, salt, { N, r, p }) };
}

/** Takes as long for a wrong secret as for the right one. */
export async function isSecret(secret: string, kept: HashedSecret): Promise<boolean> {
  const hash = await hashOf(secret, kept.salt, kept);
  return hash.length === kept.hash.length && timingSafeEqual(hash, kept.hash);
}

function hashOf(secret: string, salt: Uint8Array, { N, r, p }: ScryptCost): Promise<Uint8Array> {
  // What a keyboard can compose in more than one way is one secret.
  const text = secret.normalize("NFKC");
  return new Promise((resolve, reject) => {
    scrypt(
      text,
      salt,
      HASH_BYTES,
      { N, r, p, maxmem: 256 * r * (N + p) + 1_048_576 },
      (error, hash) => {
        if (error === null) resolve(Uint8Array.from(hash));
        else reject(error);
      },
    );
  });
}
