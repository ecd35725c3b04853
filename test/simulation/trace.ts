const TAIL_LINES = 60;

/** All that happened, as a hash, and the last of it, as text. */
export class Trace {
  readonly #tail: string[] = [];
  readonly #isPrinting: boolean;
  #hash = 0x811c9dc5;
  #lines = 0;

  constructor(isPrinting = false) {
    this.#isPrinting = isPrinting;
  }

  add(now: number, who: string, what: string): void {
    const line = `${now.toFixed(3).padStart(11)} ${who.padEnd(6)} ${what}`;
    for (let i = 0; i < line.length; i++) {
      this.#hash = Math.imul(this.#hash ^ line.charCodeAt(i), 0x01000193);
    }
    this.#lines += 1;
    this.#tail.push(line);
    if (this.#tail.length > TAIL_LINES * 2) this.#tail.splice(0, TAIL_LINES);
    if (this.#isPrinting) console.log(line);
  }

  /** Two runs of one seed must agree on this. */
  get hash(): string {
    return `${this.#lines}:${(this.#hash >>> 0).toString(16)}`;
  }

  get tail(): readonly string[] {
    return this.#tail.slice(-TAIL_LINES);
  }
}
