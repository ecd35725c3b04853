import { EventEmitter } from "node:events";

/** Of ws's Receiver, to which the socket's bytes are written, what is used here. */
interface Receiver {
  write(chunk: Buffer): boolean;
  emit(event: "message", data: Buffer, isBinary: boolean): boolean;
  emit(event: "drain"): boolean;
  readonly writableNeedDrain: boolean;
  readonly _allowSynchronousEvents: boolean;
  readonly _binaryType: string;
  readonly _bufferedBytes: number;
  readonly _errored: boolean;
  readonly _fragmented: number;
  readonly _isServer: boolean;
  readonly _maxPayload: number;
  readonly _state: number;
}

interface WebSocket {
  readonly extensions: string;
  readonly _receiver: Receiver | null;
}

const KNOWN: Readonly<Record<keyof Receiver, unknown>> = {
  write: "function",
  emit: "function",
  writableNeedDrain: "boolean",
  _allowSynchronousEvents: "boolean",
  _binaryType: "string",
  _bufferedBytes: "number",
  _errored: "boolean",
  _fragmented: "number",
  _isServer: "boolean",
  _maxPayload: "number",
  _state: "number",
};

// ws's GET_INFO: it expects the first byte of a frame.
const AT_FRAME = 0;
const FINAL_BINARY = 0x82;
const MASKED = 0x80;
const LENGTH_BITS = 0x7f;
/** The length is in the next two bytes. */
const MEDIUM = 126;
const MASK_BYTES = 4;
/**
 * What is heard of one connection in a turn of the loop, about. Node would read two megabytes of it, which
 * can hold hundreds of messages that are dear to understand, before anybody else is heard.
 */
const TURN_BYTES = 65_536;
/** Smaller pieces come one in a turn, for they are all that there is. */
const COUNTED_BYTES = 4_096;

/**
 * Takes messages out of the bytes of a WebSocket of ws before its Receiver, whose way (a stream, a
 * state machine, and engine.io's events after it) costs more than all that is done with a small
 * message. What is read here is a whole, single, masked, uncompressed binary frame of an allowed
 * length, at a moment when the Receiver is between two messages. From the first byte that is anything
 * else the rest of a chunk goes to the Receiver: so what is wrong is judged by ws alone.
 *
 * `take` answers whether it has taken a message; if not, the message goes the ordinary way. Returns
 * its undo, or undefined when ws is another than is known here or has an extension, which may give
 * frames another meaning; then all goes the ordinary way.
 */
export function takeMessages(
  webSocket: object,
  take: (message: Buffer) => boolean,
): (() => void) | undefined {
  const receiver = receiverOf(webSocket);
  if (receiver === undefined) return undefined;
  const write = receiver.write.bind(receiver);
  let heardBytes = 0;
  const nextTurn = (): void => {
    const isPaused = heardBytes >= TURN_BYTES;
    heardBytes = 0;
    // With this ws reads on. If it waits for its own Receiver, that will say so.
    if (isPaused && !receiver.writableNeedDrain) receiver.emit("drain");
  };
  // ws's own listener on the socket calls this, and stops reading when the answer is false.
  receiver.write = (chunk) => {
    const isTaken = takeFrames(chunk);
    if (chunk.length < COUNTED_BYTES) return isTaken;
    if (heardBytes === 0) setImmediate(nextTurn);
    heardBytes += chunk.length;
    return isTaken && heardBytes < TURN_BYTES;
  };
  const takeFrames = (chunk: Buffer): boolean => {
    let offset = 0;
    while (isBetweenMessages(receiver)) {
      const frame = readFrame(chunk, offset, receiver._maxPayload);
      if (frame === undefined) break;
      offset = frame.end;
      if (!take(frame.message)) receiver.emit("message", frame.message, true);
      if (offset === chunk.length) return true;
    }
    return write(offset === 0 ? chunk : chunk.subarray(offset));
  };
  return () => {
    receiver.write = write;
  };
}

/** Calls `listener` before ws ends a WebSocket on which a message is larger than it takes. */
export function onTooLarge(webSocket: object, listener: () => void): void {
  const { _receiver: receiver } = webSocket as { readonly _receiver?: unknown };
  if (!(receiver instanceof EventEmitter)) return; // another ws than is known here
  receiver.prependListener("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") listener();
  });
}

function receiverOf(webSocket: object): Receiver | undefined {
  const { extensions, _receiver: receiver } = webSocket as Partial<WebSocket>;
  if (extensions !== "" || !receiver) return undefined;
  for (const [name, type] of Object.entries(KNOWN)) {
    if (typeof receiver[name as keyof Receiver] !== type) return undefined;
  }
  const { _isServer, _allowSynchronousEvents, _binaryType } = receiver;
  const isOurs = _isServer && _allowSynchronousEvents && _binaryType === "nodebuffer";
  return isOurs ? receiver : undefined;
}

function isBetweenMessages(receiver: Receiver): boolean {
  return (
    receiver._state === AT_FRAME &&
    receiver._bufferedBytes === 0 &&
    receiver._fragmented === 0 &&
    !receiver._errored
  );
}

/** The frame that begins at `offset`, if it is whole and of the one kind that is read here. */
function readFrame(
  chunk: Buffer,
  offset: number,
  maxPayload: number,
): { readonly message: Buffer; readonly end: number } | undefined {
  if (chunk.length - offset < 2 + MASK_BYTES || chunk[offset] !== FINAL_BINARY) return undefined;
  const second = chunk[offset + 1] ?? 0;
  if ((second & MASKED) === 0) return undefined;
  let length = second & LENGTH_BITS;
  let start = offset + 2;
  if (length > MEDIUM) return undefined;
  if (length === MEDIUM) {
    length = chunk.readUInt16BE(start);
    start += 2;
  }
  const end = start + MASK_BYTES + length;
  // 0 is no limit.
  if (end > chunk.length || (maxPayload > 0 && length > maxPayload)) return undefined;
  return { message: unmask(chunk, start, end), end };
}

/** In place, as ws does. */
function unmask(chunk: Buffer, maskStart: number, end: number): Buffer {
  const message = chunk.subarray(maskStart + MASK_BYTES, end);
  for (let i = 0; i < message.length; i += 1) {
    message[i] = (message[i] ?? 0) ^ (chunk[maskStart + (i & 3)] ?? 0);
  }
  return message;
}
