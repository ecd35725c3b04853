import { PROTOCOL } from "../../lib/protocol.ts";
import { PATIENCE_MS, type Attack } from "./attack.ts";
import type { SeededRandom } from "../simulation/random.ts";
import type { Wire } from "./wire.ts";

/** https://www.rfc-editor.org/rfc/rfc6455#section-5.2, with all that can be wrong in it. */
export interface Frame {
  readonly opcode: number;
  readonly payload: Uint8Array | string;
  readonly isFinal?: boolean;
  /** The three bits that only extensions may set. */
  readonly reserved?: number;
  readonly isMasked?: boolean;
  /** Of how many bits the length is; the shortest that will do, unless given. */
  readonly lengthBits?: 7 | 16 | 64;
  /** How long it says that it is. */
  readonly length?: bigint;
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const MEDIUM = 126;
const LONG = 127;
const NS = PROTOCOL.defaultNamespace;
/** What a welcome has in it. */
export const WELCOME = "nextHandle";
/** How socket.io begins to tell that somebody may not connect. */
const REFUSAL = "44/";

export function frameOf(random: SeededRandom, frame: Frame): Buffer {
  const { opcode, isFinal = true, reserved = 0, isMasked = true } = frame;
  const payload = Buffer.from(frame.payload as string);
  const length = frame.length ?? BigInt(payload.length);
  const bits = frame.lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const size = bits === 7 ? 0 : bits / 8;
  const header = Buffer.alloc(2 + size + (isMasked ? 4 : 0));
  header[0] = (isFinal ? 0x80 : 0) | ((reserved & 7) << 4) | (opcode & 15);
  const short = bits === 7 ? Number(length & 127n) : bits === 16 ? MEDIUM : LONG;
  header[1] = (isMasked ? 0x80 : 0) | short;
  if (bits === 16) header.writeUInt16BE(Number(length & 0xffffn), 2);
  if (bits === 64) header.writeBigUInt64BE(BigInt.asUintN(64, length), 2);
  if (!isMasked) return Buffer.concat([header, payload]);
  const mask = bytesOf(random, 4);
  mask.copy(header, 2 + size);
  for (let i = 0; i < payload.length; i++) {
    payload[i] = (payload[i] as number) ^ (mask[i & 3] as number);
  }
  return Buffer.concat([header, payload]);
}

export function bytesOf(random: SeededRandom, count: number): Buffer {
  const bytes = Buffer.alloc(count);
  for (let i = 0; i < count; i++) bytes[i] = random.below(256);
  return bytes;
}

/** A request to become a WebSocket. `query` begins with "&"; `headers` end with a line break each. */
export function upgradeRequest(random: SeededRandom, query = "", headers = ""): string {
  return (
    `GET ${PROTOCOL.defaultPath}/?EIO=4&transport=websocket${query} HTTP/1.1\r\n` +
    "Host: victim\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
    `Sec-WebSocket-Key: ${bytesOf(random, 16).toString("base64")}\r\n${headers}\r\n`
  );
}

/** Somebody who speaks over a WebSocket. */
export class Speaker {
  readonly wire: Wire;
  readonly #random: SeededRandom;

  private constructor(wire: Wire, random: SeededRandom) {
    this.wire = wire;
    this.#random = random;
  }

  /** Undefined when there is no WebSocket to be had. */
  static async open(attack: Attack, query = "", headers = ""): Promise<Speaker | undefined> {
    // Of its own: several that speak at once may take turns in any order.
    const random = attack.random.fork(`wire ${attack.wires.length}`);
    const wire = attack.wire();
    await wire.send(upgradeRequest(random, query, headers));
    const isOpen = await wire.hears(["\r\n\r\n"], PATIENCE_MS);
    const isWebSocket = isOpen && wire.heard.subarray(0, 12).toString() === "HTTP/1.1 101";
    return isWebSocket ? new Speaker(wire, random) : undefined;
  }

  /** One that engine.io has welcomed. */
  static async greeted(attack: Attack): Promise<Speaker | undefined> {
    const speaker = await Speaker.open(attack);
    return (await speaker?.wire.hears(['0{"sid"'], PATIENCE_MS)) === true ? speaker : undefined;
  }

  /** One with a session of ours. Undefined when the victim does not let it in. */
  static async admitted(attack: Attack, hello: object): Promise<Speaker | undefined> {
    const speaker = await Speaker.greeted(attack);
    await speaker?.text(`40${NS},${JSON.stringify(hello)}`);
    await speaker?.wire.hears([WELCOME, REFUSAL], PATIENCE_MS);
    return speaker?.wire.heard.includes(WELCOME) === true ? speaker : undefined;
  }

  /** As it is. */
  raw(bytes: Uint8Array | string): Promise<boolean> {
    return this.wire.send(bytes);
  }

  frame(frame: Frame): Promise<boolean> {
    return this.wire.send(frameOf(this.#random, frame));
  }

  text(text: string): Promise<boolean> {
    return this.frame({ opcode: OPCODE.text, payload: text });
  }

  /** One message of ours. */
  message(bytes: Uint8Array): Promise<boolean> {
    return this.frame({ opcode: OPCODE.binary, payload: bytes });
  }

  /** Many messages of ours, as few writes as can be. */
  messages(all: readonly Uint8Array[]): Promise<boolean> {
    const frames = all.map((payload) => frameOf(this.#random, { opcode: OPCODE.binary, payload }));
    return this.wire.send(Buffer.concat(frames));
  }

  /** The same frame in pieces, each a write of its own. */
  async inPieces(frame: Buffer): Promise<boolean> {
    for (let at = 0; at < frame.length;) {
      const size = 1 + this.#random.below(Math.max(1, Math.ceil(frame.length / 3)));
      if (!(await this.wire.send(frame.subarray(at, at + size)))) return false;
      await new Promise((resolve) => setImmediate(resolve));
      at += size;
    }
    return true;
  }
}
