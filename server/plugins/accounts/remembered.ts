import { createHmac, randomBytes } from "node:crypto";

const REMEMBERED_MAX = 1_000;

interface Right {
  /** The hash that the secret was compared with: another secret has another. */
  readonly hash: Uint8Array;
  readonly until: number;
}

/**
 * Secrets that were right a moment ago: who shows one with every request, as over HTTP, need not wait for
 * its hash each time. What is kept is of no use without this process's own key.
 */
export class Remembered {
  readonly #forMs: number;
  readonly #key = randomBytes(32);
  /** Oldest first. */
  readonly #rights = new Map<string, Right>();

  constructor(forMs: number) {
    this.#forMs = forMs;
  }

  add(name: string, secret: string, hash: Uint8Array, now: number): void {
    if (this.#forMs === 0) return;
    const key = this.#digest(name, secret);
    this.#rights.delete(key);
    this.#rights.set(key, { hash, until: now + this.#forMs });
    for (const [oldest] of this.#rights) {
      if (this.#rights.size <= REMEMBERED_MAX) break;
      this.#rights.delete(oldest);
    }
  }

  has(name: string, secret: string, hash: Uint8Array, now: number): boolean {
    if (this.#forMs === 0) return false;
    const right = this.#rights.get(this.#digest(name, secret));
    return right !== undefined && right.hash === hash && now < right.until;
  }

  #digest(name: string, secret: string): string {
    const text = JSON.stringify([name, secret]);
    return createHmac("sha256", this.#key).update(text).digest("base64url");
  }
}
