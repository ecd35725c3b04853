const FINAL_BINARY = 0x82;
/** Up to this length the length is the second byte itself. */
const SHORT_MAX = 125;
const MEDIUM_MAX = 0xffff;
/** A small body is copied, which is cheaper than to write it apart; a large one is shared by all. */
const COPIED_BYTES_MAX = 16_384;

/** One unmasked binary WebSocket frame (RFC 6455, 5.2) of a message in two parts, as one or two buffers. */
export function webSocketFrame(head: Uint8Array, body: Uint8Array | undefined): Uint8Array[] {
  const bodyLength = body?.length ?? 0;
  const length = head.length + bodyLength;
  const extra = length <= SHORT_MAX ? 0 : length <= MEDIUM_MAX ? 2 : 8;
  const start = 2 + extra;
  const isCopied = bodyLength <= COPIED_BYTES_MAX;
  const frame = Buffer.allocUnsafe(start + head.length + (isCopied ? bodyLength : 0));
  frame[0] = FINAL_BINARY;
  if (extra === 0) {
    frame[1] = length;
  } else if (extra === 2) {
    frame[1] = SHORT_MAX + 1;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = SHORT_MAX + 2;
    frame.writeUIntBE(0, 2, 2);
    frame.writeUIntBE(length, 4, 6);
  }
  frame.set(head, start);
  if (body === undefined) return [frame];
  if (!isCopied) return [frame, body];
  frame.set(body, start + head.length);
  return [frame];
}
