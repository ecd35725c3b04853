/** The part of a socket.io packet that matters here. */
export interface Packet {
  type: number;
  nsp: string;
  data?: unknown;
  id?: number | undefined;
}

interface BaseEncoder {
  encode(packet: Packet): unknown[];
}

interface BaseDecoder {
  add(chunk: unknown): void;
  destroy(): void;
  emitReserved(event: "decoded", packet: Packet): unknown;
}

type Constructor<T> = new (...args: never[]) => T;

/** socket.io-parser's own classes, which do all that is not a message of ours. */
export interface BaseParser<E, D> {
  readonly Encoder: Constructor<E>;
  readonly Decoder: Constructor<D>;
}

// socket.io-parser's PacketType.EVENT
const EVENT = 2;

/**
 * A decoder of socket.io that gives each message of ours to `take`, as the transport brought it, and
 * decodes all else. The way of a message through socket.io's events costs as much as all else does.
 */
export function messageDecoder<D extends object>(
  Base: Constructor<D>,
  take: (message: unknown, decoder: BaseDecoder) => void,
): Constructor<D> {
  class Decoder extends (Base as unknown as Constructor<BaseDecoder>) {
    readonly #filter = new MessageFilter();

    override add(chunk: unknown): void {
      if (this.#filter.isMessage(chunk)) take(chunk, this);
      else super.add(chunk);
    }
  }

  return Decoder as unknown as Constructor<D>;
}

/**
 * A socket.io parser (https://socket.io/docs/v4/custom-parser/) that puts a message of ours into
 * one binary WebSocket message, without socket.io's envelope and its second message for the bytes.
 * All else stays in socket.io's own format, and both formats are always understood, so that either
 * side may use the default parser: `isBinary` tells the encoder which one the other side reads. To
 * `onBinary` a message of ours is told before it is decoded; when it answers true, it is not, as then
 * somebody takes it from the transport.
 */
export function binaryParser<E extends object, D extends object>(
  base: BaseParser<E, D>,
  event: string,
  namespace: string,
  isBinary: () => boolean,
  onBinary: () => boolean,
): BaseParser<E, D> {
  class Encoder extends (base.Encoder as unknown as Constructor<BaseEncoder>) {
    override encode(packet: Packet): unknown[] {
      const bytes =
        packet.type === EVENT && packet.nsp === namespace ? bytesOf(packet, event) : undefined;
      return bytes !== undefined && isBinary() ? [bytes] : super.encode(packet);
    }
  }

  const Decoder = messageDecoder(base.Decoder, (message, decoder) => {
    if (onBinary()) return;
    decoder.emitReserved("decoded", { type: EVENT, nsp: namespace, data: [event, message] });
  });

  return { Encoder, Decoder } as unknown as BaseParser<E, D>;
}

/**
 * Tells messages of ours from all else on a connection: text, and the binary messages that a text
 * has announced. It must see all of them, in their order.
 */
export class MessageFilter {
  #announced = 0;

  /** Whether bytes that came now would be a message of ours. */
  get isAtMessage(): boolean {
    return this.#announced === 0;
  }

  isMessage(chunk: unknown): boolean {
    if (typeof chunk === "string") {
      this.#announced = announced(chunk);
      return false;
    }
    if (this.#announced === 0) return true;
    this.#announced -= 1;
    return false;
  }
}

function bytesOf({ data, id }: Packet, event: string): Uint8Array | undefined {
  if (!Array.isArray(data) || data.length !== 2 || id !== undefined) return undefined;
  const [name, bytes] = data as [unknown, unknown];
  return name === event && bytes instanceof Uint8Array ? bytes : undefined;
}

/** "51-[...": a binary event (5) or acknowledgement (6) with one attachment to come. */
function announced(text: string): number {
  const match = /^[56](\d{1,6})-/.exec(text);
  return match === null ? 0 : Number(match[1]);
}
