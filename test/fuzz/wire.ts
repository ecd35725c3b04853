import { connect, type Socket } from "node:net";

/** More than all that the victim has to tell. */
const HEARD_MAX_BYTES = 64 * 1024 * 1024;
/** How long it is waited for a victim that takes no more, until the attack goes on elsewhere. */
const ROOM_PATIENCE_MS = 1_000;

/** One TCP connection to the victim, which says whatever it is told to, and keeps what it hears. */
export class Wire {
  readonly #socket: Socket;
  readonly #onSent: (bytes: Buffer) => void;
  #chunks: Buffer[] = [];
  #heardBytes = 0;
  #waiting: (() => void)[] = [];

  /** `onSent` is told of what is sent. */
  constructor(port: number, onSent: (bytes: Buffer) => void) {
    this.#onSent = onSent;
    this.#socket = connect(port, "localhost");
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => {
      this.#heardBytes += chunk.length;
      this.#chunks.push(chunk);
      if (this.#heardBytes > HEARD_MAX_BYTES) this.#socket.destroy();
      this.#changed();
    });
    this.#socket.on("drain", () => this.#changed());
    this.#socket.on("error", () => undefined); // its end is told by "close"
    this.#socket.on("end", () => this.#changed());
    this.#socket.on("close", () => this.#changed());
  }

  get isOver(): boolean {
    return this.#socket.destroyed || this.#socket.readableEnded;
  }

  /** All that the victim has said. */
  get heard(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  get heardBytes(): number {
    return this.#heardBytes;
  }

  /** False when it cannot be said: the connection is over, or the victim takes no more. */
  async send(bytes: Uint8Array | string): Promise<boolean> {
    if (this.isOver) return false;
    const buffer = typeof bytes === "string" ? Buffer.from(bytes) : Buffer.from(bytes);
    this.#onSent(buffer);
    if (this.#socket.write(buffer)) return true;
    return this.#until(() => !this.#socket.writableNeedDrain, ROOM_PATIENCE_MS);
  }

  /** Waits until the victim has said any of these. False when it does not in time. */
  async hears(what: readonly string[], patienceMs: number): Promise<boolean> {
    let length = -1;
    const isHeard = (): boolean => {
      if (length === this.#heardBytes) return false; // nothing new
      length = this.#heardBytes;
      return what.some((one) => this.heard.includes(one));
    };
    return this.#until(isHeard, patienceMs);
  }

  /** Waits until the victim has ended it. */
  async isEnded(patienceMs: number): Promise<boolean> {
    return this.#until(() => this.isOver, patienceMs);
  }

  /** From now on nothing is read. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** No more is said, and what the victim says is still heard. */
  end(): void {
    this.#socket.end();
  }

  /** At once, with what is still under way. */
  close(): void {
    this.#socket.destroy();
    this.#changed();
  }

  /** Waits for something to be so. False when the connection ends before, or the time is over. */
  async #until(look: () => boolean, patienceMs: number): Promise<boolean> {
    const patience = new AbortController();
    const timer = setTimeout(() => {
      patience.abort();
      this.#changed();
    }, patienceMs);
    try {
      for (;;) {
        if (look()) return true;
        if (this.isOver || patience.signal.aborted) return false;
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #changed(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
