import { SyncError } from "../lib/errors.ts";
import { PROTOCOL } from "../lib/protocol.ts";
import { excessOf } from "./json-shape.ts";

/** Far more than a hello has, as its topics are one text. */
const BOUNDS = { valuesMax: 10_000, depthMax: 64 };
/** What stands before the JSON in a packet of socket.io: its type, how many attachments, namespace and number. */
const HEAD = /^(\d)(?:\d+-)?(?:(\/[^,]*),?)?\d*/;
// socket.io-parser's PacketType
const [CONNECT, EVENT] = [0, 2];

/** In the place of a hello that is not parsed, for what it holds. */
export class UnreadHello {
  readonly error: SyncError;

  constructor(excess: "values" | "depth") {
    this.error =
      excess === "depth"
        ? new SyncError("too_deep", "the hello is nested too deep")
        : new SyncError("too_large", "the hello has too many values");
  }
}

interface Packet {
  readonly type: number;
  readonly nsp: string;
  readonly data: unknown;
}

interface BaseDecoder {
  add(chunk: unknown): void;
  emitReserved(event: "decoded", packet: Packet): unknown;
}

type Constructor<T> = new (...args: never[]) => T;

/**
 * A decoder of socket.io that parses no more JSON than one hello may be, whoever sends it: 1 MB of it can take
 * a quarter of a second. Of an event it leaves the name, as of a message that cannot be read: none of ours is text.
 */
export function boundedDecoder<D extends object>(Base: Constructor<D>): Constructor<D> {
  class Decoder extends (Base as unknown as Constructor<BaseDecoder>) {
    override add(chunk: unknown): void {
      const packet = typeof chunk === "string" ? unreadIn(chunk) : undefined;
      if (packet === undefined) super.add(chunk);
      else this.emitReserved("decoded", packet);
    }
  }

  return Decoder as unknown as Constructor<D>;
}

/** What takes the place of a packet that is not to be parsed. */
function unreadIn(text: string): Packet | undefined {
  const [head = "", type, nsp = "/"] = HEAD.exec(text) ?? [];
  const excess = excessOf(Buffer.from(text.slice(head.length)), BOUNDS);
  if (excess === undefined) return undefined;
  if (Number(type) === CONNECT) return { type: CONNECT, nsp, data: new UnreadHello(excess) };
  if (Number(type) === EVENT) return { type: EVENT, nsp, data: [PROTOCOL.event] };
  throw new Error("a packet has too much JSON"); // as what cannot be parsed: the connection ends
}
