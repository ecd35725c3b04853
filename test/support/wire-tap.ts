import { DEFAULT_LIMITS } from "../../lib/index.ts";
import { decodeServerMessage, type ServerMessage } from "../../lib/messages.ts";
import { PROTOCOL } from "../../lib/protocol.ts";
import { ShapeDictionary } from "../../lib/shape-codec.ts";

const BINARY = 2;

/** One message of ours as it crossed the network. */
export interface Tapped {
  /** The WebSocket message, without the two or more bytes of its frame. */
  readonly bytes: number;
  readonly message: ServerMessage;
}

/**
 * Reads along what a server sends over one TCP connection: first HTTP, then WebSocket frames
 * (https://www.rfc-editor.org/rfc/rfc6455#section-5.2), of which the binary ones are ours.
 */
export class WireTap {
  readonly messages: Tapped[] = [];
  readonly #onMessage: (tapped: Tapped) => void;
  readonly #dictionary = new ShapeDictionary(DEFAULT_LIMITS);
  #rest: Buffer = Buffer.alloc(0);
  #isWebSocket = false;
  /** A session that began by polling: what it was told there is not known here. */
  #isAmidSession = false;

  constructor(onMessage: (tapped: Tapped) => void = () => undefined) {
    this.#onMessage = onMessage;
  }

  get bytes(): number {
    return this.messages.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    if (!this.#isWebSocket) this.#skipHttp();
    if (!this.#isWebSocket || this.#isAmidSession) return;
    for (let frame = this.#takeFrame(); frame !== undefined; frame = this.#takeFrame()) {
      if (frame.opcode !== BINARY) continue;
      this.#isAmidSession = this.messages.length === 0 && !isWelcome(frame.payload);
      if (this.#isAmidSession) return;
      const message = decodeServerMessage(frame.payload, this.#dictionary, DEFAULT_LIMITS);
      const tapped = { bytes: frame.payload.length, message };
      this.messages.push(tapped);
      this.#onMessage(tapped);
    }
  }

  #skipHttp(): void {
    const end = this.#rest.indexOf("\r\n\r\n");
    if (end === -1 || !this.#rest.toString("latin1").startsWith("HTTP/1.1 101")) return;
    this.#isWebSocket = true;
    this.#rest = this.#rest.subarray(end + 4);
  }

  #takeFrame(): { opcode: number; payload: Buffer } | undefined {
    const rest = this.#rest;
    if (rest.length < 2) return undefined;
    const opcode = rest.readUInt8(0) & 0x0f;
    const short = rest.readUInt8(1) & 0x7f;
    const start = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (rest.length < start) return undefined;
    const length =
      short === 127
        ? Number(rest.readBigUInt64BE(2))
        : short === 126
          ? rest.readUInt16BE(2)
          : short;
    if (rest.length < start + length) return undefined;
    this.#rest = rest.subarray(start + length);
    return { opcode, payload: rest.subarray(start, start + length) };
  }
}

function isWelcome(payload: Buffer): boolean {
  return payload[0] === PROTOCOL.fromServer.welcome;
}
