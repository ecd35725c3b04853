const ENTRIES_MAX = 4_000;
const SHOWN_BYTES = 48;

interface Entry {
  /** In milliseconds since 1970. */
  readonly at: number;
  readonly attack: string;
  readonly bytes: number;
  readonly start: Buffer;
}

/** What was sent last, by all attackers: of each only the beginning, as the seed has the rest. */
export class Journal {
  readonly #entries: Entry[] = [];
  messages = 0;
  bytes = 0;

  note(attack: string, sent: Buffer): void {
    this.messages += 1;
    this.bytes += sent.length;
    const start = Buffer.from(sent.subarray(0, SHOWN_BYTES));
    this.#entries.push({ at: Date.now(), attack, bytes: sent.length, start });
    if (this.#entries.length > 2 * ENTRIES_MAX) this.#entries.splice(0, ENTRIES_MAX);
  }

  /** The last so many that were sent by then. */
  before(moment: number, count: number): string[] {
    const entries = this.#entries.filter(({ at }) => at <= moment).slice(-count);
    return entries.map(({ at, attack, bytes, start }) => {
      const text = start.toString("latin1").replace(/[^\x20-\x7e]/g, ".");
      return `${at - moment} ms  ${attack}  ${bytes} bytes  ${start.toString("hex")}  ${text}`;
    });
  }
}
