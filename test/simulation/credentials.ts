/** What a client shows: which client it is, and until when this is good, in time of the simulation. */
export interface SimCredentials {
  readonly key: string;
  /** Infinity when it does not expire. */
  readonly expiresAt: number;
}

export function credentialsText({ key, expiresAt }: SimCredentials): string {
  return Number.isFinite(expiresAt) ? `${key} until ${String(expiresAt)}` : key;
}

export function parseCredentials(text: unknown): SimCredentials {
  const [key = "", expiresAt = Infinity] = String(text).split(" until ");
  return { key, expiresAt: Number(expiresAt) };
}
