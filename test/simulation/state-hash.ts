/**
 * A hash of a set of objects that can be kept up to date object by object: the sum of the hashes of
 * its members.
 */
export class StateHash {
  #high = 0;
  #low = 0;

  add(text: string): void {
    this.#high = (this.#high + hashOf(text, 0x811c9dc5)) >>> 0;
    this.#low = (this.#low + hashOf(text, 0x2f0b4c47)) >>> 0;
  }

  remove(text: string): void {
    this.#high = (this.#high - hashOf(text, 0x811c9dc5)) >>> 0;
    this.#low = (this.#low - hashOf(text, 0x2f0b4c47)) >>> 0;
  }

  get value(): string {
    return `${this.#high.toString(16)}.${this.#low.toString(16)}`;
  }
}

function hashOf(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    hash ^= hash >>> 13;
  }
  return hash >>> 0;
}
