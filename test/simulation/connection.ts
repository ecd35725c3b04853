import type { SyncError } from "../../lib/errors.ts";
import type { Link, LinkEvents } from "../../lib/link.ts";
import { Pipe, type Climate } from "./pipe.ts";
import type { SimProcess } from "./process.ts";
import type { SeededRandom } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** Sees what goes over one connection, whatever becomes of it. */
export interface Wiretap {
  /** The server is about to be given a message. */
  heard(bytes: Uint8Array): void;
  /** The server has sent a message; `waitingBytes` is what waits for the client with it. */
  sent(bytes: Uint8Array, headBytes: number, waitingBytes: number): void;
  /** The client has been given the message, `index` being its place among those sent. */
  delivered(index: number, isRefused: boolean): void;
}

export const NO_TAP: Wiretap = {
  heard: () => undefined,
  sent: () => undefined,
  delivered: () => undefined,
};

/** One end of a connection, as the code of its process sees it. */
export class LinkEnd implements Link {
  readonly incomingBytesMax = Infinity;
  readonly process: SimProcess;
  readonly #out: Pipe;
  readonly #onSend: (bytes: Uint8Array, headBytes: number) => void;
  readonly #onClose: () => void;
  #events: LinkEvents | undefined;
  #isOpen = true;
  #isEnded = false;

  constructor(
    process: SimProcess,
    out: Pipe,
    onSend: (bytes: Uint8Array, headBytes: number) => void,
    onClose: () => void,
  ) {
    this.process = process;
    this.#out = out;
    this.#onSend = onSend;
    this.#onClose = onClose;
  }

  /** Whether neither side has ended it, as far as this one knows. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get waitingBytes(): number {
    return this.#out.waitingBytes;
  }

  listen(events: LinkEvents): void {
    this.#events = events;
  }

  send(head: Uint8Array, body?: Uint8Array): void {
    if (this.#isOpen && this.process.isAlive) this.#onSend(joined(head, body), head.length);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#onClose();
  }

  /** `isSloppy` delivers also what comes after this side has closed, as no good transport would. */
  hear(bytes: Uint8Array, isSloppy: boolean): void {
    if (this.#isEnded || !(this.#isOpen || isSloppy)) return;
    this.process.run(() => this.#events?.message(bytes));
  }

  hearDrained(): void {
    if (this.#isOpen) this.process.run(() => this.#events?.drained());
  }

  hearClosed(error?: SyncError, reconnect?: boolean): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#isOpen = false;
    this.process.run(() => this.#events?.closed(error, reconnect));
  }
}

export interface Fate {
  /** When each side notices, in milliseconds from now. */
  readonly clientNoticesMs: number;
  readonly serverNoticesMs: number;
}

/** A connection between a client's process and a server's: two ends, and a pipe each way. */
export class Connection {
  readonly up: Pipe;
  readonly down: Pipe;
  readonly client: LinkEnd;
  /** What the client is called in the trace. */
  readonly name: string;
  tap: Wiretap = NO_TAP;
  readonly #timeline: Timeline;
  readonly #random: SeededRandom;
  /** Whether a link still hears what comes after it was closed. */
  readonly #isSloppy: boolean;
  #server: LinkEnd | undefined;
  #sent = 0;
  #isCut = false;
  #hasClientEnded = false;

  constructor(
    name: string,
    process: SimProcess,
    timeline: Timeline,
    random: SeededRandom,
    climate: Climate,
    isSloppy: boolean,
  ) {
    this.name = name;
    this.#timeline = timeline;
    this.#random = random;
    this.#isSloppy = isSloppy;
    this.up = new Pipe(timeline, random, climate, () => this.client.hearDrained());
    this.down = new Pipe(timeline, random, climate, () => this.#server?.hearDrained());
    this.client = new LinkEnd(
      process,
      this.up,
      (bytes) => this.up.push(bytes.length, true, () => this.#carryUp(bytes)),
      () => this.up.push(0, false, () => this.#hearClientEnd()),
    );
  }

  /** Whether nothing has reached the server yet that would keep it from letting the client in. */
  get isAdmissible(): boolean {
    return !this.#isCut && !this.#hasClientEnded;
  }

  get server(): LinkEnd | undefined {
    return this.#server;
  }

  /** The server's end, once it lets the client in. */
  openServer(process: SimProcess): LinkEnd {
    const end: LinkEnd = new LinkEnd(
      process,
      this.down,
      (bytes, headBytes) => this.#sendDown(bytes, headBytes),
      () => {
        this.endClient();
        end.hearClosed(); // socket.io tells at once, within the call
      },
    );
    this.#server = end;
    return end;
  }

  /** The client hears the end after all that was sent. */
  endClient(error?: SyncError): void {
    this.down.push(0, false, () => this.client.hearClosed(error));
  }

  /** The connection breaks: what is on the way is lost, and each side notices in its own time. */
  cut({ clientNoticesMs, serverNoticesMs }: Fate): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.up.cut();
    this.down.cut();
    this.#timeline.after(clientNoticesMs, () => this.client.hearClosed());
    this.#timeline.after(serverNoticesMs, () => this.#server?.hearClosed());
  }

  #hearClientEnd(): void {
    this.#hasClientEnded = true;
    this.#server?.hearClosed();
  }

  #carryUp(bytes: Uint8Array): void {
    const server = this.#server;
    if (server?.isOpen === true) server.process.run(() => this.tap.heard(bytes));
    server?.hear(bytes, false);
  }

  #sendDown(bytes: Uint8Array, headBytes: number): void {
    const index = this.#sent;
    this.#sent += 1;
    const isLate = this.#isSloppy && this.#random.chance(0.5);
    this.down.push(bytes.length, true, () => {
      if (this.client.isOpen) {
        this.client.hear(bytes, false);
        this.tap.delivered(index, !this.client.isOpen);
      } else {
        this.client.hear(bytes, isLate);
      }
    });
    this.tap.sent(bytes, headBytes, this.down.waitingBytes);
  }
}

function joined(head: Uint8Array, body?: Uint8Array): Uint8Array {
  if (body === undefined) return head.slice();
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}
